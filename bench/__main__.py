"""The benchmark's commands: `full` and `quick` run a whole plan, the others measure one thing."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from bench import contestants as who
from bench.answers import SHAPES
from bench.contestants import Contestant
from bench.documents import LISTS
from bench.field import DIRECT, field
from bench.flood import Turns, flood
from bench.large import cases, large
from bench.memory import kept_streams, open_streams
from bench.paced import DOCUMENT, capacity, trial
from bench.plan import FULL, QUICK, WORKED, Plan, Results, play
from bench.progress import Progress
from bench.publish import RESULTS, ROOT, publish
from bench.report import (
    capacity_table,
    edges_table,
    flood_table,
    large_overview,
    large_table,
    memory_table,
    paced_table,
    store_table,
    tables,
    workers_table,
)

cli = typer.Typer(
    add_completion=False,
    help="What a stream costs, next to others on the same machine. Needs Linux.",
)

Only = Annotated[list[str], typer.Option(help="part of a contestant's name; may be repeated")]
SNAPSHOT = ["ours, snapshot"]
PAIRS = 6
STREAMS = 300
"""A comparison with fewer is not published."""


@cli.command()
def full() -> None:
    """Measure everything (43 minutes), and write bench/results/ and docs/performance.md."""
    from bench.plots import draw

    results = _play(FULL)
    publish(tables(FULL, results))
    draw(FULL, results, RESULTS)


@cli.command()
def quick() -> None:
    """Measure the most important figures (under two minutes), and print them."""
    results = _play(QUICK)
    for name, text in tables(QUICK, results).items():
        print(f"\n{name}\n\n{text}", end="")


@cli.command("flood")
def only_flood(
    documents: str = ",".join(LISTS),
    only: Only = SNAPSHOT,
    rounds: int = 5,
    seconds: float = 0.3,
) -> None:
    """The CPU time of a chunk at full speed, compared with that of the httpx2 proxy."""
    chosen = [one for one in _chosen(only) if one is not who.BASELINE]
    chosen.append(who.BASELINE)
    names = documents.split(",")

    async def run() -> str:
        async with field() as place:
            costs = await flood(place, chosen, names, Turns(rounds, seconds), Progress())
            return flood_table(costs, chosen, names)

    print(asyncio.run(run()))


@cli.command("paced")
def only_paced(streams: int = 300, document: str = DOCUMENT, only: Only = SNAPSHOT) -> None:
    """Delay, messages, bytes and CPU time of a number of streams at once."""

    async def run() -> str:
        async with field() as place:
            return paced_table(
                {one.name: await trial(place, one, streams, document) for one in _chosen(only)}
            )

    print(asyncio.run(run()))


@cli.command("capacity")
def only_capacity(trials: int = 6, only: Only = SNAPSHOT) -> None:
    """How many streams one process holds."""

    async def run() -> str:
        async with field() as place:
            return capacity_table(
                {one.name: await capacity(place, one, trials, Progress()) for one in _chosen(only)}
            )

    print(asyncio.run(run()))


@cli.command("memory")
def only_memory(streams: int = 300, kept: int = 1000, only: Only = SNAPSHOT) -> None:
    """Memory of an open stream, and of a kept one; memory and time of the start."""

    async def run() -> str:
        async with field() as place:
            found = {one.name: await open_streams(place, one, streams) for one in _chosen(only)}
            found[who.KEPT.name] = await kept_streams(place, who.KEPT, kept)
            return memory_table(found)

    print(asyncio.run(run()))


@cli.command("workers")
def only_workers(rounds: int = 3, streams: int = WORKED) -> None:
    """What two workers serve on two cores, compared with one worker."""
    from bench.workers import workers

    async def run() -> str:
        async with field() as place:
            rates = await workers(place, rounds, streams, Progress())
            return workers_table(rates)

    print(asyncio.run(run()))


@cli.command("edges")
def only_edges(rounds: int = 5, streams: int = STREAMS, calls: int = 100) -> None:
    """How long a full service takes to refuse calls and to stop, and what nginx adds.

    Where everything is measured (about a minute), the page gets its table.
    """
    from bench.edges import edges

    async def run() -> str:
        async with field() as place:
            found = await edges(place, rounds, streams, calls, Progress())
            return edges_table(found) if found else ""

    table = asyncio.run(run())
    print(table)
    if rounds >= FULL.edged and streams >= FULL.filling and calls >= FULL.edge_calls:
        publish({"edges": table})


@cli.command("traces")
def only_traces(pairs: int = 6, streams: int = 300) -> None:
    """What spans cost: pairs of turns without and with them. Fails if they add over 5 %."""
    from bench.traces import MOST, Pair, traces, traces_table

    async def run() -> list[Pair]:
        async with field() as place:
            return await traces(place, pairs, streams, Progress())

    found = asyncio.run(run())
    publish({"traces": traces_table(found)})
    print(traces_table(found))
    raise SystemExit(median(pair.added for pair in found) > MOST)


@cli.command("store")
def only_store(
    pairs: int = PAIRS, streams: int = STREAMS, readers: int = 20, rounds: int = 3
) -> None:
    """What sharing streams through Redis costs: pairs of turns without and with it.

    Where everything is measured (about eight minutes), the page gets its table.
    """
    from bench.store import store

    async def run() -> str:
        async with field() as place:
            found = await store(place, pairs, streams, readers, rounds, Progress())
            return store_table(found)

    table = asyncio.run(run())
    print(table)
    if pairs >= PAIRS and streams >= STREAMS:
        publish({"store": table})


@cli.command("large")
def only_large(shapes: str = ",".join(SHAPES), reader: str = "") -> None:
    """How late other requests are answered during a large answer, and how much memory it takes.

    Where everything is measured (about ten minutes), the page gets its table.
    """
    found = asyncio.run(large(shapes.split(","), Progress(), reader))
    print(large_table(found))
    if set(found) == set(cases(list(SHAPES))):
        publish({"large": large_overview(found)})


@cli.command()
def profile(
    document: str = "list-80",
    view: str = "snapshot",
    seconds: float = 10,
    out: Path = ROOT / "bench" / "profile.svg",
) -> None:
    """Draw a flame graph of the flooded service, with py-spy."""
    from bench.profile import record

    asyncio.run(record(Contestant("ours", "ours", f"view={view}"), document, seconds, out))
    print(out)


def _chosen(only: list[str]) -> list[Contestant]:
    """The contestants with these names. If none has the name, those whose names contain it."""
    everyone = [DIRECT, *who.ALL]
    return [
        one
        for part in only
        for one in [one for one in everyone if one.name == part]
        or [one for one in everyone if part in one.name]
    ]


def _play(plan: Plan) -> Results:
    async def run() -> Results:
        async with field() as place:
            return await play(place, plan, Progress())

    began = time.monotonic()
    results = asyncio.run(run())
    typer.echo(f"{time.monotonic() - began:.0f} s", err=True)
    return results


if __name__ == "__main__":
    cli()
