"""Results as Markdown tables. Times are compared with the byte-for-byte proxy's of the same run."""

from __future__ import annotations

import platform
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from bench.client import percentile
from bench.contestants import BASELINE, KEPT, Contestant
from bench.documents import document
from bench.edges import DRAIN_SECONDS, Edges
from bench.flood import Costs, exponent
from bench.large import Case, Large
from bench.memory import Memory
from bench.paced import DOCUMENT, Capacity, Trial, ideal_seconds
from bench.plan import Plan, Results
from bench.process import CORES
from bench.store import LIFE_SECONDS, Shared, Turn

NOTHING: Final = "-"
GROWING: Final = (
    *(("prose-80", "prose-320"), ("string-80", "string-320")),
    *(("deep-20", "deep-80"), ("wide-15", "wide-60")),
)
"""Pairs of documents. The second one is four times as long as the first."""


def tables(plan: Plan, results: Results) -> dict[str, str]:
    """All tables of a run by their names. There is no table for what was not measured."""
    made = {
        "machine": machine(),
        "flood": flood_table(results.lists, plan.contestants, plan.lists),
        "shapes": _shapes(results.shapes, plan.shaped, plan.shapes),
        "first": _first(results.firsts),
        "paced": paced_table(results.delays),
        "capacity": capacity_table(results.capacities),
        "memory": memory_table(results.memory),
        "workers": workers_table(results.workers),
        "edges": edges_table(results.edges) if results.edges else "",
        "large": large_overview(results.large),
    }
    return {name: text for name, text in made.items() if text}


def large_overview(found: Mapping[Case, Large]) -> str:
    """A row for each shape: the longest wait for `/healthz`, and the memory."""
    readers = list(dict.fromkeys(case.reader.name for case in found))
    rows: dict[str, list[str]] = {}
    for case, one in found.items():
        row = rows.setdefault(case.shape, [case.shape, *[NOTHING] * len(readers)])
        longest = 1e3 * max(one.probes)
        cell = f"{longest:.0f} / {one.memory / one.document:.1f}"
        row[1 + readers.index(case.reader.name)] = cell
    return table(["ms / documents", *readers], list(rows.values()))


def large_table(found: Mapping[Case, Large]) -> str:
    """How late other requests were answered during a large answer, and how much memory it took."""
    head = ["answer", "read as", "document, MB", "sent, MB", "s"]
    head += ["`/healthz` p50, ms", "p99", "longest", "memory, MB", "documents"]
    return table(head, [_large(case, one) for case, one in found.items()], words=2)


def _large(case: Case, one: Large) -> list[str]:
    probes = [percentile(one.probes, which) for which in (50, 99, 100)]
    return [
        *(case.shape, case.reader.name),
        *(f"{size / 1e6:.1f}" for size in (one.document, one.sent)),
        f"{one.seconds:.2f}",
        *(f"{1e3 * seconds:.1f}" for seconds in probes),
        *(f"{one.memory / 1e6:.1f}", f"{one.memory / one.document:.1f}"),
    ]


def workers_table(rates: dict[int, float], name: str = "workers") -> str:
    """What several workers serve."""
    rows = [
        [str(number), f"{rate:.1f}", f"{rate / rates[1]:.2f} x"] for number, rate in rates.items()
    ]
    return table([name, "streams of 49 KB a second", ""], rows)


def edges_table(found: Edges) -> str:
    """How long a full service takes to refuse and to stop, and what nginx adds."""
    full = f"with {found.streams} streams"
    rows = {
        "first content, directly": found.direct,
        "first content, through nginx": found.fronted,
        **{f"refused with {status}, {full}": found.refused[status] for status in found.refused},
        f"from the end of `DRAIN_SECONDS` ({DRAIN_SECONDS}) to the exit, {full}": found.exits,
    }
    head = ["ms", "p50", "p99", "longest", "number"]
    return table(head, [[name, *_spread(seconds)] for name, seconds in rows.items()])


def _spread(seconds: list[float]) -> list[str]:
    figures = [1e3 * percentile(seconds, which) for which in (50, 99, 100)]
    return [*(f"{figure:.1f}" for figure in figures), str(len(seconds))]


def store_table(found: Shared) -> str:
    """What a store adds to the streams of one process, and what readers elsewhere wait for."""
    chunks = found.streams * len(document(DOCUMENT).pieces)
    compared = [
        _compared("CPU a chunk, µs", found, lambda turn: 1e6 * turn.cpu / chunks),
        _compared("delay p99, ms", found, lambda turn: 1e3 * turn.p99),
        _compared("first event p50, ms", found, lambda turn: 1e3 * turn.first),
    ]
    waited = [
        _waited("behind a reader on the owner, ms", found.elsewhere.lag),
        _waited("attached, ms", found.elsewhere.attach),
    ]
    parts = [
        table(["of one process", "without a store", "with it", "ratio", "more"], compared),
        table(["a reader elsewhere", "p50", "p99"], waited),
        workers_table(found.rates, "processes with a store"),
        f"Redis commands of a stream of {LIFE_SECONDS} s: {found.commands:.0f}.\n",
    ]
    return "\n".join(parts)


def _compared(name: str, found: Shared, figure: Callable[[Turn], float]) -> list[str]:
    """A row with the medians of a figure, of its ratios in each pair, and of its differences."""
    pairs = [(figure(pair.alone), figure(pair.shared)) for pair in found.pairs]
    alone, shared = (median(each) for each in zip(*pairs, strict=True))
    ratio = median(after / before for before, after in pairs)
    more = median(after - before for before, after in pairs)
    return [name, f"{alone:.1f}", f"{shared:.1f}", f"{ratio:.2f} x", f"{more:+.1f}"]


