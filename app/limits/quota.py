"""Counts what each caller has used of its limits: streams in a minute, tokens and dollars in a day.

The `limits` library counts, in this process or in Redis. The minute is a sliding window: the
count of the last minute fades while the present one passes, so a caller can't send one burst
before the turn of a minute and another after it. A day begins with a caller's first stream. While
Redis does not answer, this process counts by itself, so the service and the limits keep working
when the store is down. Only callers that the settings name are counted, which bounds the memory.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from app.errors import Overloaded, RateLimited
from app.limits.budget import Budget, Reserved
from app.limits.limit_store import LimitStore, StoreDown
from app.limits.refusal import reached
from app.redis.address import addresses
from app.settings import Settings
from app.streams.figures import Figures

MICRO = 1_000_000
"""Dollars are counted in millionths, as stores count whole numbers."""

_T = TypeVar("_T")


class Used(NamedTuple):
    """What a stream uses of its caller's budgets, or will use."""

    tokens: int = 0
    usd: float = 0.0

    @classmethod
    def of(cls, figures: Figures) -> Used:
        """What a stream has used, by its figures."""
        return cls(figures.tokens, figures.known_cost_usd)

    @property
    def costs(self) -> tuple[int, int]:
        """In what the budgets count."""
        return self.tokens, round(self.usd * MICRO)


class _PerMinute:
    """What a caller does in a minute, as one store counts it.

    what: `streams` or `replays`
    """

    def __init__(self, store: Storage, what: str, amount: int) -> None:
        self._what = what
        self._limiter = SlidingWindowCounterRateLimiter(store)
        self._item = RateLimitItemPerMinute(amount, namespace=f"LIMITER/{what}")

    async def check(self, caller: str) -> None:
        """Raise `RateLimited` if a caller has nothing left. Counts nothing."""
        if not await self._limiter.test(self._item, caller):
            await self._refuse(caller)

    async def count(self, caller: str) -> None:
        """Count one. Raises `RateLimited`, and then counts nothing."""
        if not await self._limiter.hit(self._item, caller):
            await self._refuse(caller)

    async def give_back(self, caller: str) -> None:
        """Take back what was counted last."""
        await self._limiter.hit(self._item, caller, cost=-1)

    async def _refuse(self, caller: str) -> None:
        reset, _ = await self._limiter.get_window_stats(self._item, caller)
        what = self._what
        raise reached(f"{what}_per_minute", f"{what} a minute", reset - time.time())


class _Limits:
    """The limits of every caller, as one store counts them.

    share: computes the part of a limit that this store allows
    """

    def __init__(self, store: Storage, settings: Settings, share: Callable[[int], int]) -> None:
        streams, replays, tokens, usd = (
            settings.caller_streams_per_minute,
            settings.caller_replays_per_minute,
            settings.caller_tokens_per_day,
            settings.caller_usd_per_day,
        )
        self.streams = _PerMinute(store, "streams", share(streams)) if streams else None
        self.replays = _PerMinute(store, "replays", share(replays)) if replays else None
        self.budgets: list[Budget | None] = [
            Budget(store, "tokens_per_day", "tokens in a day", share(tokens)) if tokens else None,
            Budget(store, "usd_per_day", "dollars in a day", share(max(1, round(usd * MICRO))))
            if usd
            else None,
        ]

    async def check(self, caller: str) -> None:
        for budget in self.budgets:
            if budget is not None:
                await budget.check(caller)
        if self.streams is not None:
            await self.streams.check(caller)

    async def begin(self, caller: str, expected: Used) -> Reservation:
        """Reserve what a stream will use, and count it. Or raise `RateLimited`: nothing counts."""
        reservation = Reservation(caller, self)
        try:
            for budget, cost in zip(self.budgets, expected.costs, strict=True):
                part = await budget.reserve(caller, cost) if budget else None
                reservation.parts.append(part)
            if self.streams is not None:
                await self.streams.count(caller)
        except RateLimited:
            await self.settle(reservation, Used())
            raise
        return reservation

    async def count_replay(self, caller: str) -> None:
        if self.replays is not None:
            await self.replays.count(caller)

    async def give_back(self, reservation: Reservation) -> None:
        """Count nothing for a stream that was not begun."""
        await self.settle(reservation, Used())
        if self.streams is not None:
            await self.streams.give_back(reservation.caller)

    async def settle(self, reservation: Reservation, used: Used) -> None:
        """Count what was used in the place of what was reserved."""
        parts = zip(self.budgets, reservation.parts, used.costs, strict=False)
        for budget, part, cost in parts:
            if budget is not None and part is not None:
                await budget.settle(reservation.caller, part, cost)


