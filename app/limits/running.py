"""Counts the streams that each caller has running, in all processes that share a store.

Each process writes its own count, and all of them are summed up. A process that has died counts
no more as soon as its lease has run out. So nothing has to be given back, and a store that was
emptied is right again after the next stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from app.limits.limit_store import DOWN_SECONDS
from app.redis.address import Address
from app.redis.link import Link, Refused, Unreachable
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
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def admits(self, caller: str, limit: int) -> bool | None:
        """Whether a caller may have one more stream, which its count includes already.

        None: the store does not say.
        """
        async with self._lock:
            counts = self._count(caller), limit
            ask = ("EVAL", _ADMIT, 1, keys.caller(caller), self._process, *counts)
            answer = await self._ask((*ask, keys.lease(""), KEPT_MS))
        return None if answer is None else bool(answer)

    def changed(self, caller: str) -> None:
        """The caller has fewer streams in this process."""
        if caller not in self._tasks:
            self._tasks[caller] = asyncio.create_task(self._tell(caller))

    async def aclose(self) -> None:
        """Write what has changed, and close the connection."""
        await asyncio.gather(*self._tasks.values())
        await self._link.close()

    async def _tell(self, caller: str) -> None:
        async with self._lock:
            del self._tasks[caller]
            name, count = keys.caller(caller), self._count(caller)
            if count:
                await self._ask(("HSET", name, self._process, count))
            else:
                await self._ask(("HDEL", name, self._process))

    async def _ask(self, command: tuple[str | int, ...]) -> object:
        now = asyncio.get_running_loop().time()
        if now < self._down_until:
            return None
        try:
            [answer] = await in_time(partial(self._link.call, [command]), self._seconds)
        except (Unreachable, TimeoutError) as error:
            await self._link.close()  # an answer that comes later is nobody's
            self._down_until = now + DOWN_SECONDS
            _log.warning(
                "the store does not count callers' streams", cause=str(error) or "TimeoutError"
            )
            return None
        return None if isinstance(answer, Refused) else answer
