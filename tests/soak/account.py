"""What became of all streams, by the lines that all processes have logged. Pure.

    started = done + error + cancelled + moved + lost

A stream that moves is begun once more in the process that goes on with it. One is lost if its
process was killed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

KNOWN = {
    "stream started",
    "stream ended",
    "a stream was taken over",
    "a model is passed over",
    "a model is asked again",
    "the store answers",
}
"""What a sound service logs in a soak, beside its greeting and what it learns of a model."""

LATE = {
    "a stream was overruled",
    "a reader did not read",
    "the store does not answer",
    "the store does not count callers' streams",
    "the store counts callers' streams again",
}
"""What it also logs where it, its store or its clients get too little of the processor's time."""

GREETING = "serving on "
LEARNED = " does not take requests as they are first made; these settings save the detour: "


@dataclass
class Account:
    """started: streams; ended: by outcome; lost: with the process that was killed.

    unended: those without an end whose process was not killed. twice: those with two ends
    lines: how many there are of each known one; unknown: the others
    """

    started: int = 0
    lost: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    unended: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    lines: Counter[str] = field(default_factory=Counter)
    unknown: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        return self.ended["done"]

    @property
    def cancelled(self) -> int:
        return self.ended["cancelled"]

    @property
    def moved(self) -> int:
        return self.ended["moved"]

    @property
    def error(self) -> int:
        return self.ended.total() - self.done - self.cancelled - self.moved

    @property
    def late(self) -> int:
        """How many lines say that something was late."""
        return sum(self.lines[event] for event in LATE)

    @property
    def is_even(self) -> bool:
        """Whether each stream that was begun is accounted for."""
        return not self.unended and self.started == self.ended.total() + self.lost

    @classmethod
    def of(cls, lines: Sequence[str]) -> Account:
        """That of one process."""
        return account([(lines, False)])


def account(logs: Iterable[tuple[Sequence[str], bool]]) -> Account:
    """The lines of each process, and whether it was killed."""
    found = Account()
    ends: Counter[str] = Counter()
    for lines, was_killed in logs:
        open_here: Counter[str] = Counter()
        for index, line in enumerate(lines):
            told = _read(line)
            if told is None and was_killed and index == len(lines) - 1:
                continue  # it was killed while it wrote
            _take(found, told, line, open_here, ends)
        left = list(open_here.elements())
        if was_killed:
            found.lost += len(left)
        else:
            found.unended += left
    found.twice = [id for id, count in ends.items() if count > 1]
    return found


def _take(
    found: Account,
    told: dict[str, Any] | None,
    line: str,
    open_here: Counter[str],
    ends: Counter[str],
) -> None:
    what = _known(told)
    if told is None or what is None:
        found.unknown.append(line)
        return
    found.lines[what] += 1
    if what == "stream started":
        found.started += 1
        open_here[told["id"]] += 1
    elif what == "stream ended":
        found.ended[told["outcome"]] += 1
        open_here[told["id"]] -= 1
        ends[told["id"]] += told["outcome"] != "moved"


def _read(line: str) -> dict[str, Any] | None:
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _known(told: dict[str, Any] | None) -> str | None:
    """What a line tells; None if no sound service would."""
    event = str((told or {}).get("event"))
    if event.startswith(GREETING):
        return GREETING.strip()
    if LEARNED in event:
        return LEARNED.split(";")[0].strip()
    return event if event in KNOWN | LATE else None
