"""Responses that stream: batches of messages to bytes on the socket."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing
from types import ModuleType

from sse_starlette.sse import EventSourceResponse
from starlette.types import Receive, Scope, Send

from app.http.negotiation import Format
from app.http.server import CLOSE, SEND
from app.wire import ndjson, sse
from app.wire.message import Message
from app.wire.text import CannotTakeBack

Batches = AsyncGenerator[list[Message], None]

_WIRES: dict[Format, ModuleType] = {Format.SSE: sse, Format.NDJSON: ndjson}


def wire_of(format: Format) -> ModuleType | None:
    """How a format writes messages; None for the one that has none."""
    return _WIRES.get(format)


async def encoded(
    batches: Batches, wire: ModuleType, is_read: Callable[[], bool] = lambda: True
) -> AsyncGenerator[bytes, None]:
    """Each batch as one piece of bytes; an empty one as a heartbeat.

    is_read: False ends it. (To be cancelled it would have to wait for something, and for
        anyio to see it wait: where text always comes first, that can take for ever.)
    """
    encode: Callable[[Message], bytes] = wire.encode
    async with aclosing(batches):
        async for batch in batches:
            if not is_read():
                return
            yield b"".join(map(encode, batch)) if batch else wire.PING


class StreamResponse(EventSourceResponse):
    """Sends until the batches end, or the reader goes.

    reading: closed when the response is over, in whatever way
    """

    def __init__(
        self,
        batches: Batches,
        *,
        wire: ModuleType,
        location: str,
        reading: ExitStack,
    ) -> None:
        self._pieces = encoded(batches, wire, lambda: self.active)
        super().__init__(
            self._pieces,
            media_type=wire.MEDIA_TYPE,
            headers={"Cache-Control": "no-cache", "Location": location, **wire.HEADERS},
            ping=0,  # its own runs whatever else is sent: the follower has the heartbeat
        )
        del self.headers["Connection"]  # the server's to say, which may have been asked to close
        self._reading = reading
        self._send: Send | None = None

    async def _stream_response(self, send: Send) -> None:
        """In place of sse-starlette's, which times each piece; the server does that itself."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        send = self._send or send
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        self.active = False
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._send = scope.get(SEND)
        try:
            await super().__call__(scope, receive, send)
        except CannotTakeBack:
            # Without its last chunk the response is one that was cut off, for every client.
            scope[CLOSE]()
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._reading.close()
