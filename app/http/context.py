"""What every request has: an id, an owner, a response even after an exception, and a cleanup."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from time import perf_counter

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.streams.where_raised import where_raised
from app.views.text import CannotTakeBack

HEADER = "X-Request-ID"
SERVED_BY = "X-Served-By"
NOSNIFF = {"X-Content-Type-Options": "nosniff"}
"""A header of every response. A browser must not treat JSON or text as a page or a script."""

_ours = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = structlog.get_logger("http")


def request_id(scope: Scope) -> str:
    """The id of a request that has passed `RequestContext`."""
    return str(scope.get("request_id", "-"))


def received(scope: Scope) -> float:
    """When the whole request had come, by `perf_counter`. The loop's clock is too coarse: it does
    not move within a turn, and counts milliseconds."""
    return float(scope.get("received", 0.0))


def note_received(scope: Scope) -> None:
    """Note that the whole of a request has come by now."""
    scope["received"] = perf_counter()


def when_over(scope: Scope, call: Callable[[], None]) -> None:
    """Call this function once the request is over, whether it was answered or not."""
    scope["when_over"].append(call)


def prefix(scope: Scope) -> str:
    """The path under which the service is reached, such as `/api`; "" if it is at the root."""
    return str(scope.get("prefix", ""))


def path_within(scope: Scope) -> str:
    """The path of a request without that prefix."""
    return str(scope["path_within"])


def owner(scope: Scope) -> str:
    """The owner of the streams of a request; "" if no keys are configured."""
    return str(scope.get("owner", ""))


class RequestContext:
    """ASGI middleware: takes the client's `X-Request-ID`, or makes one, and sends it back.

    Every answer forbids browsers to guess its type (`NOSNIFF`).

    An exception becomes a 500 here. This middleware is inside the CORS middleware, so a page of
    another origin may read the 500. Once the response has started, it is too late for a status,
    and the exception is raised again.

    root_path: the prefix that a proxy strips; a request may still have it. "" takes that of the
        server, or of the app in which this one is mounted
    fault: makes the 500 from the request's id
    process: the id of this process, which answers tell where processes share streams
    """

    def __init__(
        self, app: ASGIApp, root_path: str, fault: Callable[[str], ASGIApp], process: str = ""
    ) -> None:
        self._app = app
        self._root_path = root_path
        self._fault = fault
        self._added = NOSNIFF | ({SERVED_BY: process} if process else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        note_received(scope)
        _put_under(self._root_path, scope)
        given = Headers(scope=scope).get(HEADER, "")
        scope["request_id"] = given if _ours.fullmatch(given) else secrets.token_hex(8)
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers[HEADER] = scope["request_id"]
                headers.update(self._added)
            await send(message)

        calls: list[Callable[[], None]] = []
        scope["when_over"] = calls
        try:
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            _log.debug("a client left within its request", request_id=scope["request_id"])
        except CannotTakeBack:
            _log.info("a text was cut off", request_id=scope["request_id"])
            raise  # the server closes the connection in the middle of the response
        except Exception as error:
            if started:
                raise
            _log.error(
                "a request broke", request_id=scope["request_id"], exception=where_raised(error)
            )
            await self._fault(scope["request_id"])(scope, receive, send_with_headers)
        finally:
            with ExitStack() as stack:  # each is called, even if another one raises
                for call in calls:
                    stack.callback(call)


def _put_under(root_path: str, scope: Scope) -> None:
    """Put the prefix back if a proxy has stripped it, because Starlette's mounts expect it.

    An app in which this one is mounted has put its own prefix there already.
    """
    given = scope.get("root_path", "")
    within = _without(given, scope["path"]) or _without(root_path, scope["path"]) or scope["path"]
    scope["prefix"] = scope["root_path"] = root_path or given
    scope["path_within"], scope["path"] = within, scope["root_path"] + within


def _without(root_path: str, path: str) -> str | None:
    """The path without this prefix; None if it doesn't have it."""
    if not root_path or path == root_path:
        return "/" if root_path else None
    return path.removeprefix(root_path) if path.startswith(f"{root_path}/") else None
