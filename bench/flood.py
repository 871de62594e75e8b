"""The CPU time of a chunk if the provider writes as fast as it is read, and how it grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log
from statistics import median
from typing import Final, NamedTuple

from bench.contestants import Contestant
from bench.documents import document
from bench.field import Field
from bench.progress import Progress

MOST_STREAMS: Final = 100
SLOW_SECONDS: Final = 3.0
"""A stream that takes longer is read only once."""


class Turns(NamedTuple):
    """Contestants take turns, so that a machine that gets slower affects all of them equally.

    rounds: the number of rounds; in each, every contestant reads every document
    seconds: roughly how long a contestant reads a document in a round
    """

    rounds: int
    seconds: float


@dataclass
class Cost:
    """CPU seconds of a stream in each round; empty if a stream failed."""

    document: str
    seconds: list[float] = field(default_factory=list)
    streams: int = 1

    @property
    def stream(self) -> float | None:
        """Seconds of CPU of a stream."""
        return median(self.seconds) if self.seconds else None

    @property
    def chunk(self) -> float | None:
        """Seconds of CPU of a chunk."""
        pieces = len(document(self.document).pieces)
        return None if self.stream is None else self.stream / pieces


Costs = dict[tuple[str, str], Cost]
"""The costs by the names of contestant and document."""


async def flood(
    place: Field,
    contestants: Sequence[Contestant],
    documents: Sequence[str],
    turns: Turns,
    progress: Progress,
) -> Costs:
    """Each contestant reads each document in each round."""
    costs: Costs = {}
    every = len(documents) * len(contestants)
    with progress.step("flood", (1 + turns.rounds) * every) as advance:
        for name in documents:
            for contestant in contestants:
                advance(f"{contestant.name}: {name}")
                costs[contestant.name, name] = await _warmed_up(
                    place, contestant, name, turns.seconds
                )
        for _ in range(turns.rounds):
            for name in documents:
                for contestant in contestants:
                    advance(f"{contestant.name}: {name}")
                    cost = costs[contestant.name, name]
                    if cost.streams:
                        report, cpu = await place.read(contestant, name, "flood", cost.streams)
                        if not report.failed:
                            cost.seconds.append(cpu / cost.streams)
    return costs


async def _warmed_up(place: Field, contestant: Contestant, name: str, seconds: float) -> Cost:
    """Read a first stream, and decide how many to read in a round: none if it failed or is slow."""
    cost = Cost(name)
    for streams in (1, 3):
        report, cpu = await place.read(contestant, name, "flood", streams)
        if report.failed:
            cost.streams = 0
            return cost
        took = median(report.seconds)
        if took > SLOW_SECONDS:
            cost.seconds, cost.streams = [cpu / streams], 0
            return cost
    cost.streams = max(1, min(MOST_STREAMS, round(seconds / took)))
    return cost


def exponent(costs: Costs, contestant: str, short: str, long: str) -> float | None:
    """The exponent of the CPU time's growth between two documents: 1 is linear."""
    less, more = costs[contestant, short].stream, costs[contestant, long].stream
    if less is None or more is None:
        return None
    return log(more / less) / log(len(document(long).text) / len(document(short).text))
