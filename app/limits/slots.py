"""Room for streams in this process, and a queue for those who find none.

The queue has a bound, and those who wait have a deadline of their own: who finds it full is
refused at once, so that a flood costs nothing but its refusals. First come, first served.
"""

from __future__ import annotations

import asyncio
from collections import deque

from app.errors import Overloaded

Slot = asyncio.Future[None]
"""Resolved: there is room. Whoever holds one gives it back, whatever has become of it."""


class Slots:
    """most: how many places there are. queued: how many may wait for one."""

    def __init__(self, most: int, queued: int) -> None:
        self.taken = 0
        self._most = most
        self._queued = queued
        self._queue: deque[Slot] = deque()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def ask(self) -> Slot:
        """A place, resolved at once where there is room. Raises `Overloaded`."""
        place: Slot = asyncio.get_running_loop().create_future()
        if self.taken < self._most:
            self.taken += 1
            place.set_result(None)
        elif len(self._queue) < self._queued:
            self._queue.append(place)
        else:
            raise Overloaded(retry_after=1)
        return place

    def give_back(self, place: Slot) -> None:
        """Leave a place, or the queue for it."""
        if not place.done():
            self._queue.remove(place)
        elif self._queue:
            self._queue.popleft().set_result(None)
        else:
            self.taken -= 1
