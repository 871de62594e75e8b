"""The benchmark's commands."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bench import contestants as who
from bench.documents import LISTS
from bench.field import field
from bench.flood import flood
from bench.progress import Progress
from bench.report import cost_table

cli = typer.Typer(add_completion=False)


@cli.callback()
def bench() -> None:
    """How much a stream costs, next to others on the same machine."""


@cli.command("flood")
def only_flood(
    documents: str = ",".join(LISTS),
    only: Annotated[str, typer.Option(help="of contestants' names, comma-separated")] = "",
    rounds: int = 5,
    seconds: float = 0.3,
) -> None:
    """CPU a chunk of some documents, for as long as wanted."""
    chosen = [
        contestant
        for contestant in who.ALL
        if contestant is who.BASELINE or any(part in contestant.name for part in only.split(","))
    ]

    async def run() -> None:
        names = documents.split(",")
        async with field() as place:
            costs = await flood(
                place, chosen, names, rounds=rounds, seconds=seconds, progress=Progress()
            )
        print(cost_table(costs, chosen, names, growth=len(names) > 1))

    asyncio.run(run())


if __name__ == "__main__":
    cli()
