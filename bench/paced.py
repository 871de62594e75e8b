"""Streams at a model's pace: how many one process holds, and how late their text is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench.client import Report, percentile
from bench.contestants import Contestant
from bench.documents import document
from bench.field import DIRECT, Field
from bench.progress import Progress

DOCUMENT: Final = "list-20"
PACE: Final = 50
LATE: Final = 1.1
"""A stream that takes this many times the ideal time was not held."""
SPREAD: Final = 1 / 8
"""All streams begin within this part of the time that one stream takes."""
MOST_STREAMS: Final = 1000
CLOSE_ENOUGH: Final = 1.12
"""The search for a capacity ends when two numbers of streams are this close."""


def ideal_seconds(name: str) -> float:
    """How long the model takes to write a document."""
    return (len(document(name).pieces) - document(name).preamble - 1) / PACE


@dataclass(frozen=True)
class Trial:
    """One measurement of a number of streams at once. cpu: the server's seconds for all streams."""

    document: str
    streams: int
    report: Report
    cpu: float

    @property
    def held(self) -> bool:
        """Whether all streams were as fast as the model: 99 in 100 within a tenth."""
        late = percentile(self.report.seconds, 99) > LATE * ideal_seconds(self.document)
        return not self.report.failed and not late

    @property
    def chunk(self) -> float:
        """Seconds of CPU of a chunk."""
        return self.cpu / self.streams / len(document(self.document).pieces)


@dataclass(frozen=True)
class Capacity:
    """All trials. streams: the most streams that were held."""

    trials: list[Trial]

    @property
    def best(self) -> Trial | None:
        """The trial with the most streams that were held."""
        held = [trial for trial in self.trials if trial.held]
        return max(held, key=lambda trial: trial.streams, default=None)


def all_at_once(name: str) -> dict[str, Any]:
    """A job's options for streams that run side by side."""
    ideal = ideal_seconds(name)
    return {"at_once": 0, "spread": SPREAD * ideal, "timeout": 2 * ideal + 5}


async def trial(place: Field, contestant: Contestant, streams: int, name: str = DOCUMENT) -> Trial:
    """Read a number of streams at once from a server that is warmed up and otherwise idle."""
    await place.read(contestant, "list-1", "flood", 5)
    await (await place.server(contestant)).settle()
    options = all_at_once(name)
    report, cpu = await place.read(contestant, name, str(PACE), streams, **options)
    return Trial(name, streams, report, cpu)


async def capacity(
    place: Field, contestant: Contestant, trials: int, progress: Progress
) -> Capacity:
    """Search for the number of streams that a contestant holds.

    trials: the most trials after the first number that was held
    """
    tried: list[Trial] = []
    held, lost = 0, MOST_STREAMS + 1
    with progress.step(f"capacity: {contestant.name}", 1 + trials) as advance:
        advance("estimate")
        streams = await _estimate(place, contestant)
        while lost - held > 1 and lost > held * CLOSE_ENOUGH:
            if held and len(tried) >= trials:
                break
            advance(f"{streams} streams")
            tried.append(await trial(place, contestant, streams))
            if tried[-1].held:
                held = streams
            else:
                lost = streams
            streams = _next(held, lost)
    return Capacity(tried)


async def _estimate(place: Field, contestant: Contestant) -> int:
    """An estimate of the capacity from the CPU time of a few short streams."""
    await place.read(contestant, "list-1", str(PACE), 3)
    report, cpu = await place.read(contestant, "list-5", str(PACE), 10, **all_at_once("list-5"))
    busy = cpu / sum(report.seconds) if report.seconds else 1
    return max(1, min(MOST_STREAMS, round(1 / busy)))


def _next(held: int, lost: int) -> int:
    """The number to try next: between one that was held and one that was not, or above all."""
    if lost > MOST_STREAMS:
        return min(MOST_STREAMS, held * 2)
    return (held + lost) // 2


async def first_content(
    place: Field, contestants: Sequence[Contestant], rounds: int, progress: Progress
) -> dict[str, float]:
    """Seconds to the first content above a direct connection's, p50, in turns."""
    everyone = [DIRECT, *contestants]
    seconds: dict[str, list[float]] = {contestant.name: [] for contestant in everyone}
    with progress.step("first content", 1 + rounds) as advance:
        for turn in range(1 + rounds):
            advance(f"round {turn}")
            for contestant in everyone:
                report, _ = await place.read(contestant, "list-1", "1000", 1)
                if turn:
                    seconds[contestant.name] += report.first
    middle = {name: median(times) for name, times in seconds.items() if times}
    return {name: middle[name] - middle[DIRECT.name] for name in middle if name != DIRECT.name}
