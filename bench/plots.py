"""Results as SVG pictures. The same numbers always give the same file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.contestants import OTHERS, OURS
from bench.documents import document
from bench.flood import Costs
from bench.paced import Capacity
from bench.plan import Plan, Results

SHOWN: Final = [who.name for who in (*OURS[:2], *OTHERS)]
"""The contestants in the picture of the flood. The other views have the same lines as these."""


def draw(plan: Plan, results: Results, folder: Path) -> None:
    """Write all pictures of a run."""
    mpl.rcParams |= {"svg.hashsalt": "bench", "svg.fonttype": "none"}
    _save(_flood(results.lists, SHOWN, plan.lists), folder / "flood.svg")
    if results.capacities:
        _save(_capacity(results.capacities), folder / "capacity.svg")
        _save(_delay(results.capacities), folder / "delay.svg")


def _save(figure: Figure, file: Path) -> None:
    figure.savefig(file, metadata={"Date": None, "Creator": None})


def _axes(xlabel: str, ylabel: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.grid(alpha=0.3)
    return figure, axes


def _lines(figure: Figure, axes: Any) -> Figure:
    """Make both axes logarithmic, with plain numbers at 1, 2 and 5, and add the legend."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
        axis.set_minor_formatter(NullFormatter())
    figure.legend(loc="outside right upper", fontsize="small", frameon=False)
    return figure


def _flood(costs: Costs, names: Sequence[str], documents: Sequence[str]) -> Figure:
    figure, axes = _axes("KB of document", "µs of CPU a chunk")
    for name in names:
        points = [
            (len(document(length).text) / 1000, 1e6 * chunk)
            for length in documents
            if (name, length) in costs and (chunk := costs[name, length].chunk) is not None
        ]
        axes.plot(*zip(*points, strict=True), marker="o", label=name)
    return _lines(figure, axes)


def _capacity(found: dict[str, Capacity]) -> Figure:
    figure, axes = _axes("streams of 50 chunks a second that one process holds", "")
    names = list(reversed(found))
    held = [found[name].best for name in names]
    bars = axes.barh(names, [best.streams if best else 0 for best in held])
    axes.bar_label(bars, padding=3)
    axes.margins(x=0.1)
    return figure


def _delay(found: dict[str, Capacity]) -> Figure:
    figure, axes = _axes("streams at once", "delay of the newest text, p99, ms")
    for name, capacity in found.items():
        points = sorted((trial.streams, 1e3 * trial.report.newest[1]) for trial in capacity.trials)
        axes.plot(*zip(*points, strict=True), marker="o", label=name)
    return _lines(figure, axes)
