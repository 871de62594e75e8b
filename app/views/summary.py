"""What some entries of a log come to, for views that send the state and not every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.partial.operation import Add, Append, Operation, Replace
from app.streams.log_entry import Done, Failed, LogEntry, Restart, Usage


class Summary(NamedTuple):
    """restart: the last one. operations: those since, which a restart has not undone."""

    restart: Restart | None
    operations: list[Operation]
    spent: Usage | None
    end: Done | Failed | None


def summarize(entries: Sequence[LogEntry]) -> Summary:
    """The entries in short; nothing of an attempt that has failed meanwhile is in it."""
    restart: Restart | None = None
    operations: list[Operation] = []
    spent: Usage | None = None
    end: Done | Failed | None = None
    for entry in entries:
        match entry:
            case Restart():
                restart = entry
                operations.clear()
            case Usage():
                spent = entry
            case Done() | Failed():
                end = entry
            case Append() | Add() | Replace():
                operations.append(entry)
    return Summary(restart, operations, spent, end)
