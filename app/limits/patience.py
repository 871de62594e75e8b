"""Waits for an answer of a store, as long as this process itself is not late.

A process that is late must not take a store for down: the answer may be there, and was only not
read yet. So the time in which it was late does not count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

LATE: Final = 0.2
"""Of the time for an answer: if the timer is later than this, so is this process."""

_T = TypeVar("_T")


async def patiently(do: Callable[[], Awaitable[_T]], seconds: float) -> _T:
    """What `do` gives. Raises `TimeoutError` if it takes longer, though we were not late."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def wait(timeout: asyncio.Timeout) -> None:
        nonlocal timer
        due = loop.time() + seconds
        timer = loop.call_at(due, end, timeout, due)

    def end(timeout: asyncio.Timeout, due: float) -> None:
        now = loop.time()
        if now - due > seconds * LATE:
            wait(timeout)
        else:
            timeout.reschedule(now)

    async with asyncio.timeout(None) as timeout:
        wait(timeout)
        try:
            return await do()
        finally:
            timer.cancel()
