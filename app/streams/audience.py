"""Tells a stream's producer whether a follower waits for text, and wakes the followers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar


class Audience:
    """Wakes followers when there are new entries, and the producer when a follower wants some.

    A follower *sleeps* until its next message is due. Then it is *eager*: it waits for any new
    entry. While no follower is eager, the producer does not read what the model has written,
    because one read for many tokens costs much less than one read for each token.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sleeping: set[asyncio.Future[bool]] = set()
        self._eager: set[asyncio.Future[bool]] = set()
        self._demand: asyncio.Future[None] | None = None

    # -- the producer's side ------------------------------------------------------------------

    async def demand(self, seconds: float) -> None:
        """Wait until a follower is eager, `seconds` have passed or `end_demand` is called."""
        if self._eager:
            return
        demand = self._demand = self._loop.create_future()
        timer = self._loop.call_later(seconds, resolve, demand, None)
        try:
            await demand
        finally:
            timer.cancel()
            self._demand = None

    def end_demand(self, _: object = None) -> None:
        """There is nothing more to wait for. The argument makes it a callback of a future."""
        if self._demand is not None:
            resolve(self._demand, None)

    def wake(self, *, urgent: bool) -> None:
        """There are new entries. Only urgent ones wake a follower that still sleeps."""
        for waiting in (self._eager, self._sleeping) if urgent else (self._eager,):
            for woken in waiting:
                resolve(woken, True)
            waiting.clear()

    # -- the follower's side ------------------------------------------------------------------

    async def wait(self, due: float, until: float, has_entries: Callable[[], bool]) -> bool:
        """Wait for entries.

        Until the loop's time is `due`, only an urgent one ends the wait; after that any does.

        has_entries: whether there is an entry that the follower has not read
        Returns False if the loop's time `until` has come first.
        """
        loop = self._loop
        woken: asyncio.Future[bool] = loop.create_future()
        timer: asyncio.TimerHandle | None = None

        def end_sleep() -> None:
            nonlocal timer
            self._sleeping.discard(woken)
            if due > until or has_entries():
                resolve(woken, due <= until)
                return
            timer = loop.call_at(until, resolve, woken, False)
            self._eager.add(woken)
            self.end_demand()

        if due > loop.time():
            # The end of its sleep is a callback, so the follower's task runs once a message.
            self._sleeping.add(woken)
            timer = loop.call_at(min(due, until), end_sleep)
        else:
            end_sleep()
        try:
            return await woken
        finally:
            if timer is not None:
                timer.cancel()
            self._sleeping.discard(woken)
            self._eager.discard(woken)


Result = TypeVar("Result")


def resolve(future: asyncio.Future[Result], result: Result) -> None:
    """Give a future its result, if it has none yet."""
    if not future.done():
        future.set_result(result)
