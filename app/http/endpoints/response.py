"""Responses that stream: batches of messages to bytes on the socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial

from sse_starlette.sse import EventSourceResponse
from starlette.types import Receive, Scope, Send

from app.http.server.server import CONNECTION, REST, Protocol, Rest, nothing
from app.views.format import Format
from app.views.message import Message
from app.views.text import CannotTakeBack

Batches = AsyncGenerator[list[Message], None]


class StreamResponse(EventSourceResponse):
    """Sends until the batches end, or the reader goes.

    Sends its head by way of all the layers around it, and is then run by the server
    (`REST`), when they have been left: for as long as a stream takes, their frames would
    need more memory than the stream does.

    leave: called when the response is over, in whatever way
    """

    def __init__(
        self,
        batches: Batches,
        *,
        format: Format,
        location: str,
        leave: Callable[[], None],
    ) -> None:
        self._batches = batches
        self._format = format
        super().__init__(
            batches,
            media_type=format.media_type,
            headers={"Cache-Control": "no-cache", "Location": location, **format.headers},
            ping=0,  # its own runs whatever else is sent: the follower has the heartbeat
        )
        del self.headers["Connection"]  # the server's to say, which may have been asked to close
        del self._send_lock  # of its own `__call__`, which this has another in place of
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """In place of sse-starlette's: four tasks a stream, and a timer for each piece."""
        self._connection: Protocol | None = scope.get(CONNECTION)
        rest: list[Rest] | None = scope.get(REST)
        head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        try:
            await send(head)
        except BaseException:
            self.abandon()
            raise
        self.raw_headers.clear()  # they have gone
        if rest is None:
            await self.run(receive, send)
        else:
            rest.append(self)

    def abandon(self) -> None:
        """It is not run."""
        self._leave()

    async def run(self, receive: Receive, send: Send) -> None:
        """Send the body."""
        try:
            async with asyncio.timeout(None) as reader:
                stop = self._watch(receive, reader)
                try:
                    await self._send_batches(send)
                finally:
                    stop()
        except TimeoutError:
            if self.active:
                raise
        except CannotTakeBack:
            # Without its last chunk the response is one that was cut off, for every client.
            if self._connection is not None:
                self._connection.close()
            await _gone(receive)
        finally:
            self._leave()

    async def _send_batches(self, send: Send) -> None:
        """Each batch as one piece of bytes; an empty one as a heartbeat."""
        encode = self._format.encode
        async with aclosing(self._batches) as batches:
            async for batch in batches:
                # To be cancelled it would have to wait for something: where text always comes
                # first, that can take for ever.
                if not self.active:
                    return
                body = b"".join(map(encode, batch)) if batch else self._format.heartbeat
                del batch  # while it waits for the next
                await send({"type": "http.response.body", "body": body, "more_body": True})
                del body
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _watch(self, receive: Receive, reader: asyncio.Timeout) -> Callable[[], object]:
        """Once the reader has gone, end what is sent to it. Returns what ends the watch."""

        def lost() -> None:
            self.active = False
            reader.reschedule(0)

        connection = self._connection
        if connection is None:  # a server that isn't ours
            return asyncio.create_task(_gone(receive, lost)).cancel
        if connection.is_lost:
            lost()
        connection.on_lost = lost
        return partial(setattr, connection, "on_lost", nothing)


async def _gone(receive: Receive, then: Callable[[], None] = nothing) -> None:
    """Wait until the reader has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    then()
