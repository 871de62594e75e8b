"""Summarizes log entries for views that send the state and not every operation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from app.partial.operation import Add, Append, Operation, Replace
from app.streams.log import Skipped, Unread
from app.streams.log_entry import Done, Failed, Reasoning, Restart, Usage


class Summary(NamedTuple):
    """A summary of log entries.

    restart: the last restart
    operations, reasoning: those after that restart, as it undoes the earlier ones
    usage, end: None if there is no such entry
    """

    restart: Restart | None
    operations: list[Operation | Skipped]
    usage: Usage | None
    end: Done | Failed | None
    reasoning: str


def numbered(entries: Sequence[Unread], position: int) -> list[tuple[int, Unread]]:
    """Each entry with the position after it.

    position: the position after the last entry
    """
    if Skipped not in map(type, entries):
        return list(enumerate(entries, position - len(entries) + 1))
    counts = [count(entry) for entry in entries]
    after = accumulate(counts, initial=position - sum(counts))
    next(after)
    return list(zip(after, entries, strict=True))


def count(entry: Unread) -> int:
    """How many entries of the log this one stands for."""
    return entry.count if isinstance(entry, Skipped) else 1


def summarize(entries: Sequence[Unread]) -> Summary:
    """Summarize entries. Operations of an attempt that has failed since are left out."""
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
