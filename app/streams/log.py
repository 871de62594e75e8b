"""A stream's log: entries in order, in little memory.

An entry is a few objects of some 50 bytes each, and a stream of 3 KB has several hundred
entries. So what is older than the newest is kept as compressed JSON, and unpacked for the
reader who is that far behind: one who comes back, or is very slow. No more of it is unpacked
than is asked for.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from app.partial.block import Block
from app.partial.growing import Growing
from app.streams.log_entry import Event, LogEntry, Reasoning

SEGMENT = 32
"""The least number of entries that are packed together."""

LARGE_SEGMENT = 256
"""The number of entries that are packed together if there are many."""


MANY = 2000
"""Entries. A reader that has more to read is given the events alone: the operations would take
25 ms to be unpacked and merged, and the state says what they come to. No slice of text that is
decoded at a time makes as many: a reader that keeps up is given all of them."""

MANY_BYTES = 262_144
"""Of JSON in older entries. The same holds of a reader that has more of it to read: where values
are nested deeply, 2,000 operations would take 10 MB once they are unpacked."""


class Skipped(msgspec.Struct, frozen=True):
    """Stands for `count` entries that a reader does not get, because it is far behind."""

    count: int


Unread = LogEntry | Skipped
"""What a reader is given of a log."""


class Log:
    """An append-only log. `last` is the newest entry; None if there is none.

    base: the position at which the log begins; earlier entries are not kept
    tail: every new entry is put here, too, for who copies the log elsewhere; None: nobody does
    """

    __slots__ = (
        "_events",
        "_json_bytes",
        "_newest",
        "_offsets",
        "_packed",
        "_reasoned",
        "_segments",
        "_starts",
        "base",
        "last",
        "tail",
    )

    def __init__(self, base: int = 0) -> None:
        self.base = base
        self.last: LogEntry | None = None
        self.tail: list[LogEntry] | None = None
        self._newest: list[LogEntry] = []
        self._packed = base  # the position after what is in the segments
        self._segments: list[bytes] = []
        self._starts: list[int] = []  # the position of each segment's first entry
        self._offsets: list[int] = []  # how much JSON is in the segments before each
        self._json_bytes = 0  # in all segments
        self._events: list[tuple[int, Event]] = []  # the events with their positions
        self._reasoned: list[int] = []  # the numbers of the segments that hold reasoning

    def __len__(self) -> int:
        """How many entries it has."""
        return self.position - self.base

    @property
    def position(self) -> int:
        """The position after the last entry."""
        return self._packed + len(self._newest)

    def extend(self, entries: Iterable[LogEntry]) -> None:
        # Pack before adding, so that readers who keep up find the new entries unpacked.
        while len(self._newest) >= SEGMENT:
            self._pack()
        at, new = self.position, list(entries)
        self._newest += new
        if self.tail is not None:
            self.tail += new
        for position, entry in enumerate(new, at):
            if isinstance(entry, Event):
                self._events.append((position, entry))
        if new:
            self.last = new[-1]

    def since(self, position: int, most: int | None = None) -> list[LogEntry]:
        """The first `most` entries after a position; None: all of them.

        Raises IndexError for a position before the log's base.
        """
        if position < self.base:
            raise IndexError("the log begins later")
        found: list[LogEntry] = []
        for number in range(bisect_right(self._starts, position) - 1, len(self._segments)):
            if position >= self._packed or (most is not None and len(found) >= most):
                break
            found += _unpack(self._segments[number])[max(position - self._starts[number], 0) :]
        if most is None or len(found) < most:
            found += self._newest[max(position - self._packed, 0) :]
        return found[:most]

    def json(self, more: Sequence[LogEntry] = ()) -> bytes:
        """All of it, and these entries, as a JSON list. What is packed is not decoded for that."""
        packed = [zlib.decompress(segment) for segment in self._segments]
        lists = [*packed, _encoder.encode([*self._newest, *more])]
        return b"[" + b",".join(text[1:-1] for text in lists if len(text) > 2) + b"]"

    def unread(self, position: int, most: int = MANY) -> Sequence[Unread]:
        """All that a reader has to know of after a position.

        Where that is more than `most` entries or `MANY_BYTES`, no operation is among them:
        `Skipped` tells how many there were. A reader whose position is of an earlier log gets all
        of this one.
        """
        if position >= self._packed and len(self._newest) <= most:  # as of a reader that keeps up
            return self._newest[position - self._packed :]
        position = max(position, self.base)
        if self.position - position <= most and self._bytes_since(position) <= MANY_BYTES:
            return self.since(position)
        found: list[Unread] = []
        events = self._events[bisect_left(self._events, position, key=itemgetter(0)) :]
        for at, entry in sorted([*events, *self._reasoning(position)], key=itemgetter(0)):
            found += _skipped(at - position)
            found.append(entry)
            position = at + 1
        return found + _skipped(self.position - position)

    def _reasoning(self, position: int) -> list[tuple[int, Reasoning]]:
        """The reasoning after a position, with its positions."""
        found: list[tuple[int, LogEntry]] = []
        first = bisect_right(self._starts, position) - 1
        for number in self._reasoned[bisect_left(self._reasoned, first) :]:
            found += enumerate(_unpack(self._segments[number]), self._starts[number])
        found += enumerate(self._newest, self._packed)
        return [(at, it) for at, it in found if at >= position and isinstance(it, Reasoning)]

    def _bytes_since(self, position: int) -> int:
        """How much JSON is in the segments from the one on that has a position."""
        if position >= self._packed:
            return 0
        return self._json_bytes - self._offsets[bisect_right(self._starts, position) - 1]

    def pack(self) -> None:
        """Pack all entries, because nothing will follow."""
        while self._newest:
            self._pack()

    @property
    def size(self) -> int:
        """Bytes in memory, roughly."""
        return sum(map(len, self._segments)) + ENTRY_BYTES * len(self._newest)

    def _pack(self) -> None:
        count = LARGE_SEGMENT if len(self._newest) >= LARGE_SEGMENT else SEGMENT
        entries = self._newest[:count]
        json = _encoder.encode(entries)
        self._segments.append(zlib.compress(json, 1))
        if any(isinstance(entry, Reasoning) for entry in entries):
            self._reasoned.append(len(self._segments) - 1)
        self._starts.append(self._packed)
        self._offsets.append(self._json_bytes)
        self._json_bytes += len(json)
        self._packed += len(entries)
        del self._newest[:count]


ENTRY_BYTES = 250
"""The memory of an entry that is not packed, roughly."""


def _skipped(count: int) -> list[Unread]:
    return [Skipped(count)] if count else []


def _unpack(segment: bytes) -> list[LogEntry]:
    return _decoder.decode(zlib.decompress(segment))


def stand_in(part: object) -> Any:
    """The JSON form of a block or a growing string."""
    if isinstance(part, Block):
        return part.value if part.json is None else msgspec.Raw(part.json)
    if isinstance(part, Growing):
        return str(part)
    raise TypeError


_encoder = msgspec.json.Encoder(enc_hook=stand_in)
_decoder = msgspec.json.Decoder(list[LogEntry])
