"""Responses that stream: batches of messages to bytes on the socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from types import ModuleType

import structlog
from sse_starlette.sse import EventSourceResponse, SendTimeoutError
from starlette.types import Receive, Scope, Send

from app.http.negotiation import Format
from app.http.server import ABORT
from app.wire import ndjson, sse
from app.wire.message import Message

_FORMATS: dict[Format, ModuleType] = {Format.SSE: sse, Format.NDJSON: ndjson}
_log = structlog.get_logger("http")


async def encoded(batches: AsyncIterator[list[Message]], format: Format) -> AsyncIterator[bytes]:
    """Each batch as one piece of bytes; an empty one as a heartbeat."""
    wire = _FORMATS[format]
    encode: Callable[[Message], bytes] = wire.encode
    async for batch in batches:
        yield b"".join(map(encode, batch)) if batch else wire.PING


class StreamResponse(EventSourceResponse):
    """Sends until the batches end, the reader goes, or a send takes over `send_timeout` s.

    reading: closed when the response is over, in whatever way
    """

    def __init__(
        self,
        batches: AsyncIterator[list[Message]],
        *,
        format: Format,
        location: str,
        send_timeout: float,
        reading: ExitStack,
    ) -> None:
        super().__init__(
            encoded(batches, format),
            media_type=format.value,
            headers={"Cache-Control": "no-cache", "Location": location},
            ping=0,  # its own runs whatever else is sent: the follower has the heartbeat
            send_timeout=send_timeout,
        )
        self._reading = reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            # The socket's buffers are full, so closing it in good order would wait for ever.
            _log.info("a reader did not read", request_id=scope.get("request_id"))
            scope.get(ABORT, _nothing)()
        finally:
            self._reading.close()


def _nothing() -> None:
    """For servers that offer no way to abort."""
