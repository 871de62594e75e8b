"""All streams of this process: begun, read, kept, and brought to an end when it stops."""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import Callable
from functools import partial

from app.errors import Cancelled, Draining, IdempotencyConflict, StreamExpired, StreamNotFound
from app.providers.base import Provider
from app.settings import Settings
from app.streams.generation import Generation
from app.streams.log_entry import Failed
from app.streams.memory_store import Key, MemoryStore
from app.streams.request import GenerationRequest
from app.streams.run import Run
from app.telemetry.metrics import Telemetry

ALPHABET = string.ascii_letters + string.digits
ID_LENGTH = 22  # 130 random bits: where no keys are set, the id is the secret
STREAM_BYTES = 5000  # about what a stream takes beside its log


class Stream:
    """A generation, and how it is read: whose it is, and whether readers may come back.

    key: the owner and the idempotency key that it was begun with
    """

    def __init__(
        self, generation: Generation, owner: str, *, resumable: bool, key: Key | None
    ) -> None:
        self.generation = generation
        self.run = generation.target
        self.id = self.run.id
        self.owner = owner
        self.resumable = resumable
        self.key = key
        self.committed = False  # whether a reader has been told 200
        self.on_end: Callable[[Stream], None] = lambda stream: None
        self.told = False  # whether its end has been logged
        self.waiting: asyncio.TimerHandle | None = None  # for a reader, in the grace period

    def stop_waiting(self) -> None:
        """The grace period is over: a reader has come, or the stream has ended."""
        if self.waiting is not None:
            self.waiting.cancel()
            self.waiting = None

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return STREAM_BYTES + self.run.log.size

    @property
    def was_begun(self) -> bool:
        """Whether there is a stream: where the provider has refused, there may be none."""
        return self.generation.answered or self.committed

    @property
    def was_refused(self) -> bool:
        """Whether the provider has refused it, before there was a stream."""
        end = self.run.outcome
        return isinstance(end, Failed) and not self.was_begun and end.code != Cancelled.code

    @property
    def is_of_use(self) -> bool:
        """Whether its key should lead to it: not where it was refused, or may be tried again."""
        end = self.run.outcome
        return not isinstance(end, Failed) or (self.was_begun and not end.retryable)


def _new_id() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))


class Streams:
    """Begins streams and holds them. `provider` is to be set before the first."""

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self.provider: Provider
        self.draining = False
        self._settings = settings
        self._telemetry = telemetry
        self._running: set[Stream] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._runs: MemoryStore[Stream] = MemoryStore(
            retention=settings.retention_seconds, capacity=settings.retained_bytes
        )

    def __len__(self) -> int:
        return len(self._running)

    def begin(
        self,
        request: GenerationRequest,
        owner: str,
        *,
        resumable: bool = False,
        key: str | None = None,
        request_id: str = "-",
        caller: str = "",
    ) -> Stream:
        """Begin a stream, or find the one that the owner's idempotency key has begun.

        `request_id` and `caller` are for its lines in the log.
        Raises `Draining`, `IdempotencyConflict`.
        """
        if known := self.known(request, owner, key):
            return known
        if self.draining:
            raise Draining(retry_after=1)
        entry = request.entry
        run = Run(_new_id(), entry.name, request.model, entry.version)
        generation = Generation(request, run, self.provider, self._settings)
        generation.request_id, generation.caller = request_id, caller
        named = None if key is None else (owner, key)
        stream = Stream(generation, owner, resumable=resumable or key is not None, key=named)
        self._runs.add(stream)
        self._running.add(stream)
        self._idle.clear()
        task = generation.begin()
        self._telemetry.started(generation)
        task.add_done_callback(lambda _: self._ended(stream))
        return stream

    def known(self, request: GenerationRequest, owner: str, key: str | None) -> Stream | None:
        """The stream that an owner's idempotency key has begun. Raises `IdempotencyConflict`."""
        known = self._runs.find_key((owner, key)) if key is not None else None
        if known is None or not known.is_of_use:
            return None
        if known.generation.request != request:
            raise IdempotencyConflict
        return known

    def find(self, id: str, owner: str) -> Stream:
        """An owner's stream. Raises `StreamNotFound`, `StreamExpired`."""
        return self._runs.find(id, owner)

    def cancel(self, id: str, owner: str) -> None:
        """End a stream if it runs, and forget it. Raises `StreamNotFound`."""
        try:
            stream = self.find(id, owner)
        except StreamExpired:
            raise StreamNotFound from None
        self._runs.forget(stream)
        if not stream.run.ended:
            stream.generation.stop(Cancelled())

    def _ended(self, stream: Stream) -> None:
        generation = stream.generation
        self._running.remove(stream)
        generation.make_sure_it_ended()
        stream.on_end(stream)
        self._telemetry.ended(generation)
        if not stream.is_of_use:
            self._runs.free_key(stream)
        stream.stop_waiting()
        if not stream.was_begun:
            self._runs.forget(stream)
        elif stream.resumable:
            stream.run.log.pack()
            self._runs.keep(stream)
        else:
            self._runs.expire(stream)
        if not generation.target.followers:
            self._told(stream)
        if not self._running:
            self._idle.set()

    # -- readers ------------------------------------------------------------------------------

    def read(self, stream: Stream) -> Callable[[], None]:
        """Be one of a stream's readers, until what this returns is called (once).

        When the last one goes, so may the stream.
        """
        stream.run.followers += 1
        stream.stop_waiting()
        return partial(self._leave, stream)

    def _leave(self, stream: Stream) -> None:
        stream.run.followers -= 1
        if not stream.run.followers:
            self._left_alone(stream)

    def _left_alone(self, stream: Stream) -> None:
        if stream.run.ended:
            if stream not in self._running:
                self._told(stream)
        elif stream.resumable:
            loop = asyncio.get_running_loop()
            grace = self._settings.resume_grace_seconds
            stream.waiting = loop.call_later(grace, stream.generation.stop, Cancelled())
        else:
            stream.generation.stop(Cancelled())

    def _told(self, stream: Stream) -> None:
        """The last reader of a stream that has ended has had what there was: log it, once."""
        stream.run.pack()
        if not stream.told:
            stream.told = True
            self._telemetry.left(stream.generation)

    # -- the end ------------------------------------------------------------------------------

    async def drain(self, seconds: float) -> None:
        """Begin nothing more; end what still runs after `seconds` in `draining`."""
        self.draining = True
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            await self.stop()

    async def stop(self) -> None:
        """End everything now."""
        self.draining = True
        for stream in list(self._running):
            stream.generation.stop(Draining(retry_after=1))
        await self._idle.wait()
        self._runs.close()
