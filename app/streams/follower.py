"""A follower reads a stream from a position on, at a pace of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TypeVar

from app.streams.log import News
from app.streams.stream import Stream

Message = TypeVar("Message")


async def follow(
    stream: Stream,
    make: Callable[[Sequence[News], int], list[Message]],
    *,
    interval: float,
    heartbeat: float,
    position: int = 0,
) -> AsyncGenerator[list[Message], None]:
    """What is made of a stream, in batches to be sent together; an empty batch: a heartbeat.

    make: gives the messages of what is new in the log, which ends at a position
    interval: seconds between two batches, after the first, at least
    heartbeat: seconds without a batch, after which a heartbeat is due
    position: of the log, after which the follower goes on

    Ends after the batch that holds the stream's end.
    """
    loop = asyncio.get_running_loop()
    due = 0.0
    silent_until = loop.time() + heartbeat
    while not (stream.ended and position == stream.position):
        if not await _news(stream, position, due=due, until=silent_until):
            yield []
            silent_until = loop.time() + heartbeat
            continue
        entries = stream.log.news(position)
        position = stream.position
        batch = make(entries, position)
        if batch or due:
            due = loop.time() + interval
        if batch:
            yield batch
            silent_until = loop.time() + heartbeat
        del entries, batch  # for as long as it waits for more


async def _news(stream: Stream, position: int, *, due: float, until: float) -> bool:
    """Wait for news after `position`, but not before `due`. False: `until` has come first.

    A restart and the end don't wait for `due`.
    """
    loop = asyncio.get_running_loop()
    if stream.has_urgent_news(position):
        return True
    if due > loop.time() and await stream.audience.sleep(min(due, until)):
        return True
    if due > until:
        return False
    return stream.position > position or await stream.audience.news(until)
