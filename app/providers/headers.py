"""Headers and keys that an operator gives: only those that can be sent are taken."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, SecretStr

FRAMING: Final = frozenset({"connection", "content-length", "transfer-encoding"})
"""Headers that say where a request ends: another value would break it."""

_name = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_value = re.compile(r"[!-~]([ \t!-~]*[!-~])?")


def is_name(name: str) -> bool:
    """Whether a header may have this name (RFC 9110 5.1), and is not one of `FRAMING`."""
    return _name.fullmatch(name) is not None and name.lower() not in FRAMING


def is_value(value: str) -> bool:
    """Whether a header may have this value (RFC 9110 5.5: printable ASCII, in one line)."""
    return _value.fullmatch(value) is not None


def is_key(key: str) -> bool:
    """Whether this can be a key: printable ASCII without a blank. A line's end easily slips in."""
    return re.fullmatch(r"[!-~]+", key) is not None


def _checked(headers: dict[str, str]) -> dict[str, str]:
    names = {name.lower() for name in headers}
    if len(names) != len(headers) or not all(map(is_name, headers)):
        raise ValueError("a name that can't be sent")
    if not all(map(is_value, headers.values())):
        raise ValueError("a value that can't be sent")
    return headers


def _checked_key(key: SecretStr) -> SecretStr:
    if not is_key(key.get_secret_value()):
        raise ValueError("a key that can't be sent")
    return key


Headers = Annotated[dict[str, str], AfterValidator(_checked)]
"""Headers, each of which can be sent."""

Key = Annotated[SecretStr, AfterValidator(_checked_key)]
"""A key that can be sent."""
