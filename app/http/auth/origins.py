"""Where a call comes from: pages that nobody has allowed may not spend, not even unseen.

A browser sends requests for any page that a user looks at, and hides only the answer. What
such a request would cost has been paid by then, so it is refused before anything is begun.

https://fetch.spec.whatwg.org/#origin-header
https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
https://wicg.github.io/nav-speculation/prefetch.html#sec-purpose-header
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers

from app.errors import Forbidden
from app.settings import Settings

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PURPOSES: Final = ("sec-purpose", "purpose", "x-moz")


class Origins:
    """Which pages may call, and by which names."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = frozenset(settings.cors_origins)
        hosts = frozenset(name.lower() for name in settings.allowed_hosts)
        # Bound to loopback, or told its names: any other is a page's own that now leads here
        # (DNS rebinding), and which the browser takes for the same origin.
        checks = settings.on_loopback or hosts
        self._hosts = hosts | _LOOPBACK if checks else None

    def check(self, headers: Headers) -> None:
        """May this call come from there? Raises `Forbidden`."""
        host = headers.get("host", "").lower()
        if self._hosts is not None and host and _name(host) not in self._hosts:
            raise Forbidden("The service is not called by this name: see ALLOWED_HOSTS.")
        origin = headers.get("origin")
        if origin is not None and not self._may_call(origin, host):
            raise Forbidden("Pages of this origin may not call: see CORS_ORIGINS.")
        if origin is None and _is_foreign(headers):
            raise Forbidden("Pages of other sites may not call.")
        if any(headers.get(name, "").lower().startswith("prefetch") for name in _PURPOSES):
            raise Forbidden("Nothing is begun for a prefetch.")

    def _may_call(self, origin: str, host: str) -> bool:
        return "*" in self._allowed or origin in self._allowed or is_own(origin, host)


def _is_foreign(headers: Headers) -> bool:
    """Whether a browser says so of a call without `Origin`: an image, a link, a form.

    A page of the same site, such as another port's, may lead here, but embed nothing, be it
    a picture or a frame.
    """
    site = headers.get("sec-fetch-site")
    leads = headers.get("sec-fetch-mode") == "navigate"
    leads = leads and headers.get("sec-fetch-dest", "document") == "document"
    return site == "cross-site" or (site == "same-site" and not leads)


def is_own(origin: str, host: str) -> bool:
    """Whether a page's origin is the host that it calls."""
    scheme, _, name = origin.lower().partition("://")
    port = {"http": ":80", "https": ":443"}.get(scheme)
    return port is not None and host != "" and host.lower() in (name, name + port)


def _name(host: str) -> str:
    """Without the port."""
    return host if host.endswith("]") else host.rsplit(":", 1)[0]