def _waited(name: str, seconds: list[float]) -> list[str]:
    return [name, *(f"{1e3 * percentile(seconds, which):.0f}" for which in (50, 99))]


def machine() -> str:
    """The machine of the measurement."""
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    cpu = names[0] if names else platform.machine()
    return f"{python()} on {len(CORES)} cores of {cpu}; a server has one of them to itself.\n"


def python() -> str:
    """The interpreter's version, and which optimizations it was built with."""
    arguments = sysconfig.get_config_var("CONFIG_ARGS") or ""
    pgo = "with" if "--enable-optimizations" in arguments else "without"
    lto = "with" if "--with-lto" in arguments else "without"
    return f"Python {platform.python_version()} (built {pgo} PGO and {lto} LTO)"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A Markdown table. The first columns hold words, the others numbers."""
    lines = [head, [*["---"] * words, *["---:"] * (len(head) - words)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) if rows else ""


def size(name: str) -> str:
    """The size of a document."""
    return f"{len(document(name).text) / 1000:.2g} KB"


def flood_table(costs: Costs, contestants: Sequence[Contestant], names: Sequence[str]) -> str:
    """The CPU time of a chunk in µs, its growth, and the CPU time of the shortest stream."""
    head = ["CPU a chunk, µs", *map(size, names), "growth", "ms a stream"]
    rows = []
    for contestant in contestants:
        name = contestant.name
        shortest = costs[name, names[0]].stream
        row = [name, *(_chunk(costs, name, document) for document in names)]
        row += [_growth(costs, name, *names[-2:])] if len(names) > 1 else [NOTHING]
        rows.append([*row, NOTHING if shortest is None else f"{shortest * 1e3:.1f}"])
    return table(head, rows)


def _shapes(costs: Costs, contestants: Sequence[Contestant], names: Sequence[str]) -> str:
    head = ["CPU a chunk, µs", *(contestant.name for contestant in contestants)]
    rows = [
        [f"{name} ({size(name)})", *(_chunk(costs, who.name, name) for who in contestants)]
        for name in names
    ]
    for short, long in GROWING:
        if {short, long} <= set(names):
            grown = [_growth(costs, who.name, short, long) for who in contestants]
            rows.append([f"growth from {short} to {long}", *grown])
    return table(head, rows)


def _chunk(costs: Costs, contestant: str, name: str) -> str:
    cost, base = costs[contestant, name].chunk, costs[BASELINE.name, name].chunk
    return NOTHING if cost is None else beside(cost * 1e6, base and base * 1e6)


def _growth(costs: Costs, contestant: str, short: str, long: str) -> str:
    grown = exponent(costs, contestant, short, long)
    return NOTHING if grown is None else f"{grown:.2f}"


def beside(number: float, base: float | None) -> str:
    """A number, and its ratio to the proxy's number."""
    return f"{number:.3g}" + (f" ({number / base:.2g} x)" if base else "")


def _first(seconds: dict[str, float]) -> str:
    rows = [[name, f"{1e3 * later:.1f}"] for name, later in seconds.items()]
    return table(["", "first content: ms above a direct connection's, p50"], rows)


def paced_table(trials: dict[str, Trial]) -> str:
    """The results of streams at a model's pace."""
    head = ["", "streams", "held", "delay p50, ms", "p99", "of every chunk p50", "p99"]
    head += ["messages", "KB", "CPU a chunk, µs", "% of a core"]
    return table(head, [[name, *_trial(trial)] for name, trial in trials.items()])


def _trial(trial: Trial) -> list[str]:
    report = trial.report
    delays = [f"{1e3 * seconds:.0f}" for seconds in (*report.newest, *report.every)]
    busy = trial.cpu / ideal_seconds(trial.document)
    return [
        *(str(trial.streams), "yes" if trial.held else "no", *delays),
        *(f"{report.messages:.0f}", f"{report.bytes / 1000:.0f}"),
        *(f"{trial.chunk * 1e6:.0f}", f"{busy * 100:.0f}"),
    ]


def capacity_table(found: dict[str, Capacity]) -> str:
    """How many streams were held, and how well."""
    head = ["", "streams held", "not held", "delay p50, ms", "p99", "completion p99 / ideal"]
    return table(head, [[name, *_found(capacity)] for name, capacity in found.items()])


def _found(capacity: Capacity) -> list[str]:
    lost = [trial.streams for trial in capacity.trials if not trial.held]
    best = capacity.best
    if best is None:
        return ["0", str(min(lost, default=0)), *[NOTHING] * 3]
    most = ("" if lost else "≥ ") + str(best.streams)
    delays = [f"{1e3 * seconds:.0f}" for seconds in best.report.newest]
    late = percentile(best.report.seconds, 99) / ideal_seconds(best.document)
    return [most, str(min(lost)) if lost else NOTHING, *delays, f"{late:.2f}"]


def memory_table(found: dict[str, Memory]) -> str:
    """The memory of a stream, and a server's memory and time of start."""
    head = ["", "KB a stream", "idle, MB", "start, s"]
    rows = [
        [
            "ours, each stream that is kept" if name == KEPT.name else name,
            *(f"{memory.stream / 1000:.0f}", f"{memory.idle / 1e6:.0f}", f"{memory.start:.1f}"),
        ]
        for name, memory in found.items()
    ]
    return table(head, rows)
