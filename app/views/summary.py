"""Some entries of a log in short, for views that send the state and not every step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from app.partial.operation import Add, Append, Operation, Replace
from app.streams.log import ElementsClosed, News, Skipped
from app.streams.log_entry import Done, Failed, Restart, Usage


class Summary(NamedTuple):
    """What some entries come to.

    restart: the last of them
    operations: those after it; the ones before it are undone
    usage, end: None where no entry tells it
    """

    restart: Restart | None
    operations: list[Operation | Skipped]
    usage: Usage | None
    end: Done | Failed | None


def numbered(entries: Sequence[News], position: int) -> list[tuple[int, News]]:
    """Each entry with the position after it, where `position` is that after the last."""
    counts = [
        entry.count if isinstance(entry, Skipped | ElementsClosed) else 1 for entry in entries
    ]
    after = accumulate(counts, initial=position - sum(counts))
    next(after)
    return list(zip(after, entries, strict=True))


def summarize(entries: Sequence[News]) -> Summary:
    """The entries in short, without anything of an attempt that has failed meanwhile."""
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
