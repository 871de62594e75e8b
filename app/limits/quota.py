"""What each caller has used of its limits: streams in a minute, tokens in a day.

Counted by the `limits` library, in this process or in Redis. A minute slides: the count of the
last one fades as the present one passes, so that no two bursts meet at its edge. A day begins
with a caller's first token. While Redis does not answer, the counts go on here: a store that
is down neither stops the service nor lifts the limits. Callers have names in the settings, so
that there is a bound to the counts in memory.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import structlog
from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import (
    FixedWindowRateLimiter,
    RateLimiter,
    SlidingWindowCounterRateLimiter,
)
from limits.errors import StorageError

from app.errors import RateLimited
from app.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import BlockingConnectionPool

STORE_SECONDS = 0.05
"""For an answer of Redis: two of them, and a refusal stays under a tenth of a second."""

DOWN_SECONDS = 5
"""Without asking Redis again, once it has not answered."""

MOST_CONNECTIONS = 20
"""To Redis; who finds none free within `STORE_SECONDS` is counted here."""

_T = TypeVar("_T")
_log = structlog.get_logger("quota")


class _Limit:
    """One limit, as one store counts it."""

    def __init__(self, limiter: RateLimiter, item: RateLimitItem) -> None:
        self._limiter = limiter
        self._item = item

    async def check(self, caller: str) -> float | None:
        """None, or in how many seconds the caller may come back."""
        if await self._limiter.test(self._item, caller):
            return None
        reset, _ = await self._limiter.get_window_stats(self._item, caller)
        return max(1.0, reset - time.time())

    async def count(self, caller: str, cost: int) -> float | None:
        """Count this; where it can't be, as `check`."""
        if await self._limiter.hit(self._item, caller, cost=cost):
            return None
        return await self.check(caller) or 1.0


class _Limits:
    """A caller's limits, as one store counts them. share: its part of each of them."""

    def __init__(self, store: Storage, settings: Settings, share: Callable[[int], int]) -> None:
        self.streams = self.tokens = None
        if settings.caller_streams_per_minute:
            item: RateLimitItem = RateLimitItemPerMinute(share(settings.caller_streams_per_minute))
            self.streams = _Limit(SlidingWindowCounterRateLimiter(store), item)
        if settings.caller_tokens_per_day:
            item = RateLimitItemPerDay(share(settings.caller_tokens_per_day))
            self.tokens = _Limit(FixedWindowRateLimiter(store), item)


class Quota:
    """What the callers have left. seconds: for an answer of the store that the settings name."""

    def __init__(self, settings: Settings, seconds: float = STORE_SECONDS) -> None:
        self._seconds = seconds
        self._here = _Limits(MemoryStorage(), settings, settings.share)
        self._there: _Limits | None = None
        self._down_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        if settings.limits_store:
            self._pool = _pool(settings.limits_store.get_secret_value(), seconds)
            self._there = _Limits(_redis(self._pool), settings, int)

    async def check(self, caller: str) -> None:
        """Has the caller something left? Raises `RateLimited`."""
        await self._ask(lambda limits: _check(limits, caller))

    async def count_stream(self, caller: str) -> None:
        """Count a stream that begins now. Raises `RateLimited`: then it is not counted."""
        await self._ask(lambda limits: _count_stream(limits, caller))

    def count_tokens(self, caller: str, tokens: int) -> None:
        """Count what a stream has used, once it has ended: beyond the limit, too."""
        if tokens and self._here.tokens:
            task = asyncio.create_task(self._ask(lambda limits: _spend(limits, caller, tokens)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Wait for what is being counted; close the store."""
        await asyncio.gather(*self._tasks)
        if self._there is not None:
            await self._pool.disconnect()

    async def _ask(self, do: Callable[[_Limits], Awaitable[_T]]) -> _T:
        now = asyncio.get_running_loop().time()
        if self._there is not None and now >= self._down_until:
            try:
                async with asyncio.timeout(self._seconds):
                    return await do(self._there)
            except (StorageError, TimeoutError) as error:
                self._down_until = now + DOWN_SECONDS
                _log.warning(
                    "the limits' store does not answer",
                    cause=type(error.__cause__ or error).__name__,
                )
        return await do(self._here)


def _pool(url: str, seconds: float) -> BlockingConnectionPool:
    from redis.asyncio import BlockingConnectionPool  # a tenth of a second, and few need it

    return BlockingConnectionPool.from_url(url, max_connections=MOST_CONNECTIONS, timeout=seconds)


def _redis(pool: BlockingConnectionPool) -> Storage:
    return RedisStorage(
        "async+redis://",
        wrap_exceptions=True,
        implementation="redispy",
        connection_pool=pool,  # type: ignore[arg-type]
    )


async def _check(limits: _Limits, caller: str) -> None:
    for limit, what in ((limits.tokens, "tokens in a day"), (limits.streams, "streams a minute")):
        if limit is not None:
            _refuse(await limit.check(caller), what)


async def _count_stream(limits: _Limits, caller: str) -> None:
    if limits.streams is not None:
        _refuse(await limits.streams.count(caller, 1), "streams a minute")


async def _spend(limits: _Limits, caller: str, tokens: int) -> None:
    if limits.tokens is not None:
        await limits.tokens.count(caller, tokens)


def _refuse(seconds: float | None, what: str) -> None:
    if seconds is not None:
        raise RateLimited(f"You have reached your limit of {what}.", retry_after=seconds)
