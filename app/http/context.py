"""What every request gets: an id, and an answer even where the service has a fault."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"

_ours = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = structlog.get_logger("http")


def request_id(scope: Scope) -> str:
    """The id of a request that has passed `RequestContext`."""
    return str(scope.get("request_id", "-"))


class RequestContext:
    """ASGI middleware: takes the client's `X-Request-ID`, or makes one, and sends it back.

    An exception that reaches it becomes a 500 here, inside the CORS middleware, so that a
    browser may read it; after the response's start there is nothing to say, and it goes on.
    """

    def __init__(self, app: ASGIApp, fault: Callable[[str], ASGIApp]) -> None:
        """`fault`: the response to a fault, for a request's id."""
        self._app = app
        self._fault = fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        scope["request_id"] = given if _ours.fullmatch(given) else secrets.token_hex(8)
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)[HEADER] = scope["request_id"]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            if started:
                raise
            _log.exception("a request broke", request_id=scope["request_id"])
            await self._fault(scope["request_id"])(scope, receive, send_with_id)
