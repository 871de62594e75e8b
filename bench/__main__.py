"""The benchmark's commands."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from bench import contestants as who
from bench.documents import LISTS
from bench.field import field
from bench.flood import Turns, flood
from bench.plan import FULL, QUICK, Plan, Results, play
from bench.progress import Progress
from bench.publish import RESULTS, ROOT, publish
from bench.report import flood_table, tables

cli = typer.Typer(
    add_completion=False, help="What a stream costs, next to others on the same machine. Linux."
)


@cli.command()
def full() -> None:
    """Everything (20 minutes): bench/results/ and docs/performance.md are written anew."""
    from bench.plots import draw

    results = _play(FULL)
    publish(tables(FULL, results))
    draw(FULL, results, RESULTS)


@cli.command()
def quick() -> None:
    """The most telling figures (under two minutes), on stdout."""
    results = _play(QUICK)
    for name, text in tables(QUICK, results).items():
        print(f"\n{name}\n\n{text}", end="")


@cli.command("flood")
def only_flood(
    documents: str = ",".join(LISTS),
    only: Annotated[str, typer.Option(help="words of contestants' names")] = "",
    rounds: int = 5,
    seconds: float = 0.3,
) -> None:
    """CPU a chunk for some documents and contestants (and the proxy on httpx2)."""
    chosen = [
        contestant
        for contestant in who.ALL
        if contestant is who.BASELINE or any(part in contestant.name for part in only.split(","))
    ]
    names = documents.split(",")

    async def run() -> str:
        async with field() as place:
            costs = await flood(place, chosen, names, Turns(rounds, seconds), Progress())
            return flood_table(costs, chosen, names)

    print(asyncio.run(run()))


@cli.command()
def profile(
    document: str = "list-80",
    view: str = "snapshot",
    seconds: float = 10,
    out: Path = ROOT / "bench" / "profile.svg",
) -> None:
    """A flame graph of the service in a flood, by py-spy."""
    from bench.profile import record

    asyncio.run(record(who.Contestant("ours", "ours", f"view={view}"), document, seconds, out))
    print(out)


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
