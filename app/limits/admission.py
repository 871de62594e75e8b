"""Who may begin a stream now: by the caller's limits, and by the room that there is.

What is cheap to know comes first, and what is counted last: a call that is refused has been
counted nowhere, and has cost the provider nothing. The room that a stream takes is given back
when its generation is over, whatever has become of its readers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

from app.errors import Overloaded, RateLimited
from app.limits.quota import Quota
from app.limits.slots import Slot, Slots
from app.settings import Settings

Wait = Callable[[Slot, float], Awaitable[None]]
"""Waits for a place, at most so many seconds; it may raise what it likes."""


class Permit:
    """A caller's right to one stream: `settle` it when the stream is over, or else `close` it."""

    def __init__(self, admission: Admission, caller: str, place: Slot) -> None:
        self._admission = admission
        self._caller = caller
        self._place: Slot | None = place

    def settle(self, tokens: int) -> None:
        """The stream that was begun with it is over, and has used these tokens."""
        self._admission.quota.count_tokens(self._caller, tokens)
        self.close()

    def close(self) -> None:
        """Give the room back, once."""
        if self._place is not None:
            self._admission.leave(self._caller, self._place)
            self._place = None


class Admission:
    """Lets callers in. `slots` are the process's, `quota` and `streams` the callers' own."""

    def __init__(self, settings: Settings) -> None:
        self.slots = Slots(settings.max_streams, settings.max_queued)
        self.quota = Quota(settings)
        self.streams: Counter[str] = Counter()
        self._queue_seconds = settings.queue_seconds
        limit = settings.caller_streams
        self._most = settings.share(limit) if limit else None

    async def admit(self, caller: str, wait: Wait) -> Permit:
        """Let a caller begin one stream. Raises `RateLimited`, `Overloaded`, and what `wait` does.

        Its place in the queue counts as one of the caller's streams.
        """
        if self._most is not None and self.streams[caller] >= self._most:
            raise RateLimited("You have as many streams at once as you may.", retry_after=1)
        place = self._enter(caller)
        try:
            await self.quota.check(caller)
            if not place.done():
                await wait(place, self._queue_seconds)
                if not place.done():
                    raise Overloaded(retry_after=1)
            await self.quota.count_stream(caller)
        except BaseException:
            self.leave(caller, place)
            raise
        return Permit(self, caller, place)

    async def aclose(self) -> None:
        """Let what is being counted be counted, and close the store."""
        await self.quota.aclose()

    def leave(self, caller: str, place: Slot) -> None:
        """Give back what a caller has taken."""
        self.slots.give_back(place)
        self.streams[caller] -= 1
        if not self.streams[caller]:
            del self.streams[caller]

    def _enter(self, caller: str) -> Slot:
        place = self.slots.ask()
        self.streams[caller] += 1
        return place
