"""What a run of the benchmark measures, and how thoroughly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bench import contestants as who
from bench.answers import SHAPES
from bench.contestants import Contestant
from bench.documents import LISTS, OTHERS
from bench.edges import Edges, edges
from bench.field import DIRECT, Field
from bench.flood import Costs, Turns, flood
from bench.large import Case, Large, large
from bench.memory import Memory, kept_streams, open_streams
from bench.paced import Capacity, Trial, capacity, first_content, trial
from bench.progress import Progress
from bench.workers import workers

WORKED: Final = 300
"""Streams in a round of workers. They are so many that it matters little if one worker is alone
busy with the last ones."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to measure.

    contestants, lists: the contestants and documents of the flood
    seconds: how long a contestant reads a document in a round
    shapes: more documents, for the contestants in `shaped`
    firsts: rounds for the first content
    held: the contestants whose capacity is searched for, in `trials` trials each
    delayed: the contestants whose delay is measured, with `streams` streams of `paced` at once
    worked: rounds that compare one worker with two
    edged: rounds of a service that is behind nginx, full, and stopped; `filling` streams fill it,
        and `edge_calls` calls of each kind are made
    large: shapes of large answers
    opened, kept: how many streams to open, or to keep, to measure their memory
    """

    contestants: Sequence[Contestant]
    lists: Sequence[str]
    shaped: Sequence[Contestant] = ()
    shapes: Sequence[str] = ()
    rounds: int
    seconds: float
    firsts: int
    held: Sequence[Contestant] = ()
    trials: int = 6
    delayed: Sequence[Contestant]
    paced: str = "list-20"
    streams: int
    opened: Sequence[tuple[Contestant, int]] = ()
    kept: int = 0
    worked: int = 0
    edged: int = 0
    filling: int = 300
    edge_calls: int = 100
    large: Sequence[str] = ()


@dataclass
class Results:
    """What was measured; the keys are names of contestants."""

    lists: Costs = field(default_factory=dict)
    shapes: Costs = field(default_factory=dict)
    firsts: dict[str, float] = field(default_factory=dict)
    capacities: dict[str, Capacity] = field(default_factory=dict)
    delays: dict[str, Trial] = field(default_factory=dict)
    memory: dict[str, Memory] = field(default_factory=dict)
    workers: dict[int, float] = field(default_factory=dict)
    edges: Edges | None = None
    large: dict[Case, Large] = field(default_factory=dict)


async def play(place: Field, plan: Plan, progress: Progress) -> Results:
    """Measure everything."""
    results = Results()
    turns = Turns(plan.rounds, plan.seconds)
    results.lists = await flood(place, plan.contestants, plan.lists, turns, progress)
    results.shapes = await flood(place, plan.shaped, plan.shapes, turns, progress)
    results.firsts = await first_content(place, plan.contestants, plan.firsts, progress)
    with progress.step(f"{plan.streams} streams at once", len(plan.delayed)) as advance:
        for contestant in plan.delayed:
            advance(contestant.name)
            results.delays[contestant.name] = await trial(
                place, contestant, plan.streams, plan.paced
            )
    for contestant in plan.held:
        found = await capacity(place, contestant, plan.trials, progress)
        results.capacities[contestant.name] = found
    with progress.step("memory", len(plan.opened) + bool(plan.kept)) as advance:
        for contestant, streams in plan.opened:
            advance(contestant.name)
            results.memory[contestant.name] = await open_streams(
                place, contestant, streams, plan.paced
            )
        if plan.kept:
            advance(who.KEPT.name)
            results.memory[who.KEPT.name] = await kept_streams(place, who.KEPT, plan.kept)
    if plan.worked:
        results.workers = await workers(place, plan.worked, WORKED, progress)
    results.edges = await edges(place, plan.edged, plan.filling, plan.edge_calls, progress)
    results.large = await large(plan.large, progress)
    return results


SNAPSHOT, DELTA, ITEMS = who.OURS[:3]
NAMED: Final = {contestant.server: contestant for contestant in who.OTHERS}

QUICK: Final = Plan(
    contestants=[SNAPSHOT, DELTA, who.BASELINE, who.PROXIES[1]],
    lists=["list-1", "list-20", "list-80"],
    rounds=3,
    seconds=0.2,
    firsts=15,
    delayed=[DIRECT, SNAPSHOT, DELTA, who.BASELINE],
    paced="list-5",
    streams=100,
)

FULL: Final = Plan(
    contestants=who.ALL,
    lists=LISTS,
    shaped=[SNAPSHOT, DELTA, who.BASELINE, NAMED["tutorial"], NAMED["pydantic_ai"]],
    shapes=OTHERS,
    rounds=3,
    seconds=0.2,
    firsts=40,
    held=[DIRECT, SNAPSHOT, DELTA, *who.OTHERS],
    delayed=[DIRECT, SNAPSHOT, DELTA, ITEMS, *who.PACES, *who.PROXIES],
    streams=300,
    opened=[(SNAPSHOT, 300), (DELTA, 300), *((proxy, 300) for proxy in who.PROXIES)],
    kept=1000,
    worked=3,
    edged=5,
    large=list(SHAPES),
)