@dataclass(slots=True)
class Reservation:
    """What a stream has reserved, and with which store. parts: one for each budget, in order."""

    caller: str
    limits: _Limits
    parts: list[Reserved | None] = field(default_factory=list)


class Quota:
    """Counts for all callers, and refuses those who have nothing left.

    seconds: how long to wait for an answer of the store that the settings name; None takes the
        usual time
    on_change: is called with whether that store is down, when this has changed
    store: in which the processes count together; None: each counts by itself
    """

    def __init__(
        self,
        settings: Settings,
        seconds: float | None = None,
        on_change: Callable[[bool], None] = lambda is_down: None,
    ) -> None:
        self._local = _Limits(MemoryStorage(), settings, settings.share)
        self.store: LimitStore | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        if url := settings.limits_store or settings.streams_store:
            address = addresses(url.get_secret_value())[0]
            self.store = LimitStore(address, seconds, on_change)
            self._shared = _Limits(self.store.storage, settings, int)

    @property
    def is_shared(self) -> bool:
        """Whether the processes count in a store together."""
        return self.store is not None

    @property
    def is_down(self) -> bool:
        """Whether the store has not answered, so that this process counts by itself."""
        return self.store is not None and self.store.is_down

    async def check(self, caller: str) -> None:
        """Raise `RateLimited` if the caller has reached a limit. Counts nothing."""
        await self._ask(lambda limits: limits.check(caller))

    async def begin(self, caller: str, expected: Used) -> Reservation:
        """Count a stream that begins now, and reserve what it will use.

        Raises `RateLimited`, and then nothing is counted.
        """
        return await self._ask(lambda limits: limits.begin(caller, expected))

    async def count_replay(self, caller: str) -> None:
        """Count a whole replay of an ended stream. Or raise `RateLimited`, and count nothing."""
        await self._ask(lambda limits: limits.count_replay(caller))

    def settle(self, reservation: Reservation, used: Used) -> None:
        """A stream has ended: count what it has used, even if it exceeds a limit."""
        if any(reservation.parts):
            limits = reservation.limits
            self._soon(limits, lambda: limits.settle(reservation, used))

    def give_back(self, reservation: Reservation) -> None:
        """No stream was begun: nothing is counted for it."""
        limits = reservation.limits
        self._soon(limits, lambda: limits.give_back(reservation))

    def unreserved(self, caller: str) -> Reservation:
        """A reservation of nothing, for a stream that this process has taken over."""
        limits = self._local if self.store is None else self._shared
        return Reservation(caller, limits, [Reserved(0, 0.0) for _ in limits.budgets])

    def _soon(self, limits: _Limits, do: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._do(limits, do))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Wait until everything has been counted, and close the store."""
        await asyncio.gather(*self._tasks)
        if self.store is not None:
            await self.store.aclose()

    async def _do(self, limits: _Limits, do: Callable[[], Awaitable[None]]) -> None:
        """Do this where it was counted. While that store is down, all stays as it is."""
        if self.store is None or limits is self._local:
            await do()
        else:
            with suppress(StoreDown, Overloaded):
                await self.store.ask(do)

    async def _ask(self, do: Callable[[_Limits], Awaitable[_T]]) -> _T:
        if self.store is not None:
            with suppress(StoreDown):
                return await self.store.ask(lambda: do(self._shared))
        return await do(self._local)
