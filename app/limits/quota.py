"""Counts what each caller has used of its limits: streams in a minute, tokens in a day.

The `limits` library counts, in this process or in Redis. The minute is a sliding window: the
count of the last minute fades while the present one passes, so a caller can't send one burst
before the turn of a minute and another after it. A day begins with a caller's first token. While
Redis does not answer, this process counts by itself, so the service and the limits keep working
when the store is down. Only callers that the settings name are counted, which bounds the memory.
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
from app.redis.address import Address, addresses, disconnect
from app.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

STORE_SECONDS = 0.05
"""How long to wait for an answer of Redis. A refusal needs two answers, so it takes under 0.1 s."""

DOWN_SECONDS = 5
"""After Redis has not answered, it is not asked for this time."""

MAX_CONNECTIONS = 20
"""The most connections to Redis. If a call gets none in `STORE_SECONDS`, this process counts it."""

_T = TypeVar("_T")
_log = structlog.get_logger("quota")


class _Limit:
    """One limit, as one store counts it."""

    def __init__(self, limiter: RateLimiter, item: RateLimitItem) -> None:
        self._limiter = limiter
        self._item = item

    async def check(self, caller: str) -> float | None:
        """None if the caller has something left, else the seconds until it may come back."""
        if await self._limiter.test(self._item, caller):
            return None
        reset, _ = await self._limiter.get_window_stats(self._item, caller)
        return max(1.0, reset - time.time())

    async def count(self, caller: str, cost: int) -> float | None:
        """Count this cost. Returns what `check` returns: if a number, nothing was counted."""
        if await self._limiter.hit(self._item, caller, cost=cost):
            return None
        return await self.check(caller) or 1.0


class _Limits:
    """The limits of every caller, as one store counts them.

    share: computes the part of a limit that this store allows
    """

    def __init__(self, store: Storage, settings: Settings, share: Callable[[int], int]) -> None:
        self.streams = self.tokens = None
        if settings.caller_streams_per_minute:
            item: RateLimitItem = RateLimitItemPerMinute(share(settings.caller_streams_per_minute))
            self.streams = _Limit(SlidingWindowCounterRateLimiter(store), item)
        if settings.caller_tokens_per_day:
            item = RateLimitItemPerDay(share(settings.caller_tokens_per_day))
            self.tokens = _Limit(FixedWindowRateLimiter(store), item)


class Quota:
    """Counts for all callers, and refuses those who have nothing left.

    seconds: how long to wait for an answer of the store that the settings name
    """

    def __init__(self, settings: Settings, seconds: float = STORE_SECONDS) -> None:
        self._seconds = seconds
        self._local = _Limits(MemoryStorage(), settings, settings.share)
        self._shared: _Limits | None = None
        self._down_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        if store := settings.limits_store or settings.streams_store:
            self._pool = _pool(addresses(store.get_secret_value())[0], seconds)
            self._shared = _Limits(_redis(self._pool), settings, int)

    async def check(self, caller: str) -> None:
        """Raise `RateLimited` if the caller has reached a limit. Counts nothing."""
        await self._ask(lambda limits: _check(limits, caller))

    async def count_stream(self, caller: str) -> None:
        """Count a stream that begins now. Raises `RateLimited`, and then counts nothing."""
        await self._ask(lambda limits: _count_stream(limits, caller))

    def count_tokens(self, caller: str, tokens: int) -> None:
        """Count the tokens of a stream that has ended, even if they exceed the limit."""
        if tokens and self._local.tokens:
            task = asyncio.create_task(self._ask(lambda limits: _spend(limits, caller, tokens)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Wait until everything has been counted, and close the store."""
        await asyncio.gather(*self._tasks)
        if self._shared is not None:
            await disconnect(self._pool)

    async def _ask(self, do: Callable[[_Limits], Awaitable[_T]]) -> _T:
        now = asyncio.get_running_loop().time()
        if self._shared is not None and now >= self._down_until:
            try:
                async with asyncio.timeout(self._seconds):
                    return await do(self._shared)
            except (StorageError, TimeoutError) as error:
                self._down_until = now + DOWN_SECONDS
                _log.warning(
                    "the limits' store does not answer",
                    cause=type(error.__cause__ or error).__name__,
                )
        return await do(self._local)


def _pool(address: Address, seconds: float) -> ConnectionPool:
    return address.pool(seconds, max_connections=MAX_CONNECTIONS, timeout=seconds)


def _redis(pool: ConnectionPool) -> Storage:
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
