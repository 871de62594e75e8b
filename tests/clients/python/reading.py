"""The Python client's two ways to read, as one: each is a task that a test may look at and stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from structured_streams import Partial, stream, stream_sync

SECONDS = 10
"""How long a test waits for what must come, before it fails."""


@dataclass
class Read:
    """What a reader has had: its partials, then the final value, or it raises."""

    partials: list[Partial] = field(default_factory=list)
    final: Any = None
    usage: Any = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, partial: Partial) -> None:
        self.partials.append(partial)
        self.news.set()

    async def until(self, enough: Callable[[Any], bool]) -> None:
        """Wait for a partial like this."""
        async with asyncio.timeout(SECONDS):
            while not any(enough(partial.value) for partial in self.partials):
                self.news.clear()
                await self.news.wait()


Enough = Callable[[Any], bool]


async def by_await(read: Read, url: str, *what: Any, enough: Enough | None, **options: Any) -> None:
    """`async for`; leaves after a partial that is enough."""
    ideas = stream(url, *what, **options)
    async for partial in ideas:
        read.take(partial)
        if enough and enough(partial.value):
            break
    else:
        read.final, read.usage = await ideas.final(), ideas.usage


async def by_thread(
    read: Read, url: str, *what: Any, enough: Enough | None, **options: Any
) -> None:
    """`for`, in a thread: the service needs the loop."""
    loop = asyncio.get_running_loop()

    def run() -> None:
        ideas = stream_sync(url, *what, **options)
        for partial in ideas:
            loop.call_soon_threadsafe(read.take, partial)
            if enough and enough(partial.value):
                break
        else:
            read.final, read.usage = ideas.final(), ideas.usage

    await asyncio.to_thread(run)


WAYS = {"async": by_await, "sync": by_thread}


@asynccontextmanager
async def reading(
    way: str, url: str, *what: Any, enough: Enough | None = None, **options: Any
) -> AsyncIterator[tuple[Read, asyncio.Task[None]]]:
    """A reader at work, with its task. What it raises is for the test to await."""
    read = Read()
    task = asyncio.create_task(WAYS[way](read, url, *what, enough=enough, **options))
    try:
        yield read, task
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=SECONDS)


async def read_all(way: str, url: str, *what: Any, **options: Any) -> Read:
    """A stream that is read to its end. Raises what it ends in."""
    async with reading(way, url, *what, **options) as (read, task), asyncio.timeout(3 * SECONDS):
        await task
    return read
