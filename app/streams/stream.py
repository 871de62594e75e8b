"""A stream: one generation's log, the state that the log makes, its outcome and its figures.

    producer ── appends ──> Stream ── is read by ──> followers

One producer writes; any number of followers read, each from its own position and at its own
pace. A follower holds a position and nothing else: one that is slow finds more to merge, and
nobody queues anything for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import structs

from app.errors import Cancelled, ServiceError
from app.partial.document import Document
from app.partial.operation import Operation
from app.streams.audience import Audience
from app.streams.log import MANY, Log
from app.streams.log_entry import (
    END,
    URGENT,
    Done,
    ElementClosed,
    Failed,
    LogEntry,
    Reasoning,
    Restart,
    Usage,
)
from app.streams.request import GenerationRequest

STREAM_BYTES = 5000
"""About what a stream takes in memory beside its log."""

Key = tuple[str, str]
"""An owner, and the idempotency key that it has chosen."""


@dataclass(slots=True)
class Figures:
    """What is counted of a stream. Times are the running loop's, in seconds.

    estimated_tokens: of the attempts whose provider has not told: a quarter of the characters
    messages: that its followers have been sent
    cause: for the log: what the error that ended it came from
    """

    started: float
    first_content: float | None = None
    ended: float | None = None
    content_bytes: int = 0
    attempts: int = 0
    usage: Usage | None = None
    estimated_tokens: int = 0
    messages: int = 0
    cause: str | None = None

    @property
    def tokens(self) -> int:
        """The tokens of all attempts: as the provider has told them, else estimated."""
        told = self.usage.input_tokens + self.usage.output_tokens if self.usage else 0
        return told + self.estimated_tokens

    @property
    def duration_ms(self) -> int:
        """From the request to the end, or to now."""
        ended = self.ended or asyncio.get_running_loop().time()
        return round((ended - self.started) * 1000)

    @property
    def first_content_ms(self) -> int | None:
        """From the request to the model's first content; None where there was none."""
        first = self.first_content
        return None if first is None else round((first - self.started) * 1000)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a stream comes from.

    owner: whose it is; key: the idempotency key that it was begun with
    request_id, caller: of the call that began it, for the log. No caller: none is needed
    reasoning: whether what the model reasons is written to the log
    """

    owner: str = ""
    resumable: bool = False
    key: str | None = None
    request_id: str = "-"
    caller: str = ""
    reasoning: bool = False


class Stream:
    """An append-only log with what follows from it.

    opened: resolves once the provider has answered with a 2xx, or the stream has ended before
    finished: resolves once the stream has ended
    followers: how many there are
    """

    def __init__(self, id: str, request: GenerationRequest, origin: Origin) -> None:
        loop = asyncio.get_running_loop()
        self.id = id
        self.request = request
        self.origin = origin
        self.log = Log()
        self.audience = Audience()
        self.figures = Figures(started=loop.time())
        self.opened: asyncio.Future[None] = loop.create_future()
        self.finished: asyncio.Future[None] = loop.create_future()
        self.followers = 0
        self.attempt_began = 0
        """The position of the attempt that runs: where a reader begins that has nothing."""
        self.document = Document()
        """The newest state."""
        self._urgent = 0
        self._answered = False  # whether the provider has sent a 2xx
        self._committed = False  # whether a reader has been told 200

    # -- what it is ---------------------------------------------------------------------------

    @property
    def schema(self) -> str:
        return self.request.entry.name

    @property
    def schema_version(self) -> str:
        return self.request.entry.version

    @property
    def model(self) -> str:
        return self.request.model

    @property
    def owner(self) -> str:
        return self.origin.owner

    @property
    def key(self) -> Key | None:
        """What its idempotency key is known by; None where it has none."""
        return None if self.origin.key is None else (self.origin.owner, self.origin.key)

    @property
    def resumable(self) -> bool:
        """Whether readers may come back: a key is of no use without that."""
        return self.origin.resumable or self.origin.key is not None

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return STREAM_BYTES + self.log.size + self.document.size

    # -- its state ----------------------------------------------------------------------------

    @property
    def position(self) -> int:
        """The length of its log."""
        return self.log.position

    @property
    def outcome(self) -> Done | Failed | None:
        """How it has ended; None while it runs."""
        return self.log.last if isinstance(self.log.last, END) else None

    @property
    def ended(self) -> bool:
        return self.outcome is not None

    @property
    def was_begun(self) -> bool:
        """Whether there is a stream: where the provider has refused, there may be none."""
        return self._answered or self._committed

    @property
    def was_refused(self) -> bool:
        """Whether the provider has refused it, before there was a stream."""
        end = self.outcome
        return isinstance(end, Failed) and not self.was_begun and end.code != Cancelled.code

    @property
    def is_of_use(self) -> bool:
        """Whether its key should lead to it: not where it was refused, or may be tried again."""
        end = self.outcome
        return not isinstance(end, Failed) or (self.was_begun and not end.retryable)

    # -- what its producer writes -------------------------------------------------------------

    def answer(self) -> None:
        """The provider has answered: from here on there is something to read."""
        self._answered = True
        _resolve(self.opened)

    def write(self, operations: Sequence[Operation], value: object, closed: range) -> None:
        """Append operations that a decoder has made.

        value: the state that they lead to
        closed: the indices of the elements of a list result that they have completed
        """
        if operations:
            self.document.adopt(value, operations)
        entries: list[LogEntry] = [*operations, *map(ElementClosed, closed)]
        if entries:
            self.log.extend(entries)
            self.audience.wake(urgent=False)

    def reason(self, text: str) -> None:
        """Append what the model has reasoned, if that is wanted of this stream."""
        if self.origin.reasoning:
            self.log.extend([Reasoning(text)])
            self.audience.wake(urgent=False)

    def rewind(self) -> None:
        """Go back to the state that the log makes: a decoder that fails has gone beyond it."""
        if self.document.known:
            self.document.clear()
            position = self.attempt_began
            while entries := self.log.since(position, MANY):
                self.document.apply(entry for entry in entries if isinstance(entry, Operation))
                position += len(entries)

    def restart(self, attempt: int, error: ServiceError) -> None:
        """Forget the state: another attempt begins, as the last has failed with `error`."""
        self._tell(Restart(attempt, error.code, error.errors))
        self.document.clear()
        self.attempt_began = self.position

    def end(self, end: Done | Failed) -> None:
        """End it. What has ended stays as it is."""
        if not self.ended:
            self.figures.ended = asyncio.get_running_loop().time()
            if usage := self.figures.usage:
                self._tell(structs.replace(usage, attempts=self.figures.attempts))
            self._tell(end)
        _resolve(self.opened)
        _resolve(self.finished)

    def _tell(self, event: Restart | Usage | Done | Failed) -> None:
        self.log.extend([event])
        urgent = isinstance(event, URGENT)
        if urgent:
            self._urgent = self.position
        self.audience.wake(urgent=urgent)

    # -- what its followers do ----------------------------------------------------------------

    def commit(self) -> None:
        """A reader is told 200."""
        self._committed = True

    def has_urgent_news(self, position: int) -> bool:
        """Whether a restart or the end has come after `position`: they wait for nobody's pace."""
        return self._urgent > position

    def pack(self) -> None:
        """Take little memory: it has ended. A follower's next look unpacks what it needs."""
        self.log.pack()
        self.document.pack()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
