"""A follower reads a stream from a position on, at a pace of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from app.streams.log import Unread
from app.streams.stream import Stream

Message = TypeVar("Message")


async def follow(
    stream: Stream,
    make: Callable[[Sequence[Unread], int], list[Message]],
    *,
    interval: float,
    heartbeat: float,
    position: int = 0,
) -> AsyncGenerator[list[Message], None]:
    """The messages of a stream, in batches that are sent together. An empty batch is a heartbeat.

    make: makes messages of the new entries; it is also given the position after them
    interval: the least seconds between two batches after the first
    heartbeat: the seconds without a batch after which a heartbeat is due
    position: the position in the log after which the follower begins

    Ends after the batch that holds the stream's end, or when the stream is cut.
    """
    loop = asyncio.get_running_loop()
    due = 0.0
    silent_until = loop.time() + heartbeat
    while not (stream.is_cut or (stream.ended and position >= stream.position)):
        is_at_once = stream.is_cut or stream.has_urgent_entries(position)  # these wait for nothing
        if not (is_at_once or await _wait(stream, position, due, silent_until)):
            yield []
            silent_until = loop.time() + heartbeat
            continue
        entries = stream.log.unread(position)
        position = max(position, stream.position)  # a copy may be behind what its reader has read
        batch = make(entries, position)
        if batch or due:
            due = loop.time() + interval
        if batch:
            yield batch
            silent_until = loop.time() + heartbeat
        del entries, batch  # they must not stay in memory while the follower waits


def _wait(stream: Stream, position: int, due: float, until: float) -> Coroutine[Any, Any, bool]:
    """Wait for entries after `position`, at least until `due`. False if `until` has come first."""
    return stream.audience.wait(due, until, lambda: stream.position > position)
