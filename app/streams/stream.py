"""A stream: one generation's log, the state that follows from the log, its outcome and figures.

    producer ── appends ──> Stream ── is read by ──> followers

One producer writes. Any number of followers read, each from its own position and at its own
pace. A follower holds a position and nothing else. A slow one finds more entries to merge, and
nothing queues for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec import structs

from app.errors import Cancelled, ServiceError
from app.partial.document import Document
from app.partial.kept import Kept
from app.partial.operation import Operation, Replace
from app.streams.audience import Audience, resolve
from app.streams.figures import Figures
from app.streams.log import MANY, Log
from app.streams.log_entry import (
    DONE,
    END,
    MOVED,
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
"""The memory of a stream without its log, roughly."""

Key = tuple[str, str]
"""An owner, and an idempotency key that the owner has chosen."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a stream comes from.

    owner: who owns it
    key: the idempotency key that it was begun with
    request_id, caller: those of the call that began it, for the log. The caller is "" if no keys
        are configured
    reasoning: whether the model's reasoning is written to the log
    trace_id: that of the call that began it; None where it belongs to no trace
    seconds: what the service has taken from when the whole request had come until the stream was
        begun, without waiting for a slot
    """

    owner: str = ""
    resumable: bool = False
    key: str | None = None
    request_id: str = "-"
    caller: str = ""
    reasoning: bool = False
    trace_id: str | None = None
    seconds: float = 0.0

    @property
    def name(self) -> Key | None:
        """Its owner and idempotency key; None if it has no such key."""
        return None if self.key is None else (self.owner, self.key)


class Stream:
    """An append-only log, with what is computed from it.

    opened: resolves once the provider has answered with a 2xx, or the stream has ended without one
    finished: resolves once the stream has ended, or is cut
    followers: how many there are
    agree: is called when the stream is to end, and calls `conclude` later; None: it ends at once
    is_copy: whether another process writes it, and its entries come by `take`
    is_cut: whether no more can be read of it here. Its readers have to come back
    has_moved: whether this process has taken it over, and readers are not told of that yet
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
        self.agree: Callable[[Stream], None] | None = None
        self.is_copy = False
        self.is_cut = False
        self.has_moved = False
        self.attempt_began = 0
        """The position at which the current attempt begins. A new reader starts here."""
        self.document = Document()
        """The newest state of the value."""
        self.reasoning_left = 0
        """How many more bytes of the model's reasoning are kept. Its producer sets the bound."""
        self._reasons = False  # whether there is any reasoning in this attempt
        self._models = {0: request.model}  # by the position from which on each was asked
        self._urgent = 0
        self._last: list[Usage | Done | Failed] = []  # what is not shown yet of its end
        self._answered = False  # whether the provider has sent a 2xx
        self._committed = False  # whether a reader has got the status 200

    # -- what it is ---------------------------------------------------------------------------

    @property
    def schema(self) -> str:
        return self.request.entry.name

    @property
    def schema_version(self) -> str:
        return self.request.entry.version

    @property
    def model(self) -> str:
        """The one that is asked now, which may be another one than the request names."""
        return self.model_at(self.position)

    def model_at(self, position: int) -> str:
        """The one that was asked at a position of the log."""
        return self._models[max(since for since in self._models if since <= position)]

    @property
    def owner(self) -> str:
        return self.origin.owner

    @property
    def key(self) -> Key | None:
        """Its owner and idempotency key; None if it has no such key."""
        return self.origin.name

    @property
    def resumable(self) -> bool:
        """Whether readers may come back. A stream with an idempotency key is always resumable."""
        return self.origin.resumable or self.origin.key is not None

    @property
    def keeps_reasoning(self) -> bool:
        """Whether the model's reasoning is kept. If not, nobody needs to copy it."""
        return self.reasoning_left > 0

    @property
    def size(self) -> int:
        """Bytes in memory, roughly."""
        return STREAM_BYTES + self.request.size + self.log.size + self.document.size

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
    def outcome_code(self) -> str:
        """How its producer has ended it: `done`, the code of an error, or `moved`.

        It is valid once the producer has ended, even if the end is not shown yet.
        """
        if self.is_copy:
            return MOVED
        end = self._end
        return end.code if isinstance(end, Failed) else DONE

    @property
    def _end(self) -> LogEntry | None:
        """Its end, whether it is shown yet or not; None while it runs."""
        return self._last[-1] if self._last else self.outcome

    @property
    def ended(self) -> bool:
        return self.outcome is not None

    @property
    def was_begun(self) -> bool:
        """Whether anything was streamed or promised. False if the provider refused at once."""
        return self._answered or self._committed

    @property
    def was_refused(self) -> bool:
        """Whether the provider has refused it before there was anything to read."""
        end = self.outcome
        return isinstance(end, Failed) and not self.was_begun and end.code != Cancelled.code

    @property
    def is_of_use(self) -> bool:
        """Whether its idempotency key stays in use. Not if it was refused or may be tried again."""
        end = self._end
        return not isinstance(end, Failed) or (self.was_begun and not end.retryable)

    # -- what its producer writes -------------------------------------------------------------

    def answer(self) -> None:
        """The provider has answered with a 2xx: from now on there is something to read."""
        self._answered = True
        resolve(self.opened, None)

    def write(self, operations: Sequence[Operation], value: object, closed: range) -> None:
        """Append operations that a decoder has made.

        value: the state that they lead to
        closed: the indices of the list elements that these operations have completed
        """
        if operations:
            self.document.adopt(value, operations)
        entries: list[LogEntry] = [*operations, *map(ElementClosed, closed)]
        if entries:
            self.log.extend(entries)
            self.audience.wake(urgent=False)

    def reason(self, text: str) -> None:
        """Append the model's reasoning, as far as it is kept, and from its first word on."""
        text = text if self._reasons else text.lstrip()
        data = text.encode(errors="replace")
        kept = data[: self.reasoning_left].decode(errors="ignore")
        if kept:
            self._reasons = True
            self.reasoning_left = max(self.reasoning_left - len(data), 0)
            self.log.extend([Reasoning(kept)])
            self.audience.wake(urgent=False)

    def rewind(self) -> None:
        """Compute the state from the log again, after a failed decoder has changed it further."""
        if self.document.known:
            self.document.clear()
            position = self.attempt_began
            while entries := self.log.since(position, MANY):
                self.document.apply(entry for entry in entries if isinstance(entry, Operation))
                position += len(entries)

    def ask(self, model: str) -> None:
        """Note that this model is asked from here on."""
        self._models[self.position] = model

    def restart(
        self,
        attempt: int,
        error: ServiceError,
        kept: Kept | None = None,
        model: str | None = None,
    ) -> None:
        """Forget the state. Another attempt begins, because the last one failed with `error`.

        kept: the elements that it begins with. They are there as soon as the restart is, so that
            readers get both together
        model: the one that is asked now, if it is another one
        """
        self.figures.restarts.append(error.code)
        self._begin_again(Restart(attempt, error.code, error.errors, model), kept)

    def _begin_again(self, restart: Restart, kept: Kept | None) -> None:
        self._tell(restart)
        self.document.clear()
        self.attempt_began = self.position
        self._reasons = False
        if restart.model is not None:
            self.ask(restart.model)
        if kept is not None:
            self.write([Replace((), kept.shown)], kept.shown, range(kept.count))

    def end(self, end: Done | Failed) -> None:
        """End the stream. Does nothing if it has ended already, or if another process writes it."""
        if self.ended or self._last or self.is_copy:
            return
        self.figures.ended = asyncio.get_running_loop().time()
        if usage := self.figures.usage:
            told = self.figures
            attempts, models, cost = told.attempts, [*told.models], told.told_cost_usd
            whole = structs.replace(usage, attempts=attempts, models=models, cost_usd=cost)
            self._last.append(whole)
        self._last.append(end)
        if self.agree is None:
            self.conclude()
        else:
            self.agree(self)

    @property
    def last_entries(self) -> Sequence[LogEntry]:
        """The entries of its end that are not shown yet."""
        return self._last

    def conclude(self) -> None:
        """Show the end. Does nothing if there is none to be shown."""
        last, self._last = self._last, []
        for event in last:
            self._tell(event)
        if last:
            resolve(self.opened, None)
            resolve(self.finished, None)

    # -- what moves between processes ---------------------------------------------------------

    def take(self, entries: Sequence[LogEntry], model: str | None = None) -> None:
        """Append entries that another process has written.

        model: the one that is asked now, if it is another one
        """
        before = self.position
        if model is not None and model != self.model:
            self.ask(model)
        changes: list[Operation] = []
        for position, entry in enumerate(entries, before + 1):
            if isinstance(entry, Operation):
                changes.append(entry)
            elif isinstance(entry, Restart):
                changes.clear()
                self._take_restart(entry, position)
            elif isinstance(entry, Usage):
                self.figures.usage = entry
            if isinstance(entry, URGENT):
                self._urgent = position
        self.document.apply(changes)
        self.log.extend(entries)
        self.audience.wake(urgent=self._urgent > before)
        if entries:
            self.answer()
        if self.ended:
            self.figures.ended = asyncio.get_running_loop().time()
            resolve(self.finished, None)

    def _take_restart(self, restart: Restart, position: int) -> None:
        self.document.clear()
        self.attempt_began = position
        self.figures.attempts = restart.attempt
        if restart.model is not None:
            self._models[position] = restart.model

    def move(self, base: int) -> None:
        """Begin the log anew at a position that no reader has seen: another process goes on."""
        self.log = Log(base)
        self.document.clear()
        self.attempt_began = base
        self.figures.ended = None
        self._last = []
        self._reasons = False

    def take_over(self, base: int, seconds: float) -> None:
        """Go on in this process, from here on. What its producer writes first is `go_on`.

        seconds: how long ago the stream was begun. Its deadline stays the same
        """
        self.is_copy = False
        self.has_moved = True
        self.move(base)
        self.answer()
        self.figures.started = asyncio.get_running_loop().time()
        self.figures.before = seconds
        self.figures.attempts = max(self.figures.attempts, 1) + 1

    def go_on(self, kept: Kept | None, model: str | None) -> None:
        """Begin an attempt in the place of what another process was writing.

        kept, model: as in `restart`
        """
        self.has_moved = False
        self._begin_again(Restart(self.figures.attempts, MOVED, [], model), kept)

    def cut(self) -> None:
        """Nothing more can be read here: end the responses of its readers without an end."""
        self.is_cut = True
        self.audience.wake(urgent=True)
        resolve(self.opened, None)
        resolve(self.finished, None)

    def _tell(self, event: Restart | Usage | Done | Failed) -> None:
        self.log.extend([event])
        urgent = isinstance(event, URGENT)
        if urgent:
            self._urgent = self.position
        self.audience.wake(urgent=urgent)

    # -- what its followers do ----------------------------------------------------------------

    def commit(self) -> None:
        """Note that a reader gets the status 200."""
        self._committed = True

    def has_urgent_entries(self, position: int) -> bool:
        """Whether a restart or the end has come after `position`. They are sent without delay."""
        return self._urgent > position

    def pack(self) -> None:
        """Compress an ended stream. A follower unpacks what it needs when it reads next."""
        self.log.pack()
        self.document.pack()
