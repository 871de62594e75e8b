"""Waits for answers of a Redis.

Time is counted in turns of the loop, and not by the clock: a process that is late itself must not
blame the store, whose answer it may have had for long before it gets to read it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

TURN_SECONDS: Final = 0.01

_T = TypeVar("_T")


async def comes(answer: asyncio.Future[Any], seconds: float) -> bool:
    """Whether an answer, or an exception in its place, comes in time. It is not cancelled."""
    for _ in range(round(seconds / TURN_SECONDS)):
        if (await asyncio.wait({answer}, timeout=TURN_SECONDS))[0]:
            return True
    return False


async def in_time(do: Callable[[], Awaitable[_T]], seconds: float) -> _T:
    """What `do` gives. It is cancelled, and `TimeoutError` raised, if that takes longer."""
    doing = asyncio.ensure_future(do())
    try:
        if await comes(doing, seconds):
            return doing.result()
        raise TimeoutError
    finally:
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
