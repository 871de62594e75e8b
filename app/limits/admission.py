"""Decides who may begin a stream now, by the caller's limits and by this process's free slots.

The cheap checks come first, and the call is counted last. So a call that is refused is counted
nowhere and costs the provider nothing. A stream gives its slot back when its generation is over,
even if its readers have left earlier.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from time import perf_counter

from app.errors import Overloaded, RateLimited, ServiceError
from app.limits.limit_store import STORE_SECONDS
from app.limits.quota import Quota, Reservation, Used
from app.limits.refusal import reached
from app.limits.running import Running
from app.limits.slots import Slot, Slots
from app.redis.address import addresses
from app.settings import Settings
from app.store.sharing import Room
from app.telemetry.metrics import Telemetry

Wait = Callable[[Slot, float], Awaitable[None]]
"""Waits until a slot is granted, for at most this number of seconds. May raise any exception."""


class Permit:
    """A caller's right to one stream.

    It ends once: by `settle` if a stream was begun with it, otherwise by `close`.

    waited: the seconds that it has waited for its slot
    """

    def __init__(
        self, admission: Admission, reservation: Reservation, slot: Slot, waited: float
    ) -> None:
        self.waited = waited
        self._admission = admission
        self._reservation = reservation
        self._slot = slot

    def settle(self, used: Used) -> None:
        """The stream is over: count what it has used, and give its slot back."""
        self._admission.quota.settle(self._reservation, used)
        self._leave()

    def close(self) -> None:
        """No stream was begun: nothing was counted, and nothing reserved."""
        self._admission.quota.give_back(self._reservation)
        self._leave()

    def _leave(self) -> None:
        self._admission.leave(self._reservation.caller, self._slot)


class Admission:
    """Admits callers, or refuses them.

    slots: the slots of this process, shared by all callers
    quota: counts what each caller has used of its limits
    streams: how many streams each caller has running or queued in this process
    process: the id of this process, where processes share a store
    """

    def __init__(self, settings: Settings, telemetry: Telemetry, process: str = "") -> None:
        of = telemetry.instruments
        self.slots = Slots(settings.max_streams, settings.max_queued)
        self.quota = Quota(settings, on_change=of.limits_store_down.set)
        self._refused, self._waited = of.limits, of.slot_wait
        self.streams: Counter[str] = Counter()
        self._queue_seconds = settings.queue_seconds
        limit = settings.caller_streams
        self._own_limit = settings.share(limit) if limit else None
        self._shared_limit = limit
        self._running: Running | None = None
        if limit and process and settings.streams_store:
            [address, *_] = addresses(settings.streams_store.get_secret_value())
            self._running = Running(address, process, self.streams.__getitem__, STORE_SECONDS)

    async def admit(
        self, caller: str, expected: Used, wait: Wait, check: Callable[[], None]
    ) -> Permit:
        """Let a caller begin one stream.

        expected: what the stream will use, which is reserved
        check: is called before anything is counted, and may raise any exception

        While the call waits in the queue, it counts as one of the caller's streams.
        Raises `RateLimited`, `Overloaded`, and whatever `wait` and `check` raise.
        """
        try:
            return await self._admitted(caller, expected, wait, check)
        except ServiceError as error:
            self._refused.labels(_limit(error)).inc()
            raise

    async def admit_replay(self, caller: str) -> None:
        """Let a caller read an ended stream from its beginning. Raises `RateLimited`."""
        try:
            await self.quota.count_replay(caller)
        except ServiceError as error:
            self._refused.labels(_limit(error)).inc()
            raise

    async def _admitted(
        self, caller: str, expected: Used, wait: Wait, check: Callable[[], None]
    ) -> Permit:
        if self._running is None:
            self._require_few(caller, 1)
        slot = self._enter(caller)
        try:
            if self._running is not None and self._shared_limit is not None:
                admits = await self._running.admits(caller, self._shared_limit)
                self._require_few(caller, 0, admits=admits)
            await self.quota.check(caller)
            waited = await self._turn(slot, wait)
            check()
            reservation = await self.quota.begin(caller, expected)
        except BaseException:
            self.leave(caller, slot)
            raise
        self._waited.observe(waited)
        return Permit(self, reservation, slot, waited)

    async def _turn(self, slot: Slot, wait: Wait) -> float:
        """Wait until the slot is granted. Gives for how many seconds. Raises `Overloaded`."""
        if slot.done():
            return 0.0
        began = perf_counter()
        await wait(slot, self._queue_seconds)
        if not slot.done():
            raise Overloaded(retry_after=1)
        return perf_counter() - began

    def _require_few(self, caller: str, more: int, *, admits: bool | None = None) -> None:
        """Raise `RateLimited` if a caller would have too many streams with so many more.

        admits: what all processes together say; None: this one decides for itself
        """
        limit = self._own_limit
        if admits is None:
            admits = limit is None or self.streams[caller] + more <= limit
        if not admits:
            raise reached("streams", "streams at once", 1)

    def take_over(self, caller: str) -> Room | None:
        """Let a process try to go on with a stream that another one has begun.

        None if there is no slot. Nothing is counted for the caller but what the stream will use.
        """
        if not self.slots.are_free:
            return None
        slot = self._enter(caller)
        permit = Permit(self, self.quota.unreserved(caller), slot, 0.0)
        if self._running is not None:
            self._running.changed(caller)
        return Room(
            on_end=lambda stream: permit.settle(Used.of(stream.figures)),
            give_back=lambda: self.leave(caller, slot),
        )

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


def _limit(error: ServiceError) -> str:
    """The name of the limit because of which a call was refused."""
    return (error.limit if isinstance(error, RateLimited) else None) or error.code
