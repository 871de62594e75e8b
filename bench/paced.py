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
"""A stream that takes so many times the ideal was not held."""
SPREAD: Final = 1 / 8
"""Streams begin within this part of the time that one takes."""
MOST_STREAMS: Final = 1000
CLOSE_ENOUGH: Final = 1.12
"""A capacity lies between two numbers of streams that are so close."""


def ideal_seconds(name: str) -> float:
    """How long the model takes to write a document."""
    return (len(document(name).pieces) - document(name).preamble - 1) / PACE


@dataclass(frozen=True)
class Trial:
    """So many streams of a document at once; cpu: the server's seconds, for all of them."""

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
    """What was tried. streams: the most that were held."""

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
    """Read so many streams at once, of a server that is warm and has nothing else to do."""
    await place.read(contestant, "list-1", "flood", 5)
    await (await place.server(contestant)).settle()
    options = all_at_once(name)
    report, cpu = await place.read(contestant, name, str(PACE), streams, **options)
    return Trial(name, streams, report, cpu)


async def capacity(
    place: Field, contestant: Contestant, trials: int, progress: Progress
) -> Capacity:
    """Search for the number of streams that a contestant holds.

    trials: how many at most, once one was held
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
    """What the CPU that a few short streams take lets hope for."""
    await place.read(contestant, "list-1", str(PACE), 3)
    report, cpu = await place.read(contestant, "list-5", str(PACE), 10, **all_at_once("list-5"))
    busy = cpu / sum(report.seconds) if report.seconds else 1
    return max(1, min(MOST_STREAMS, round(1 / busy)))


def _next(held: int, lost: int) -> int:
    """What to try between a number that was held and one that was not, or beyond."""
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
