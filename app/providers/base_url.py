"""The URL of a provider's API, and what people put into it besides: a query, a user's name."""

from __future__ import annotations

import re
from base64 import b64encode
from ipaddress import ip_address
from typing import Annotated, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from pydantic import AfterValidator

_plain = re.compile(r"https?://[^\s\x00-\x1f\x7f#]+", re.IGNORECASE)


class SplitUrl(NamedTuple):
    """A base URL in parts.

    url: without its query and its user info, so that a path can be put behind it
    query: of each request
    headers: of each request: the one that user info stands for (RFC 7617)
    """

    url: str | None
    query: dict[str, str]
    headers: dict[str, str]


def split(url: str | None) -> SplitUrl:
    """Split a base URL; None has no parts.

    Raises ValueError for what is no `http` or `https` URL of an API. A fragment is refused, as it
    is never sent, and so is a key that the query has twice.
    """
    if url is None:
        return SplitUrl(None, {}, {})
    parts = urlsplit(url)
    if not _plain.fullmatch(url) or not parts.hostname or parts.port == 0:
        raise ValueError("no URL of an API")
    pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    if len(query := dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice in the query")
    user_info, _, place = parts.netloc.rpartition("@")
    return SplitUrl(
        urlunsplit((parts.scheme, place, parts.path, "", "")),
        query,
        {"Authorization": _basic(user_info)} if user_info else {},
    )


def is_this_machine(host: str) -> bool:
    """Whether a host's name or address is of this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _basic(user_info: str) -> str:
    user, _, password = user_info.partition(":")
    pair = f"{unquote(user)}:{unquote(password)}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def _checked(url: str) -> str:
    split(url)
    return url


BaseUrl = Annotated[str, AfterValidator(_checked)]
"""The URL of a provider's API, as `split` takes it."""
