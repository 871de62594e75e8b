"""Sums up entries of a log, for views that send the state and not every step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from app.partial.operation import Add, Append, Operation, Replace
from app.streams.log import ElementsClosed, News, Skipped
from app.streams.log_entry import Done, Failed, Restart, Usage


class Summary(NamedTuple):
    """What some entries come to.

    restart: the last restart
    operations: those after the restart, as it undoes the ones before
    usage, end: None where no entry tells it
    """

    restart: Restart | None
    operations: list[Operation | Skipped]
    usage: Usage | None
    end: Done | Failed | None


def numbered(entries: Sequence[News], position: int) -> list[tuple[int, News]]:
    """Each entry with the position after it.

    position: the one after the last entry
    """
    several = Skipped | ElementsClosed
    counts = [entry.count if isinstance(entry, several) else 1 for entry in entries]
    after = accumulate(counts, initial=position - sum(counts))
    next(after)
    return list(zip(after, entries, strict=True))


def summarize(entries: Sequence[News]) -> Summary:
    """The entries in short. Operations of an attempt that has failed meanwhile are left out."""
    restart: Restart | None = None
    operations: list[Operation | Skipped] = []
    usage: Usage | None = None
    end: Done | Failed | None = None
    for entry in entries:
        match entry:
            case Restart():
                restart = entry
                operations.clear()
            case Usage():
                usage = entry
            case Done() | Failed():
                end = entry
            case Append() | Add() | Replace() | Skipped():
                operations.append(entry)
    return Summary(restart, operations, usage, end)
