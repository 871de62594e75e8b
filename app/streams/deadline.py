"""A time limit that moves, at no cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType


class Deadline:
    """`async with Deadline(due)`: raises TimeoutError once the loop's time is past `due()`.

    `due` is asked when the timer fires, not before: where it moves to an earlier time, say so
    (`look`). `expire` ends the block at once, in the same way.
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
        self.look()
        return self

    def look(self) -> None:
        """Ask `due` again."""
        self._stop()
        due = self._due()
        if self._loop.time() >= due:
            self.expire()
        else:
            self._timer = self._loop.call_at(due, self.look)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        self._stop()
        await self._timeout.__aexit__(kind, error, trace)
