"""Results as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence

from bench.contestants import BASELINE, Contestant
from bench.documents import document
from bench.flood import Costs, exponent

NOTHING = "-"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column is of words, the others of numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def size(name: str) -> str:
    """The size of a document."""
    return f"{len(document(name).text) / 1000:.2g} KB"


def cost_table(
    costs: Costs, contestants: Sequence[Contestant], documents: Sequence[str], growth: bool
) -> str:
    """µs of CPU a chunk and, in brackets, how many times what the byte-for-byte proxy takes."""
    head = ["µs of CPU a chunk", *(f"{name} ({size(name)})" for name in documents)]
    rows = []
    for contestant in contestants:
        row = [contestant.name, *(_chunk(costs, contestant.name, name) for name in documents)]
        if growth:
            grown = exponent(costs, contestant.name, *documents[-2:])
            row.append(NOTHING if grown is None else f"{grown:.2f}")
        rows.append(row)
    return table([*head, "growth"] if growth else head, rows)


def _chunk(costs: Costs, contestant: str, name: str) -> str:
    cost, base = costs[contestant, name].chunk, costs[BASELINE.name, name].chunk
    if cost is None:
        return NOTHING
    return f"{cost * 1e6:.3g}" + (f" ({cost / base:.2f} x)" if base else "")
