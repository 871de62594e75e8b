"""Counts the streams that tickets begin.

Where the processes share a store of limits, a ticket's uses are counted there. Each process counts
those that it has seen itself, too. So a ticket that was used up in a process stays so there, even
if the store was emptied or does not answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from app.errors import Forbidden, Overloaded
from app.http.auth.tickets import Ticket
from app.limits.limit_store import LimitStore, StoreDown

MAX_COUNTED: Final = 100_000

LEEWAY_SECONDS: Final = 60
"""How much longer than the ticket its count is kept, as clocks differ."""


class TicketUses:
    """store: in which all processes count; None: there is none
    limit: for how many tickets this process counts. At the limit it accepts no new ticket
    """

    def __init__(self, store: LimitStore | None = None, limit: int = MAX_COUNTED) -> None:
        self._store = store
        self._limit = limit
        self._used: dict[int, dict[str, int]] = {}  # by the minute in which the tickets expire
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def here(self) -> dict[str, int]:
        """How often each ticket was used in this process, if it was."""
        counted = (pair for used in self._used.values() for pair in used.items())
        return {jti: times for jti, times in counted if times}

    async def use(self, ticket: Ticket) -> Callable[[], None]:
        """Count a stream that begins with this ticket. The result undoes that, if it is called.

        Raises `Forbidden` if the ticket has no streams left, `Overloaded` if too many are counted.
        """
        self._count_here(ticket)
        try:
            is_everywhere = await self._count_everywhere(ticket)
        except BaseException:
            self._give_back_here(ticket)
            raise
        return partial(self._give_back, ticket, is_everywhere=is_everywhere)

    async def aclose(self) -> None:
        """Finish counting."""
        await asyncio.gather(*self._tasks)

    # -- in this process ----------------------------------------------------------------------

    def _count_here(self, ticket: Ticket) -> None:
        self._forget_expired()
        used = self._used.setdefault(ticket.exp // 60, {})
        if ticket.jti not in used and sum(map(len, self._used.values())) >= self._limit:
            raise Overloaded(retry_after=60)
        if used.get(ticket.jti, 0) >= ticket.streams:
            raise _used_up()
        used[ticket.jti] = used.get(ticket.jti, 0) + 1

    def _give_back_here(self, ticket: Ticket) -> None:
        used = self._used.get(ticket.exp // 60, {})
        if used.get(ticket.jti):
            used[ticket.jti] -= 1

    def _forget_expired(self) -> None:
        now = int(time.time()) // 60
        for minute in [minute for minute in self._used if minute < now]:
            del self._used[minute]

    # -- in all -------------------------------------------------------------------------------

    async def _count_everywhere(self, ticket: Ticket) -> bool:
        """Count in the store. False if it does not answer. Raises as `use` does."""
        if self._store is None:
            return False
        try:
            counted = await self._store.ask(partial(self._counted, self._store, ticket))
        except StoreDown:
            return False
        if not counted:
            raise _used_up()
        return True

    async def _counted(self, store: LimitStore, ticket: Ticket) -> bool:
        """Whether a use was counted. If not, the ticket has none left."""
        if await self._add(store, ticket, 1) <= ticket.streams:
            return True
        await self._add(store, ticket, -1)
        return False

    async def _add(self, store: LimitStore, ticket: Ticket, uses: int) -> int:
        seconds = max(ticket.exp - int(time.time()), 0) + LEEWAY_SECONDS
        return await store.storage.incr(f"TICKET/{ticket.jti}", seconds, uses)

    # -- giving back --------------------------------------------------------------------------

    def _give_back(self, ticket: Ticket, *, is_everywhere: bool) -> None:
        self._give_back_here(ticket)
        if is_everywhere:
            task = asyncio.create_task(self._give_back_everywhere(ticket))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _give_back_everywhere(self, ticket: Ticket) -> None:
        """If the store does not answer, the use stays counted."""
        assert self._store is not None
        store = self._store

        async def give_back() -> None:
            if await self._add(store, ticket, -1) < 0:  # the store has lost the count
                await self._add(store, ticket, 1)

        with suppress(StoreDown, Overloaded):
            await store.ask(give_back)


def _used_up() -> Forbidden:
    return Forbidden("The ticket has no streams left.")
