"""Responses that stream: batches of messages to bytes on the socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing
from types import ModuleType

from sse_starlette.sse import EventSourceResponse
from starlette.types import Receive, Scope, Send

from app.http.negotiation import Format
from app.http.server import CLOSE, REST, Rest
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

    is_read: False ends it. (To be cancelled it would have to wait for something: where text
        always comes first, that can take for ever.)
    """
    encode: Callable[[Message], bytes] = wire.encode
    async with aclosing(batches):
        async for batch in batches:
            if not is_read():
                return
            yield b"".join(map(encode, batch)) if batch else wire.PING
            del batch  # while it waits for the next


class StreamResponse(EventSourceResponse):
    """Sends until the batches end, or the reader goes.

    Sends its head by way of all the layers around it, and is then run by the server
    (`REST`), when they have been left: for as long as a stream takes, their frames would
    need more memory than the stream does.

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """In place of sse-starlette's: four tasks a stream, and a timer for each piece."""
        self._close: Callable[[], None] = scope.get(CLOSE, lambda: None)
        rest: list[Rest] | None = scope.get(REST)
        head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        try:
            await send(head)
        except BaseException:
            self.abandon()
            raise
        if rest is None:
            await self.run(receive, send)
        else:
            rest.append(self)

    def abandon(self) -> None:
        """It is not run."""
        self._reading.close()

    async def run(self, receive: Receive, send: Send) -> None:
        """Send the body."""
        try:
            async with asyncio.timeout(None) as reader:
                leaving = asyncio.create_task(self._watch(receive, reader))
                try:
                    await self._send_pieces(send)
                finally:
                    leaving.cancel()
        except TimeoutError:
            if self.active:
                raise
        except CannotTakeBack:
            # Without its last chunk the response is one that was cut off, for every client.
            self._close()
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._reading.close()

    async def _send_pieces(self, send: Send) -> None:
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                del piece  # while it waits for the next
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _watch(self, receive: Receive, reader: asyncio.Timeout) -> None:
        """Wait until the reader has gone, and end what is sent to it."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self.active = False
        reader.reschedule(0)
