"""A time limit that moves, at no cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType


class Deadline:
    """`async with Deadline(due)`: raises TimeoutError once the loop's time is past `due()`.

    `due` is asked when the timer fires, never before: it may only move to a later time.
    `expire` ends the block at once, in the same way.
    """

    def __init__(self, due: Callable[[], float]) -> None:
        self._due = due
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None
        self._over = False

    def expire(self) -> None:
        """End the block now."""
        if not self._over:
            self._over = True
            self._timeout.reschedule(self._loop.time())

    async def __aenter__(self) -> Deadline:
        await self._timeout.__aenter__()
        self._look()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def _look(self) -> None:
        due = self._due()
        if self._loop.time() >= due:
            self.expire()
        else:
            self._timer = self._loop.call_at(due, self._look)
