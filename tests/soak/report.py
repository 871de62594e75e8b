"""What a soak has found, as Markdown."""

from __future__ import annotations

import os
from typing import NamedTuple

from tests.soak.clients import World
from tests.soak.watch import Metrics, Sample

MIB = 1024 * 1024
LAG_SECONDS = 0.05
GROWTH = 0.05
"""Of the memory: more, over the whole of the time after the warm-up, is a leak."""


class Verdict(NamedTuple):
    promise: str
    figure: str
    held: bool


class Soak(NamedTuple):
    """All that was measured. `grown`: bytes after the warm-up; None: it was too short to say.

    at_rest: before the first stream and after the last
    """

    seconds: float
    world: World
    metrics: Metrics
    lag_p99: float
    samples: list[Sample]
    grown: float | None
    at_rest: tuple[Sample, Sample]
    log: list[str]


def verdicts(soak: Soak) -> list[Verdict]:
    """The promises that are the same however long it lasts and however busy the machine is."""
    metrics, world = soak.metrics, soak.world
    done, cancelled = metrics.ended.get("done", 0), metrics.ended.get("cancelled", 0)
    error = sum(metrics.ended.values()) - done - cancelled
    sums = f"{metrics.started:.0f} = {done:.0f} + {error:.0f} + {cancelled:.0f}"
    faults = [line for line in soak.log if "broke" in line or "Traceback" in line]
    is_sound = not faults and "internal" not in metrics.ended
    before, after = (sample.files for sample in soak.at_rest)
    return [
        Verdict(
            "started = done + error + cancelled", sums, metrics.started == done + error + cancelled
        ),
        Verdict("no stream still runs", f"{metrics.active:.0f}", metrics.active == 0),
        Verdict("each visit went as it should", f"{len(world.broken)} broken", not world.broken),
        Verdict("no fault of the service's own", f"{len(faults)} in its log", is_sound),
        Verdict("sockets and files given back", f"{before}, then {after}", after <= before + 1),
    ]


def timings(soak: Soak) -> list[Verdict]:
    """Those that need a machine with time for it, and minutes."""
    lag = f"{soak.lag_p99 * 1000:.0f} ms"
    found = [Verdict("event-loop lag, p99 ≤ 50 ms", lag, soak.lag_p99 <= LAG_SECONDS)]
    if soak.grown is not None:
        most = GROWTH * soak.samples[-1].rss
        words = f"{soak.grown / MIB:+.1f} MiB of {most / MIB:.1f}"
        found.append(Verdict("memory flat after the warm-up", words, soak.grown <= most))
    return found


def markdown(soak: Soak) -> str:
    """The report."""
    samples, world = soak.samples, soak.world
    rows = [
        ("minutes", f"{soak.seconds / 60:.1f}"),
        ("streams", f"{soak.metrics.started:.0f}"),
        ("streams a second", f"{soak.metrics.started / soak.seconds:.1f}"),
        ("processor time a stream", f"{_cpu(soak) * 1000:.1f} ms"),
        ("load of the machine, at the end", f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"),
        ("most at once", f"{max(sample.active for sample in samples):.0f}"),
        ("memory, at rest, at most, at the end", " / ".join(
            f"{rss / MIB:.1f} MiB"
            for rss in (samples[0].rss, max(s.rss for s in samples), samples[-1].rss)
        )),
    ]  # fmt: skip
    lines = ["# Soak", "", *_table(("what", "figure"), rows)]
    lines += ["", *_table(("client", "visits"), sorted(world.visits.items()))]
    ended = sorted(soak.metrics.ended.items(), key=lambda pair: -pair[1])
    lines += ["", *_table(("streams ended", "how many"), [(c, f"{n:.0f}") for c, n in ended])]
    all_of_them = [*verdicts(soak), *timings(soak)]
    held = [(v.promise, v.figure, "yes" if v.held else "**no**") for v in all_of_them]
    lines += ["", *_table(("promise", "figure", "held"), held)]
    lines += ["", *(f"- {line}" for line in world.broken[:20])] if world.broken else []
    return "\n".join(lines)


def _cpu(soak: Soak) -> float:
    before, after = soak.at_rest
    return (after.cpu - before.cpu) / max(soak.metrics.started, 1)


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]
