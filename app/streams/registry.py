"""All streams of this process. They are begun, read and kept here, and ended when it stops."""

from __future__ import annotations

import asyncio
import string
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog

from app.errors import (
    Cancelled,
    Draining,
    IdempotencyConflict,
    ServiceError,
    StreamExpired,
    StreamNotFound,
)
from app.partial.kept import Kept
from app.providers.base import Provider
from app.streams.circuits import Circuits
from app.streams.done_hook import DoneHook, Outcome
from app.streams.log_entry import Failed
from app.streams.memory_store import Held, MemoryStore
from app.streams.producer import AttemptObserver, Producer, ProducerSettings
from app.streams.random_letters import random_letters
from app.streams.request import GenerationRequest
from app.streams.stream import Origin, Stream
from app.streams.where_raised import where_raised

ALPHABET = string.ascii_letters + string.digits
ID_LENGTH = 22  # 130 random bits: without keys, the id alone protects the stream

_log = structlog.get_logger("stream")


class Observer(AttemptObserver, Protocol):
    """Is told when streams begin and end. The metrics and the log implement it."""

    def started(self, stream: Stream) -> None:
        """A stream has begun."""

    def ended(self, stream: Stream) -> None:
        """A stream has ended, whatever its outcome."""

    def left(self, stream: Stream) -> None:
        """A stream has ended, and its last reader has received all of it. Called once a stream."""

    def hooked(self, stream: Stream, outcome: Outcome) -> None:
        """The `done` of a stream's schema was called, and has ended so."""


@dataclass(eq=False)
class _Running:
    """A stream while its producer runs.

    on_end: called once the stream has ended
    grace: the timer that ends the stream if no reader comes back; None while it has a reader
    """

    task: asyncio.Task[None]
    on_end: Callable[[Stream], None]
    grace: asyncio.TimerHandle | None = None

    def end_grace(self) -> None:
        if self.grace is not None:
            self.grace.cancel()
            self.grace = None


def _new_id() -> str:
    return random_letters(ALPHABET, ID_LENGTH)


