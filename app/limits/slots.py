"""Slots for the streams of this process, and a queue for calls that find all slots taken.

First come, first served. The queue has a bound: a call that finds it full is refused at once,
so a flood of calls costs little. The caller of `ask` decides how long to wait.
"""

from __future__ import annotations

import asyncio
from collections import deque

from app.errors import Overloaded

Slot = asyncio.Future[None]
"""A future that resolves when the slot is granted. Its holder must give it back in any case."""


class Slots:
    """limit: how many slots there are. queue_limit: how many calls may wait for one."""

    def __init__(self, limit: int, queue_limit: int) -> None:
        self.taken = 0
        self._limit = limit
        self._queue_limit = queue_limit
        self._queue: deque[Slot] = deque()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def are_free(self) -> bool:
        return self.taken < self._limit

    def ask(self) -> Slot:
        """Take a free slot, or a place in the queue. Raises `Overloaded` if the queue is full."""
        slot: Slot = asyncio.get_running_loop().create_future()
        if self.taken < self._limit:
            self.taken += 1
            slot.set_result(None)
        elif len(self._queue) < self._queue_limit:
            self._queue.append(slot)
        else:
            raise Overloaded(retry_after=1)
        return slot

    def give_back(self, slot: Slot) -> None:
        """Give back a slot that was granted, or leave the queue."""
        if not slot.done():
            self._queue.remove(slot)
        elif self._queue:
            self._queue.popleft().set_result(None)
        else:
            self.taken -= 1
