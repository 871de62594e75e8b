"""The processes of a soak's service, of which some are killed or replaced while it lasts.

The first one stays: what is to be said of its memory needs time.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle

from tests.support.process import Process, process

START_SECONDS = 15
"""A process that would have less time to start and to serve is not started."""

LONGEST_START = 300
"""Seconds that a process may take to start on a machine that others load, too."""

SLACK = 1.5
"""Seconds after a process has gone in which clients may still notice it."""


class Member:
    """A process. is_open: whether it takes calls. was_killed: by us, in the middle of its work."""

    def __init__(self, serving: Process) -> None:
        self.process = serving
        self.is_open = True
        self.was_killed = False


class Fleet:
    """members: all that were started, whether they still run or not. broken: what went wrong.

    killed, replaced: how many of them were
    """

    def __init__(self, stack: AsyncExitStack, settings: dict[str, str]) -> None:
        self.members: list[Member] = []
        self.broken: list[str] = []
        self.killed = self.replaced = 0
        self._stack = stack
        self._settings = settings
        self._gone_at = float("-inf")
        self._going = 0

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def urls(self) -> list[str]:
        """Where the service can be called."""
        return [member.process.url for member in self.open]

    @property
    def open(self) -> list[Member]:
        return [member for member in self.members if member.is_open]

    @property
    def running(self) -> list[Member]:
        return [member for member in self.members if member.process.is_running]

    def has_changed(self, since: float) -> bool:
        """Whether a process was going at any time since then."""
        return bool(self._going) or self._gone_at + SLACK > since

    async def add(self) -> None:
        """Start one more process."""
        serving = await self._stack.enter_async_context(
            process(seconds=LONGEST_START, **self._settings)
        )
        self.members.append(Member(serving))

    async def change(self, until: float, seconds: float) -> None:
        """Each so many seconds kill a process, or replace one in good order, in turn."""
        for change in cycle((self._kill, self._replace)):
            await asyncio.sleep(max(0, min(seconds, until - self.now)))
            if self.now >= until:
                return
            if len(self.open) > 1:
                await change(self.open[1], until)

    async def end(self, changing: asyncio.Task[None]) -> None:
        """Have no more changes. One that starts is given up; one that goes is waited for."""
        while self._going:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        changing.cancel()
        await asyncio.wait({changing})
        if not changing.cancelled():
            changing.result()

    async def _kill(self, member: Member, until: float) -> None:
        member.was_killed, self.killed = True, self.killed + 1
        await self._goes(member, signal.SIGKILL)
        if self.now + START_SECONDS < until:
            await self.add()

    async def _replace(self, member: Member, until: float) -> None:
        if self.now + START_SECONDS < until:
            await self.add()
        if self.now < until and len(self.open) > 2:
            self.replaced += 1
            if code := await self._goes(member, signal.SIGTERM):
                self.broken.append(f"a process that was told to stop exits with {code}")

    async def _goes(self, member: Member, number: signal.Signals) -> int:
        """Tell a process to go. Its exit code."""
        member.is_open = False
        self._going += 1
        try:
            member.process.signal(number)
            return await member.process.exit_code()
        finally:
            self._going -= 1
            self._gone_at = self.now


@asynccontextmanager
async def fleet(number: int, **settings: str) -> AsyncIterator[Fleet]:
    """So many processes with these settings."""
    async with AsyncExitStack() as stack:
        processes = Fleet(stack, settings)
        for _ in range(number):  # a busy machine is slow to start several at once
            await processes.add()
        yield processes
