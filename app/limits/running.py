"""Counts the streams that each caller has running, in all processes that share a store.

Each process writes its own count, and all of them are summed up. A process that has died counts
no more as soon as its lease has run out. So nothing has to be given back, and a store that was
emptied is right again after the next stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from app.limits.limit_store import BUSY_SECONDS, DOWN_SECONDS
from app.redis.address import Address
from app.redis.link import Command, Link, Refused, Unreachable
from app.redis.patience import in_time
from app.store import keys

KEPT_MS = 86_400_000
"""A day. A count that nobody has written for so long is dropped with its key."""

_ADMIT = """
local others = 0
local counts = redis.call('hgetall', KEYS[1])
for at = 1, #counts, 2 do
    if counts[at] ~= ARGV[1] then
        if redis.call('exists', ARGV[4] .. counts[at]) == 1 then
            others = others + counts[at + 1]
        else
            redis.call('hdel', KEYS[1], counts[at])
        end
    end
end
if others + ARGV[2] > tonumber(ARGV[3]) then return 0 end
redis.call('hset', KEYS[1], ARGV[1], ARGV[2])
redis.call('pexpire', KEYS[1], ARGV[5])
return 1
"""

_log = structlog.get_logger("limits")


class Running:
    """Counts in a store.

    process: the id of this process
    count: how many streams a caller has in this process
    seconds: how long to wait for an answer, if this process is not late itself
    """

    def __init__(
        self, address: Address, process: str, count: Callable[[str], int], seconds: float
    ) -> None:
        self._link = Link(address)
        self._seconds = seconds
        self._process = process
        self._count = count
        self._lock = asyncio.Lock()  # what is counted is written in order
        self._down_until = 0.0
        self._untold: set[str] = set()  # the callers whose count the store may not have
        self._telling: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def admits(self, caller: str, limit: int) -> bool | None:
        """Whether a caller may have one more stream, which its count includes already.

        None: the store does not say. It is told of the count later.
        """
        answer = await self._in_turn(partial(self._admit, caller, limit))
        if answer is None:
            self.changed(caller)
            return None
        return bool(answer)

    def changed(self, caller: str) -> None:
        """Tell the store a caller's count in this process, as soon as the store answers."""
        self._untold.add(caller)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())

    async def aclose(self) -> None:
        """Write what has changed, if the store answers, and close the connection."""
        self._closing.set()
        if self._telling is not None:
            await self._telling
        await self._link.close()

    async def _tell(self) -> None:
        while self._untold:
            caller = self._untold.pop()  # if its count changes meanwhile, it is added again
            if await self._in_turn(partial(self._write, caller)) is not None:
                continue
            self._untold.add(caller)
            if self._closing.is_set():
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(DOWN_SECONDS):
                    await self._closing.wait()

    def _admit(self, caller: str, limit: int) -> list[Command]:
        counts = self._count(caller), limit
        ask = ("EVAL", _ADMIT, 1, keys.caller(caller), self._process, *counts)
        return [(*ask, keys.lease(""), KEPT_MS)]

    def _write(self, caller: str) -> list[Command]:
        name, count = keys.caller(caller), self._count(caller)
        if not count:
            return [("HDEL", name, self._process)]
        return [("HSET", name, self._process, count), ("PEXPIRE", name, KEPT_MS)]

    async def _in_turn(self, commands: Callable[[], list[Command]]) -> object:
        """The first answer to commands that are made when they may be sent. None: there is none."""
        try:
            async with asyncio.timeout(BUSY_SECONDS):
                await self._lock.acquire()
        except TimeoutError:
            return None
        try:
            return await self._ask(commands())
        finally:
            self._lock.release()

    async def _ask(self, commands: list[Command]) -> object:
        now = asyncio.get_running_loop().time()
        if now < self._down_until:
            return None
        try:
            answer, *_ = await in_time(partial(self._link.call, commands), self._seconds)
        except (Unreachable, TimeoutError) as error:
            await self._link.close()  # an answer that comes later is nobody's
            if not self._down_until:
                cause = str(error) or "TimeoutError"
                _log.warning("the store does not count callers' streams", cause=cause)
            self._down_until = now + DOWN_SECONDS
            return None
        if self._down_until:
            self._down_until = 0.0
            _log.info("the store counts callers' streams again")
        return None if isinstance(answer, Refused) else answer
