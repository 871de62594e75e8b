"""A caller's budget for a day, of which a stream reserves a part before it begins.

A stream may begin as long as anything is left, so it may go beyond the budget, once. What it has
reserved counts at once: so many streams that begin together can't all find the same rest.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from limits import RateLimitItemPerDay
from limits.aio.storage import Storage

from app.limits.refusal import reached

LEAST_SECONDS: Final = 2
"""Nothing is given back in the last seconds of a day, as its count may be gone by then."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """A part of a budget. until: when its day ends, in Unix time."""

    cost: int
    until: float


class Budget:
    """One budget of every caller, as one store counts it.

    name: of the limit, for the metrics. what: for people
    amount: what a caller may use in a day, which begins with the first use
    """

    def __init__(self, store: Storage, name: str, what: str, amount: int) -> None:
        self._store = store
        self._name = name
        self._what = what
        self._item = RateLimitItemPerDay(amount)

    async def check(self, caller: str) -> None:
        """Raise `RateLimited` if a caller has nothing left. Counts nothing."""
        if await self._store.get(self._item.key_for(caller)) >= self._item.amount:
            await self._refuse(caller)

    async def reserve(self, caller: str, cost: int) -> Reserved:
        """Reserve what a stream will use. Raises `RateLimited`, and then nothing is counted."""
        if cost <= 0:
            await self.check(caller)
            return Reserved(0, 0.0)
        key = self._item.key_for(caller)
        total = await self._store.incr(key, self._item.get_expiry(), cost)
        reserved = Reserved(cost, await self._store.get_expiry(key))
        if total - cost >= self._item.amount:
            await self.settle(caller, reserved, 0)
            await self._refuse(caller)
        return reserved

    async def settle(self, caller: str, reserved: Reserved, used: int) -> None:
        """Count what a stream has used in the place of what it had reserved.

        A negative use counts as none.
        """
        more = max(used, 0) - reserved.cost
        if more > 0:
            await self._add(caller, more)
        elif more < 0 and time.time() < reserved.until - LEAST_SECONDS:
            left = await self._add(caller, more)
            if left < 0:  # the store has lost the count: nobody may begin a day with a credit
                await self._add(caller, -left)

    async def _add(self, caller: str, cost: int) -> int:
        key = self._item.key_for(caller)
        return await self._store.incr(key, self._item.get_expiry(), cost)

    async def _refuse(self, caller: str) -> None:
        ends = await self._store.get_expiry(self._item.key_for(caller))
        raise reached(self._name, self._what, ends - time.time())
