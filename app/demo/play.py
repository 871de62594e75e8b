"""Sends an answer to a client, at a pace, up to its end or to a fault."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Literal

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

TICK: Final = 0.01  # seconds between two sends, at least: each wake-up has a cost
BATCH: Final = 64  # frames in one send, if there is no pace to keep
DRIP: Final = 0.1  # seconds between two drips

muted: ContextVar[int] = ContextVar("muted", default=0)
"""uvicorn's log records up to this level are dropped, if they come from the task that has set it
or from a task that this one has started."""

Write = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """The bytes of a body: `head` at once, `frames` at a pace, then `tail`, then an end.

    then: "close" ends the body as it should; "hang" sends nothing more; "drip" sends `tail`
        again and again; "break" closes the connection in the middle of the body
    """

    head: bytes = b""
    frames: Sequence[bytes] = ()
    tail: bytes = b""
    then: Literal["close", "hang", "drip", "break"] = "close"


def mute_on_purpose() -> None:
    """Keep the demo's intended faults out of uvicorn's log, where they would be errors.

    A filter does it, because whoever runs the process may set levels and handlers.
    """
    for name in ("uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).addFilter(_audible)


@contextmanager
def quiet() -> Iterator[None]:
    """Drop all records below ERROR of the tasks that are started in this context."""
    token = muted.set(logging.WARNING)
    try:
        yield
    finally:
        muted.reset(token)


def _audible(record: logging.LogRecord) -> bool:
    return record.levelno > muted.get()


class PlayResponse(Response):
    """A response with status 200 whose body is a `Play`. It stops when the client leaves."""

    def __init__(self, play: Play, tokens_per_second: float, media_type: str) -> None:
        super().__init__(media_type=media_type, headers={"Cache-Control": "no-cache"})
        del self.headers["content-length"]
        self._play = play
        self._tokens_per_second = tokens_per_second

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = self.raw_headers
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await while_there(self._perform(send), receive)
        if self._play.then == "break":
            muted_break()

    async def _perform(self, send: Send) -> None:
        async def write(data: bytes) -> None:
            if data:
                await send({"type": "http.response.body", "body": data, "more_body": True})

        await perform(self._play, self._tokens_per_second, write)
        if self._play.then == "close":
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def perform(play: Play, tokens_per_second: float, write: Write) -> None:
    """Write the body up to its end or its break. If it has neither, this never returns."""
    await write(play.head)
    await (_paced(play, tokens_per_second, write) if tokens_per_second else _unpaced(play, write))
    await write(play.tail)
    if play.then == "hang":
        await asyncio.Event().wait()
    while play.then == "drip":
        await asyncio.sleep(DRIP)
        await write(play.tail)


async def _unpaced(play: Play, write: Write) -> None:
    for start in range(0, len(play.frames), BATCH):
        await write(b"".join(play.frames[start : start + BATCH]))
        await asyncio.sleep(0)  # a send that fits the buffers gives no other task a turn


async def _paced(play: Play, tokens_per_second: float, write: Write) -> None:
    """Write each frame when it is due. After a delay, write all that are due in one go."""
    clock = asyncio.get_running_loop().time
    began, written = clock(), 0
    while written < len(play.frames):
        due = max(written, int((clock() - began) * tokens_per_second) + 1)
        await write(b"".join(play.frames[written:due]))
        written = due
        await asyncio.sleep(max(began + written / tokens_per_second - clock(), TICK))


async def while_there(performing: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Perform until that has ended, or the client has left."""
    try:
        async with asyncio.TaskGroup() as tasks:
            playing = tasks.create_task(performing)
            leaving = tasks.create_task(_left(receive))
            playing.add_done_callback(lambda _: leaving.cancel())
            leaving.add_done_callback(lambda _: playing.cancel())
    except asyncio.CancelledError:
        muted.set(logging.CRITICAL)
        raise


def muted_break() -> None:
    """Leave the body without an end: uvicorn then closes the connection, and logs an error."""
    muted.set(logging.CRITICAL)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
