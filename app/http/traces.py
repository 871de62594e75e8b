"""The span of each request, for traces.

It ends when the head of the answer is sent: a stream may go on for minutes, and its length is no
latency. It has no query, which may hold a topic or a ticket.
https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server
"""

from __future__ import annotations

from typing import Any, Final

from opentelemetry import baggage, context, propagate
from opentelemetry.trace import Span, SpanKind, StatusCode, get_tracer, set_span_in_context
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import __version__

UNTRACED: Final = ("/healthz", "/readyz", "/metrics")
"""What machines ask all the time."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})

_tracer = get_tracer("structured_streams", __version__)


class RequestSpans:
    """ASGI middleware: a span for each request, in the trace that the caller names, if it does.

    Where no spans are exported, the caller's trace is passed on as it is: to the provider, and
    into the log. The caller's baggage is not, as it is not meant for the provider.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._fields = frozenset(name.encode() for name in propagate.get_global_textmap().fields)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].endswith(UNTRACED):
            await self._app(scope, receive, send)
            return
        carried = self._carried(scope)
        caller = baggage.clear(propagate.extract(carried))
        name, about = scope["method"] if scope["method"] in METHODS else "HTTP", _about(scope)
        span = _tracer.start_span(name, caller, SpanKind.SERVER, about)
        if not (carried or span.get_span_context().is_valid):  # there is no trace at all
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                _note_answer(span, name, message["status"], scope)
            await send(message)

        token = context.attach(set_span_in_context(span, caller))
        try:
            await self._app(scope, receive, send_head if span.is_recording() else send)
        finally:
            if span.is_recording():  # the client has left before the head
                span.end()
            context.detach(token)

    def _carried(self, scope: Scope) -> dict[str, list[str]]:
        """The headers that may name a trace."""
        carried: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            if name in self._fields:
                carried.setdefault(name.decode(), []).append(value.decode("latin-1"))
        return carried


def _about(scope: Scope) -> dict[str, Any]:
    method: str = scope["method"]
    return {
        "http.request.method": method if method in METHODS else "_OTHER",
        "url.path": scope["path"],
        "url.scheme": scope["scheme"],
    }


def _note_answer(span: Span, name: str, status: int, scope: Scope) -> None:
    """Note an answer, and end the span."""
    span.set_attribute("http.response.status_code", status)
    if route := getattr(scope.get("route"), "path_format", None):
        span.set_attribute("http.route", route)
        span.update_name(f"{name} {route}")
    if status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)
    span.end()
