"""Sums up entries of a log, for views that send the state and not every step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from app.partial.operation import Add, Append, Operation, Replace
from app.streams.log import Skipped, Unread
from app.streams.log_entry import Done, Failed, Reasoning, Restart, Usage


class Summary(NamedTuple):
    """What some entries come to.

    restart: the last restart
    operations, reasoning: what comes after the restart, as it undoes what is before
    usage, end: None where no entry tells it
    """

    restart: Restart | None
    operations: list[Operation | Skipped]
    usage: Usage | None
    end: Done | Failed | None
    reasoning: str


def numbered(entries: Sequence[Unread], position: int) -> list[tuple[int, Unread]]:
    """Each entry with the position after it.

    position: the one after the last entry
    """
    counts = [count(entry) for entry in entries]
    after = accumulate(counts, initial=position - sum(counts))
    next(after)
    return list(zip(after, entries, strict=True))


def count(entry: Unread) -> int:
    """How many entries of the log it stands for."""
    return entry.count if isinstance(entry, Skipped) else 1


def summarize(entries: Sequence[Unread]) -> Summary:
    """The entries in short. Operations of an attempt that has failed meanwhile are left out."""
    restart: Restart | None = None
    operations: list[Operation | Skipped] = []
    usage: Usage | None = None
    end: Done | Failed | None = None
    reasoning: list[str] = []
    for entry in entries:
        match entry:
            case Restart():
                restart = entry
                operations.clear()
                reasoning.clear()
            case Reasoning(text):
                reasoning.append(text)
            case Usage():
                usage = entry
            case Done() | Failed():
                end = entry
            case Append() | Add() | Replace() | Skipped():
                operations.append(entry)
    return Summary(restart, operations, usage, end, "".join(reasoning))
