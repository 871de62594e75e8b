"""The owner's side: brings a stream's log to the store. It has no task and no clock.

writing ── the id is not above the last ──> in doubt ── the last entry is ours ──> writing
   │                                           │ └── it is of a later epoch ─────> fenced
   └── there is no such key ──> lost <─────────┘
                                 └── all of it is written anew ──> writing
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from msgspec import Raw, structs

from app.redis.link import Behind, Command, Refused
from app.store import keys
from app.store.commands import RUNNING_SECONDS, free, hold
from app.store.record import FIELD, Batch, Claim, EndText, EntryId, Record, Released, encode
from app.streams.log_entry import LogEntry
from app.streams.stream import Stream

PAUSE_SECONDS: Final = 1
"""The time between two batches of a stream that nobody reads elsewhere."""

TOUCH_SECONDS: Final = 60
"""How often the expiry of a running stream's key is moved further away."""

MOST_TAIL: Final = 1000
"""Entries that wait to be written. If there are more, they are read from the log later."""

MARK_SECONDS: Final = 3600
"""How long an owner is told that a stream has expired, rather than that there is none."""

LINGER_SECONDS: Final = 30
"""How long those who follow a stream that is not kept may learn how it has ended."""


class Fate(Enum):
    """What an answer of the store means for a stream."""

    GOES_ON = auto()
    FENCED = auto()
    """Another process has claimed it."""
    STORED = auto()
    """The store has its end, or has released it. Nothing more is written."""


class _Asked(Enum):
    """What was sent."""

    WRITE = auto()
    ALL = auto()
    LOOK = auto()
    TOUCH = auto()


class _Sent(NamedTuple):
    """What was sent: its last id, the log's position after it, whether it has the stream's end,
    whether it is the whole log.
    """

    id: EntryId
    position: int
    is_last: bool
    is_all: bool


