"""The reader's side: brings what the store has of a stream into the stream of a process.

It has no task and no clock. What it makes is an ordinary stream: whoever reads it does not know
that another process writes it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from app.store.record import Batch, Claim, End, EntryId, Record, Released, base_of
from app.streams.log_entry import LogEntry
from app.streams.stream import Stream


class Hole(Exception):
    """Entries are missing between what the stream has and what has come."""


class Replica:
    """A stream that another process writes.

    claim: of the process that has it
    last: the id of the last record that was taken
    is_released: whether that process has left it to whoever wants it
    was_released: whether the owner before this one had left it so
    has_heard: whether its owner has written since it was followed
    orphaned_at: since when it was seen to have nobody who writes it, by the loop's time; None if
        somebody does
    """

    def __init__(self, stream: Stream, claim: Claim, last: EntryId) -> None:
        self.stream = stream
        self.claim = claim
        self.last = last
        self.is_released = False
        self.was_released = False
        self.has_heard = False
        self.orphaned_at: float | None = None
        self._epoch = last.epoch

    @property
    def epoch(self) -> int:
        """The epoch of the present claim."""
        return self._epoch

    def take(self, id: EntryId, record: Record) -> None:
        """Take a record. One that was taken before, or has been overruled, changes nothing.

        Raises `Hole`, and then none of its entries is taken.
        """
        if id.epoch < self._epoch or self.stream.ended:
            return
        match record:
            case Claim():
                self._claimed(id, record)
            case Batch():
                self._written_by(id, record.process)
                self._append(record.start, record.entries, record.answered, record.model)
            case End():
                self._claimed(id, record.claim)
                self._append(record.start, record.entries, record.answered, record.model)
            case Released():
                self._claimed(id, self.claim)
                self.is_released = True
        self.last = max(self.last, id)

    def _claimed(self, id: EntryId, claim: Claim) -> None:
        if id.epoch > self._epoch:
            self.was_released, self.is_released = self.is_released, False
            self.orphaned_at = None
        self._epoch, self.claim = id.epoch, claim

    def _written_by(self, id: EntryId, process: str) -> None:
        """Note who writes, if the store has lost its claim: it is asked for what is missing."""
        if id.epoch > self._epoch:
            self._claimed(id, structs.replace(self.claim, process=process))

    def _append(
        self, start: int, entries: Sequence[LogEntry], answered: bool, model: str | None
    ) -> None:
        stream, base = self.stream, base_of(self._epoch)
        if stream.log.base != base:
            if start != base:
                raise Hole
            stream.move(base)
        position = stream.position
        if start > position:
            raise Hole
        if answered:
            stream.answer()
        if position < start + len(entries) or model is not None:
            stream.take(entries[position - start :], model)
