"""Refuses calls that a browser sends for pages that are not allowed to call.

Any page that a user has open can make the browser send such a request. The browser only hides the
answer from the page, but by then the answer has been paid for. So the request is refused before
a stream begins.

https://fetch.spec.whatwg.org/#origin-header
https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
https://wicg.github.io/nav-speculation/prefetch.html#sec-purpose-header
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final

import structlog
from starlette.datastructures import Headers
from starlette.types import Scope

from app.errors import Forbidden
from app.settings import Settings

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PURPOSES: Final = ("sec-purpose", "purpose", "x-moz")

_LOCAL_PAGE: Final = re.compile(
    r"https?://(localhost|[a-z0-9.-]+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?"
)
"""Origins of pages that this machine serves, such as a front end's development server. Names
under `localhost` are this machine, too: https://www.rfc-editor.org/rfc/rfc6761#section-6.3"""

_READABLE: Final = re.compile(r"[!-~]{1,200}")
MAX_TOLD: Final = 100
"""How many different refusals are logged. Whoever calls can make up as many as they like."""

_log = structlog.get_logger("origins")


class Origins:
    """Knows which pages may call, and by which host names the service may be called.

    A service that is open and only reachable from this machine may be called by pages of this
    machine, whatever their port.
    Each origin and host name that is refused is logged once, with the setting that allows it.

    is_open: whether it serves whoever reaches it
    """

    def __init__(self, settings: Settings, *, is_open: bool) -> None:
        self._loopback_only = is_open and not settings.allow_open
        self._allowed = frozenset(settings.cors_origins)
        self._allows_local = is_open and settings.on_loopback
        hosts = frozenset(name.lower() for name in settings.allowed_hosts)
        # DNS rebinding: a page lets its own host name resolve to this service, and for the browser
        # both are then one origin. The service can notice this only if it knows all of its names.
        knows_names = settings.on_loopback or hosts
        self._hosts = hosts | _LOOPBACK if knows_names else None
        self._told: set[str] = set()

    def allows(self, origin: str) -> bool:
        """Whether pages of this origin may call, even if it is not the service's own."""
        is_local = self._allows_local and _LOCAL_PAGE.fullmatch(origin) is not None
        return is_local or "*" in self._allowed or origin in self._allowed

    def check(self, headers: Headers, scope: Scope) -> None:
        """Raise `Forbidden` if the address, the page, the host name or the purpose is not allowed.

        scope: that of the request, whose address another server than ours may have chosen
        """
        if self._loopback_only and not _is_on_loopback(scope):
            raise Forbidden("The service has no keys: set API_KEYS, or ALLOW_OPEN=true.")
        host = headers.get("host", "").lower()
        if self._hosts is not None and host and _name(host) not in self._hosts:
            self._tell("a call by another host name was refused", "ALLOWED_HOSTS", host=host)
            raise Forbidden("The service is not called by this name: see ALLOWED_HOSTS.")
        origin = headers.get("origin")
        if origin is not None and not self._may_call(origin, host):
            raise Forbidden("Pages of this origin may not call: see CORS_ORIGINS.")
        if origin is None and _is_foreign(headers):
            raise Forbidden("Pages of other sites may not call.")
        if any(headers.get(name, "").lower().startswith("prefetch") for name in _PURPOSES):
            raise Forbidden("A prefetch may not begin a stream.")

    def tell(self, headers: Headers) -> None:
        """Log that a page may not read an answer, or may not even ask.

        This is for all answers: the browser tells the page nothing but that its call has failed.
        """
        origin = headers.get("origin")
        if origin is not None and not self._may_call(origin, headers.get("host", "")):
            self._tell("a page of another origin was refused", "CORS_ORIGINS", origin=origin)

    def _may_call(self, origin: str, host: str) -> bool:
        return self.allows(origin) or is_own(origin, host)

    def _tell(self, event: str, setting: str, **refused: str) -> None:
        [(kind, name)] = refused.items()
        told = name if _READABLE.fullmatch(name) else "unreadable"
        if told in self._told or len(self._told) == MAX_TOLD:
            return
        self._told.add(told)
        _log.warning(event, **{kind: told}, allowed_by=setting)


def _is_on_loopback(scope: Scope) -> bool:
    """Whether a call has come to a loopback address, or to a socket that has no IP address."""
    address = (scope.get("server") or ("",))[0]
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return True


def _is_foreign(headers: Headers) -> bool:
    """Whether a browser says that a call without `Origin` comes from a page of another site.

    Images, links and forms send no `Origin`. A page of the same site (for example on another
    port) may link to the service, but may not embed it as an image or a frame.
    """
    site = headers.get("sec-fetch-site")
    is_link = headers.get("sec-fetch-mode") == "navigate"
    is_link = is_link and headers.get("sec-fetch-dest", "document") == "document"
    return site == "cross-site" or (site == "same-site" and not is_link)


def is_own(origin: str, host: str) -> bool:
    """Whether this origin is that of the host itself."""
    scheme, _, name = origin.lower().partition("://")
    port = {"http": ":80", "https": ":443"}.get(scheme)
    return port is not None and host != "" and host.lower() in (name, name + port)


def _name(host: str) -> str:
    """A host's name without its port."""
    return host if host.endswith("]") else host.rsplit(":", 1)[0]