class Mirror:
    """What the store has of a stream that this process writes.

    last: the id of the last entry that this process has written
    followers: the processes that follow it, with the time until which they do
    forgotten: it is not to be kept once it has ended
    is_released: it is left to whoever wants it
    is_urgent: what there is to write is to be written at once
    is_confirmed: whether the stream is known to be ours, as long as the process holds its lease
    """

    def __init__(
        self, stream: Stream, claim: Claim, last: EntryId, now: float, *, retention: float
    ) -> None:
        self.stream = stream
        self.claim = claim
        self.last = last
        self.followers: dict[str, float] = {}
        self.forgotten = False
        self.is_released = False
        self.is_urgent = False
        self.is_confirmed = True
        self._key = keys.stream(stream.id)
        self._retention = retention
        self._position = stream.log.base  # up to where the store has it
        self._tail_from = stream.log.position  # from where on the tail has it
        self._asked: _Asked | None = None
        self._sent = self._doubted = _Sent(last, self._position, False, False)
        self._is_in_doubt = self._is_lost = self._is_missed = False
        self._told_answer = False  # whether the store knows that the provider has answered
        self._model = claim.model
        self._at = now + PAUSE_SECONDS
        self._touched = now
        stream.log.tail = []

    # -- when ---------------------------------------------------------------------------------

    @property
    def has_news(self) -> bool:
        """Whether the store lacks anything."""
        stream = self.stream
        is_behind = stream.position > self._position or stream.ended or bool(stream.last_entries)
        return is_behind or self.is_released or (stream.was_begun and not self._told_answer)

    def is_due(self, now: float) -> bool:
        """Whether something is to be sent now."""
        if self._asked is not None:
            return False
        self._bound_tail()
        is_odd = self._is_in_doubt or self._lacks_all
        if self.is_urgent or (self.followers and self.has_news and not is_odd):
            return True
        return now >= self._at and (is_odd or self._needs_touch(now) or self.has_news)

    @property
    def _lacks_all(self) -> bool:
        return self._is_lost or self._is_missed

    def _needs_touch(self, now: float) -> bool:
        return now - self._touched >= TOUCH_SECONDS

    def confirm(self) -> None:
        """Write at once, even if there is nothing new, to learn whether the stream is ours."""
        self.is_urgent = True
        self.is_confirmed = False

    def resync(self) -> None:
        """Write the claim and all of the log again, because somebody misses a part of it."""
        self._is_missed = self.is_urgent = True

    # -- what ---------------------------------------------------------------------------------

    def commands(self, now: float) -> list[Command]:
        """What is to be sent now. `took` must be told the answers."""
        self._at = now + PAUSE_SECONDS
        self.is_urgent = False
        if self._is_in_doubt:
            self._asked = _Asked.LOOK
            return [("XREVRANGE", self._key, "+", "-", "COUNT", 1)]
        if self._lacks_all:
            self._asked = _Asked.ALL
            return self._all(now)
        if self._needs_touch(now):
            self._touched = now
            self._asked = _Asked.TOUCH
            return [self._expire(RUNNING_SECONDS + self._retention)]
        self._asked = _Asked.WRITE
        return self._write(EntryId(self.last.epoch, self.last.number + 1), is_all=False)

    def _all(self, now: float) -> list[Command]:
        """The claim and the whole log, for a store that has lost them."""
        self._touched = now
        self._position = self.stream.log.base
        epoch, number = self.last.epoch, self.last.number
        claim = self._add(EntryId(epoch, number + 1), self.claim)
        written = self._write(EntryId(epoch, number + 2), is_all=True)
        if not self._sent.is_last:
            written.append(self._expire(RUNNING_SECONDS + self._retention))
        if self.claim.key is not None and self._keeps_key:
            written.append(hold(self.claim.key, self.stream.id, self._retention))
        return [claim, *written]

    @property
    def _keeps_key(self) -> bool:
        """Whether the stream's idempotency key is to find it."""
        return self.stream.is_of_use and not self.forgotten

    def _write(self, id: EntryId, *, is_all: bool) -> list[Command]:
        stream = self.stream
        record = self._record()
        is_last = isinstance(record, EndText | Released)
        self._sent = _Sent(id, stream.position + len(stream.last_entries), is_last, is_all)
        if isinstance(record, EndText):
            return [self._add(id, record, "NOMKSTREAM", "MAXLEN", "=", 1), *self._put_away(record)]
        return [self._add(id, record, "NOMKSTREAM")]

    def _record(self) -> Record | EndText:
        stream = self.stream
        model = None if stream.model == self._model else stream.model
        if stream.ended or stream.last_entries:
            self.forgotten = self.forgotten or not stream.was_begun
            entries = Raw(stream.log.json(stream.last_entries))
            claim = structs.replace(self.claim, request=None)
            return EndText(claim, stream.log.base, entries, stream.was_begun, self.forgotten, model)
        if self.is_released and stream.position == self._position:
            return Released()
        self._told_answer = stream.was_begun
        self._model = stream.model
        return Batch(self.claim.process, self._position, self._unsent(), stream.was_begun, model)

    def _put_away(self, end: EndText) -> list[Command]:
        """What goes with the end."""
        found = [self._expire(LINGER_SECONDS if end.forgotten else self._retention)]
        if not end.forgotten:
            seconds = round(self._retention) + MARK_SECONDS
            whose = f"{self.claim.owner} {self.claim.process}"
            found.append(("SET", keys.mark(self.stream.id), whose, "EX", seconds))
        if (key := self.claim.key) is not None:
            if self._keeps_key:
                found.append(("PEXPIRE", key, round(self._retention * 1000)))
            else:
                found.append(free(key, self.stream.id))
        return found

    def _add(self, id: EntryId, record: Record | EndText, *options: Any) -> Command:
        return ("XADD", self._key, *options, str(id), FIELD, encode(record))

    def _expire(self, seconds: float) -> Command:
        return ("PEXPIRE", self._key, round(seconds * 1000))

    def _unsent(self) -> list[LogEntry]:
        """The entries that the store does not have."""
        log, tail = self.stream.log, self.stream.log.tail
        if tail is None or self._tail_from != self._position:
            tail = log.since(self._position)
        log.tail, self._tail_from = [], log.position
        return tail

    def _bound_tail(self) -> None:
        if self.stream.log.tail is not None and len(self.stream.log.tail) > MOST_TAIL:
            self.stream.log.tail, self._tail_from = None, -1

    # -- what comes of it ---------------------------------------------------------------------

    def took(self, answers: Sequence[Any] | None) -> Fate:
        """The answers to the last `commands`. None: there are none, and nobody knows."""
        asked, self._asked = self._asked, None
        if asked is _Asked.LOOK:
            return self._look(answers)
        if asked is _Asked.TOUCH:
            self._is_lost = answers is not None and answers[0] == 0
            self.is_urgent = self.has_news
            return Fate.GOES_ON
        added = 2 if asked is _Asked.ALL else 1
        return self._wrote(answers if answers is None else answers[:added])

    def _wrote(self, answers: Sequence[Any] | None) -> Fate:
        if answers is None or any(isinstance(answer, Behind) for answer in answers):
            self._doubted, self._is_in_doubt = self._sent, True
            self.is_urgent = answers is not None
        elif any(isinstance(answer, Refused) for answer in answers):
            self._tail_from = -1  # it is read from the log again, later
        elif None in answers:
            self._is_lost = self.is_urgent = True
        else:
            return self._has(self._sent)
        return Fate.GOES_ON

    def _has(self, sent: _Sent) -> Fate:
        """The store has this."""
        self._is_in_doubt = self._is_lost = False
        self._is_missed = self._is_missed and not sent.is_all
        self.is_confirmed = True
        self.last, self._position = sent.id, sent.position
        self.is_urgent = self.is_released or self._is_missed  # what is left to be written
        return Fate.STORED if sent.is_last else Fate.GOES_ON

    def _look(self, answers: Sequence[Any] | None) -> Fate:
        """What the last entry in the store says of what was in doubt."""
        if answers is None or isinstance(answers[0], Refused):
            return Fate.GOES_ON
        self._is_in_doubt, self.is_urgent = False, True
        last = EntryId.read(answers[0][0][0]) if answers[0] else None
        if last is None or last.epoch < self.last.epoch:
            self._is_lost = True
        elif last.epoch > self.last.epoch:
            return Fate.FENCED
        elif last >= self._doubted.id:
            return self._has(self._doubted)
        else:
            self.last, self._tail_from = max(last, self.last), -1
        return Fate.GOES_ON
