"""Decides who may begin a stream now, by the caller's limits and by this process's free slots.

The cheap checks come first, and the call is counted last. So a call that is refused is counted
nowhere and costs the provider nothing. A stream gives its slot back when its generation is over,
even if its readers have left earlier.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

from app.errors import Overloaded, RateLimited
from app.limits.quota import STORE_SECONDS, Quota
from app.limits.running import Running
from app.limits.slots import Slot, Slots
from app.redis.address import addresses
from app.settings import Settings
from app.streams.stream import Stream

Wait = Callable[[Slot, float], Awaitable[None]]
"""Waits until a slot is granted, for at most this number of seconds. May raise any exception."""


class Permit:
    """A caller's right to one stream.

    It ends once: by `settle` if a stream was begun with it, otherwise by `close`.
    """

    def __init__(self, admission: Admission, caller: str, slot: Slot) -> None:
        self._admission = admission
        self._caller = caller
        self._slot: Slot | None = slot

    def settle(self, tokens: int) -> None:
        """The stream is over: count its tokens, and give its slot back."""
        self._admission.quota.count_tokens(self._caller, tokens)
        self.close()

    def close(self) -> None:
        """Give the slot back; a second call does nothing."""
        if self._slot is not None:
            self._admission.leave(self._caller, self._slot)
            self._slot = None


class Admission:
    """Admits callers, or refuses them.

    slots: the slots of this process, shared by all callers
    quota: counts what each caller has used of its limits
    streams: how many streams each caller has running or queued in this process
    process: the id of this process, where processes share a store
    """

    def __init__(self, settings: Settings, process: str = "") -> None:
        self.slots = Slots(settings.max_streams, settings.max_queued)
        self.quota = Quota(settings)
        self.streams: Counter[str] = Counter()
        self._queue_seconds = settings.queue_seconds
        limit = settings.caller_streams
        self._caller_streams = settings.share(limit) if limit else None
        self._everywhere = limit
        self._running: Running | None = None
        if limit and process and settings.streams_store:
            [address, *_] = addresses(settings.streams_store.get_secret_value())
            self._running = Running(address, process, self.streams.__getitem__, STORE_SECONDS)

    async def admit(self, caller: str, wait: Wait) -> Permit:
        """Let a caller begin one stream.

        While the call waits in the queue, it counts as one of the caller's streams.
        Raises `RateLimited`, `Overloaded`, and whatever `wait` raises.
        """
        if self._running is None:
            self._require_few(caller, 1)
        slot = self._enter(caller)
        try:
            if self._running is not None and self._everywhere is not None:
                admits = await self._running.admits(caller, self._everywhere)
                self._require_few(caller, 0, admits=admits)
            await self.quota.check(caller)
            if not slot.done():
                await wait(slot, self._queue_seconds)
                if not slot.done():
                    raise Overloaded(retry_after=1)
            await self.quota.count_stream(caller)
        except BaseException:
            self.leave(caller, slot)
            raise
        return Permit(self, caller, slot)

    def _require_few(self, caller: str, more: int, *, admits: bool | None = None) -> None:
        """Raise `RateLimited` if a caller would have too many streams with so many more.

        admits: what all processes together say; None: this one decides for itself
        """
        limit = self._caller_streams
        if admits is None:
            admits = limit is None or self.streams[caller] + more <= limit
        if not admits:
            raise RateLimited("You have reached your limit of streams at once.", retry_after=1)

    def take_over(self, caller: str) -> Callable[[Stream], None] | None:
        """Let a process go on with a stream that another one has begun, if there is a slot.

        Returns what is to be called once the stream has ended.
        """
        if not self.slots.are_free:
            return None
        permit = Permit(self, caller, self._enter(caller))
        return lambda stream: permit.settle(stream.figures.tokens)

    async def aclose(self) -> None:
        """Finish counting, and close the store."""
        if self._running is not None:
            await self._running.aclose()
        await self.quota.aclose()

    def leave(self, caller: str, slot: Slot) -> None:
        """Give back a caller's slot, or its turn in the queue."""
        self.slots.give_back(slot)
        self.streams[caller] -= 1
        if not self.streams[caller]:
            del self.streams[caller]
        if self._running is not None:
            self._running.changed(caller)

    def _enter(self, caller: str) -> Slot:
        slot = self.slots.ask()
        self.streams[caller] += 1
        return slot
