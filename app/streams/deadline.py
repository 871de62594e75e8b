"""A time limit that may move while it runs. Moving it to a later time costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType


class Deadline:
    """`async with Deadline(due)` raises TimeoutError once the loop's time is past `due()`.

    `due` is called only when the timer fires, so a later time is noticed by itself. If the time
    has moved to an earlier one, call `check`.
    """

    def __init__(self, due: Callable[[], float]) -> None:
        self._due = due
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Deadline:
        await self._timeout.__aenter__()
        self.check()
        return self

    def check(self) -> None:
        """Call `due` again, and set the timer to its result."""
        self._stop()
        due = self._due()
        if self._loop.time() >= due:
            self._timeout.reschedule(due)
        else:
            self._timer = self._loop.call_at(due, self.check)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()
        await self._timeout.__aexit__(kind, error, trace)
