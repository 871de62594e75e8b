"""Plays an answer to a client: at a pace, to an end that may be no end at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

TICK: Final = 0.01  # seconds: more than a hundred wake-ups a second are not worth their cost
BATCH: Final = 64  # frames a send where there is no pace to keep
DRIP: Final = 0.1  # seconds between two drips

muted: ContextVar[int] = ContextVar("muted", default=0)
"""uvicorn's records up to this level are dropped, from the tasks that set it and theirs."""

Write = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """The bytes of a body: `head` at once, `frames` at a pace, `tail`, and what comes then.

    close: the body ends as it should; hang: silence; drip: `tail` again and again;
    break: the connection closes in the middle of the body.
    """

    head: bytes = b""
    frames: Sequence[bytes] = ()
    tail: bytes = b""
    then: Literal["close", "hang", "drip", "break"] = "close"


def mute_on_purpose() -> None:
    """Let uvicorn say nothing of what its log would call errors, and is meant to happen.

    A filter, as levels and handlers belong to whoever runs the process.
    """
    for name in ("uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).addFilter(_audible)


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing below an error is logged by what starts in here."""
    token = muted.set(logging.WARNING)
    try:
        yield
    finally:
        muted.reset(token)


def _audible(record: logging.LogRecord) -> bool:
    return record.levelno > muted.get()


class PlayResponse(Response):
    """A 200 whose body is a play. It is over as soon as the client goes."""

    def __init__(self, play: Play, tokens_per_second: float, media_type: str) -> None:
        super().__init__(media_type=media_type, headers={"Cache-Control": "no-cache"})
        del self.headers["content-length"]
        self._play = play
        self._tokens_per_second = tokens_per_second

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = self.raw_headers
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            async with asyncio.TaskGroup() as tasks:
                playing = tasks.create_task(self._perform(send))
                leaving = tasks.create_task(_left(receive))
                playing.add_done_callback(lambda _: leaving.cancel())
                leaving.add_done_callback(lambda _: playing.cancel())
        except asyncio.CancelledError:
            muted.set(logging.CRITICAL)
            raise
        if self._play.then == "break":
            # A body without its end: uvicorn then closes the connection, and logs an error.
            muted.set(logging.CRITICAL)

    async def _perform(self, send: Send) -> None:
        async def write(data: bytes) -> None:
            if data:
                await send({"type": "http.response.body", "body": data, "more_body": True})

        await perform(self._play, self._tokens_per_second, write)
        if self._play.then == "close":
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def perform(play: Play, tokens_per_second: float, write: Write) -> None:
    """Write the body, up to where it breaks or should end. Where it does neither: forever."""
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
        await asyncio.sleep(0)  # a body that fits the buffers would hold the loop to its end


async def _paced(play: Play, tokens_per_second: float, write: Write) -> None:
    """A frame each time that one is due; all that are due, where the clock went ahead."""
    clock = asyncio.get_running_loop().time
    began, written = clock(), 0
    while written < len(play.frames):
        due = max(written, int((clock() - began) * tokens_per_second) + 1)
        await write(b"".join(play.frames[written:due]))
        written = due
        await asyncio.sleep(max(began + written / tokens_per_second - clock(), TICK))


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
