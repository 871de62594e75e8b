"""Tells a stream's producer whether a follower waits for text, and wakes the followers."""

from __future__ import annotations

import asyncio


class Audience:
    """Wakes followers when there are new entries, and the producer when a follower wants some.

    A follower *sleeps* until its next message is due. Then it is *eager*: it waits for any new
    entry. While no follower is eager, the producer does not read what the model has written,
    because one read for many tokens costs much less than one read for each token.
    """

    def __init__(self) -> None:
        self._sleeping: set[asyncio.Future[bool]] = set()
        self._eager: set[asyncio.Future[bool]] = set()
        self._demand: asyncio.Future[None] | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether any follower sleeps or is eager."""
        return bool(self._eager or self._sleeping)

    # -- the producer's side ------------------------------------------------------------------

    async def demand(self, seconds: float, received: asyncio.Future[None]) -> None:
        """Wait until a follower is eager, `seconds` have passed or `received` has resolved.

        received: resolves when nothing more will come from the provider
        """
        if self._eager or received.done():
            return
        loop = asyncio.get_running_loop()
        demand = self._demand = loop.create_future()

        def stop(_: object = None) -> None:
            if not demand.done():
                demand.set_result(None)

        timer = loop.call_later(seconds, stop)
        received.add_done_callback(stop)
        try:
            await demand
        finally:
            timer.cancel()
            received.remove_done_callback(stop)
            self._demand = None

    def wake(self, *, urgent: bool) -> None:
        """There are new entries. Only urgent ones wake a follower that still sleeps."""
        for waiting in (self._eager, self._sleeping) if urgent else (self._eager,):
            for woken in waiting:
                if not woken.done():
                    woken.set_result(True)
            waiting.clear()

    # -- the follower's side ------------------------------------------------------------------

    async def wait_for_urgent(self, until: float) -> bool:
        """Wait until the loop's time is `until`. True if an urgent entry has come earlier."""
        return await self._wait(self._sleeping, until)

    async def wait(self, until: float) -> bool:
        """Wait for any new entry. False if the loop's time `until` has come earlier."""
        return await self._wait(self._eager, until)

    async def _wait(self, waiting: set[asyncio.Future[bool]], until: float) -> bool:
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[bool] = loop.create_future()
        timer = loop.call_at(until, _resolve, woken)
        waiting.add(woken)
        if waiting is self._eager and self._demand is not None and not self._demand.done():
            self._demand.set_result(None)
        try:
            return await woken
        finally:
            timer.cancel()
            waiting.discard(woken)


def _resolve(woken: asyncio.Future[bool]) -> None:
    if not woken.done():
        woken.set_result(False)