class Streams:
    """Begins streams and holds them. Its `provider` must be set before the first one begins.

    grace: seconds that a resumable stream goes on without a reader
    """

    def __init__(
        self,
        settings: ProducerSettings,
        circuits: Circuits,
        memory: MemoryStore,
        observer: Observer,
        *,
        grace: float,
    ) -> None:
        self.provider: Provider | None = None
        self.draining = False
        self.readers = 0
        self._settings = settings
        self._circuits = circuits
        self._memory = memory
        self._observer = observer
        self._grace = grace
        self._running: dict[Stream, _Running] = {}
        self._untold: set[Stream] = set()  # the streams for which `left` was not called yet
        self._idle = asyncio.Event()
        self._idle.set()
        self._done_hook = DoneHook(observer.hooked)

    def __len__(self) -> int:
        """How many streams run."""
        return len(self._running)

    @property
    def passed_over(self) -> tuple[str, ...]:
        """The models that are passed over because they have failed again and again."""
        return self._circuits.open

    @property
    def stores(self) -> tuple[str | None, ...]:
        """Of each store through which processes share streams, what is wrong with it, if it is."""
        return ()

    @property
    def kept(self) -> Held:
        """What is kept of streams that have ended."""
        return self._memory.kept

    def begin(
        self,
        request: GenerationRequest,
        origin: Origin,
        on_end: Callable[[Stream], None] = lambda stream: None,
    ) -> Stream:
        """Begin a stream, or find the one that the owner's idempotency key has begun.

        on_end: called once the stream has ended, if this call has begun it
        Raises `Draining`, `IdempotencyConflict`.
        """
        if known := self.known(request, origin):
            return known
        self.require_open()
        stream = Stream(_new_id(), request, origin)
        self._run(stream, on_end)
        return stream

    def _run(
        self, stream: Stream, on_end: Callable[[Stream], None], kept: Kept | None = None
    ) -> None:
        """Start the producer of a stream, which goes on with what is kept."""
        assert self.provider is not None
        producer = Producer(
            stream, self.provider, self._settings, self._circuits, self._observer, kept
        )
        task = asyncio.create_task(producer.run(), name=f"producer {stream.id}")
        self._running[stream] = _Running(task, on_end)
        self._untold.add(stream)
        self._idle.clear()
        self._memory.add(stream)
        self._observer.started(stream)
        task.add_done_callback(partial(self._clean_up, stream))

    def require_open(self) -> None:
        """Raise `Draining` if no more streams are begun, `RuntimeError` if none can be yet."""
        if self.provider is None:
            raise RuntimeError("the app's lifespan was not begun: see docs/your-app.md")
        if self.draining:
            raise Draining(retry_after=1)

    def known(self, request: GenerationRequest, origin: Origin) -> Stream | None:
        """The stream that an owner's idempotency key has begun. Raises `IdempotencyConflict`."""
        if origin.key is None:
            return None
        known = self._memory.find_key((origin.owner, origin.key))
        if known is None or not known.is_of_use:
            return None
        if known.request != request:
            raise IdempotencyConflict
        return known

    def find(self, id: str, owner: str) -> Stream:
        """An owner's stream. Raises `StreamNotFound`, `StreamExpired`."""
        return self._memory.find(id, owner)

    def cancel(self, id: str, owner: str) -> None:
        """End a stream if it runs, and forget it. Raises `StreamNotFound`."""
        try:
            stream = self.find(id, owner)
        except StreamExpired:
            raise StreamNotFound from None
        self._memory.forget(stream)
        self._stop(stream, Cancelled())

    def _stop(self, stream: Stream, error: ServiceError) -> None:
        """If a stream runs, end it in `error` and close the provider's connection."""
        if running := self._running.get(stream):
            stream.end(Failed.of(error))
            running.task.cancel()

    def _clean_up(self, stream: Stream, task: asyncio.Task[None]) -> None:
        """Clean up after a producer, once its stream has ended."""
        # A task that is cancelled before its first step runs nothing, not even a `finally`.
        stream.end(Failed.of(Cancelled()))
        if stream.last_entries:
            stream.finished.add_done_callback(lambda _: self._settle(stream))
        else:
            self._settle(stream)

    def _settle(self, stream: Stream) -> None:
        """Settle what a stream has taken. Each step is taken, even if another one raises."""
        if stream not in self._running:
            return
        try:
            with ExitStack() as steps:  # runs the last one first
                steps.callback(self._ended, stream)
                steps.callback(self._observer.ended, stream)
                steps.callback(self._running[stream].on_end, stream)
                steps.callback(self.call_hook, stream)
        except Exception as error:
            _log.error(
                "what was to be done at a stream's end broke",
                id=stream.id,
                exception=where_raised(error),
            )

    def _ended(self, stream: Stream) -> None:
        self._running.pop(stream).end_grace()
        self.put_away(stream)
        if not stream.followers:
            self.all_received(stream)
        if not self._running:
            self._idle.set()

    def call_hook(self, stream: Stream) -> None:
        """Call the `done` of an ended stream's schema, once, where this process has ended it."""
        self._done_hook.call(stream)

    def put_away(self, stream: Stream) -> None:
        """Keep an ended stream for those who come back, or drop it."""
        if not stream.is_of_use:
            self._memory.free_key(stream)
        if not stream.was_begun:
            self._memory.forget(stream)
        elif stream.resumable:
            stream.pack()
            self._memory.keep(stream)
        else:
            self._memory.expire(stream)

    # -- the same, wherever a stream runs ----------------------------------------------------

    async def start(self) -> None:
        """Get ready to begin streams."""

    async def recall(self, request: GenerationRequest, origin: Origin) -> Stream | None:
        """The stream that an owner's idempotency key has begun, in whichever process.

        Raises `IdempotencyConflict`, `Overloaded`.
        """
        return self.known(request, origin)

    async def open(
        self, request: GenerationRequest, origin: Origin, on_end: Callable[[Stream], None]
    ) -> Stream:
        """Begin a stream, or find the one that its idempotency key has begun in any process.

        A stream that this call has begun has this `origin`.
        Raises `Draining`, `IdempotencyConflict`, `Overloaded`.
        """
        return self.begin(request, origin, on_end)

    async def attach(self, id: str, owner: str) -> Stream:
        """An owner's stream, in whichever process. Raises as `find` does, and `Overloaded`."""
        return self.find(id, owner)

    async def reach(self, stream: Stream, position: int) -> bool:
        """Whether a stream has reached a position. Raises `Overloaded` if that is not sure."""
        return position <= stream.position

    async def drop(self, id: str, owner: str) -> None:
        """End a stream in whichever process, and forget it.

        Raises as `cancel` does, and `Overloaded`.
        """
        self.cancel(id, owner)

    # -- readers ------------------------------------------------------------------------------

    def read(self, stream: Stream) -> Callable[[], None]:
        """Add a reader to a stream. Call the returned function once, when the reader leaves.

        When the last reader leaves, the stream is ended, unless it is resumable.
        """
        stream.followers += 1
        self.readers += 1
        if running := self._running.get(stream):
            running.end_grace()
        return partial(self._leave, stream)

    def _leave(self, stream: Stream) -> None:
        stream.followers -= 1
        self.readers -= 1
        if stream.followers:
            return
        running = self._running.get(stream)
        if running is None:
            self.all_received(stream)
        elif stream.ended:
            pass  # the producer is about to end, and `_clean_up` does the rest
        elif stream.resumable:
            loop = asyncio.get_running_loop()
            running.grace = loop.call_later(self._grace, self._stop, stream, Cancelled())
        else:
            self._stop(stream, Cancelled())

    def all_received(self, stream: Stream) -> None:
        """The last reader of an ended stream has received all of it."""
        stream.pack()
        if stream in self._untold:
            self._untold.remove(stream)
            self._observer.left(stream)

    # -- the end ------------------------------------------------------------------------------

    async def drain(self, seconds: float) -> None:
        """Begin no more streams. Those that still run after `seconds` end in `draining`."""
        self.draining = True
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            await self.stop()
        await self._done_hook.finish()

    async def stop(self) -> None:
        """End all streams now, in `draining`. What schemas do with values has its own deadlines."""
        self.draining = True
        for stream in list(self._running):
            self._stop(stream, Draining(retry_after=1))
        await self._idle.wait()
        self._memory.close()
        await self._done_hook.finish()

    async def aclose(self) -> None:
        """Release what `start` has got ready, after `stop`."""
