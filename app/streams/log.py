"""A run's log: entries in order, in little memory.

An entry is a few objects of some 50 bytes each, and a stream of 3 KB has several hundred
entries. So what is older than the newest is kept as compressed bytes, and unpacked for the
reader who is that far behind: one who comes back, or is very slow.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterable

from app.streams.log_entry import LogEntry

SEGMENT = 32
"""Entries that are packed together."""


class Log:
    """Append-only. `last` is the newest entry, None where there is none."""

    __slots__ = ("_newest", "_packed", "_segments", "last")

    def __init__(self) -> None:
        self.last: LogEntry | None = None
        self._newest: list[LogEntry] = []
        self._packed = 0  # entries in the segments
        self._segments: list[bytes] = []

    def __len__(self) -> int:
        return self._packed + len(self._newest)

    def extend(self, entries: Iterable[LogEntry]) -> None:
        # Before, so that the readers who keep up find what is new as it is.
        while len(self._newest) >= SEGMENT:
            self._pack(SEGMENT)
        self._newest.extend(entries)
        if self._newest:
            self.last = self._newest[-1]

    def since(self, position: int) -> list[LogEntry]:
        """The entries after the first `position`."""
        if position >= self._packed:
            return self._newest[position - self._packed :]
        found: list[LogEntry] = []
        for segment in self._segments[position // SEGMENT :]:
            found += pickle.loads(zlib.decompress(segment))
        return found[position % SEGMENT :] + self._newest

    def pack(self) -> None:
        """Pack it all: nothing will follow."""
        while self._newest:
            self._pack(SEGMENT)

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return sum(map(len, self._segments)) + ENTRY_BYTES * len(self._newest)

    def _pack(self, count: int) -> None:
        entries = self._newest[:count]
        # Never leaves the process, so nobody else can have a say in what is unpacked.
        self._segments.append(zlib.compress(pickle.dumps(entries, 5), 1))
        self._packed += len(entries)
        del self._newest[:count]


ENTRY_BYTES = 250
"""About what an entry takes that is not packed."""
