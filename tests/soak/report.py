"""What a soak has found, as Markdown."""

from __future__ import annotations

import os
from statistics import median
from typing import NamedTuple

from tests.soak.account import Account
from tests.soak.clients import World
from tests.soak.provider import RecordedProvider
from tests.soak.watch import Metrics, Watch

MIB = 1024 * 1024
LAG_SECONDS = 0.05
GROWTH = 0.05
"""Of the memory: more, over the whole of the time after the warm-up, is a leak."""

SHOWN = 20
"""The most that is shown of what went wrong, of each kind."""


class Verdict(NamedTuple):
    promise: str
    figure: str
    held: bool


class Soak(NamedTuple):
    """All that was measured. `grown`: bytes after the warm-up; None: it was too short to say.

    store_bytes: the memory of the store at the end; None: there was none
    """

    seconds: float
    world: World
    watch: Watch
    recorded: RecordedProvider
    metrics: Metrics
    account: Account
    lag_p99: float
    grown: float | None
    store_bytes: int | None


def verdicts(soak: Soak) -> list[Verdict]:
    """The promises that are the same however long it lasts and however busy the machine is."""
    of, fleet = soak.account, soak.world.fleet
    broken = [*soak.world.broken, *fleet.broken]
    sums = f"{of.started} = {of.done} + {of.error} + {of.cancelled} + {of.moved} + {of.lost}"
    before, after = (soak.watch.samples[at].files for at in (0, -1))
    is_sound = not of.unknown and not of.ended["internal"]
    wrong = _differences(soak)
    return [
        Verdict("started = done + error + cancelled + moved + lost", sums, of.is_even),
        Verdict("each stream has one end", f"{len(of.twice)} have two", not of.twice),
        Verdict("the metrics say what the log says", ", ".join(wrong) or "they do", not wrong),
        Verdict("no stream still runs", f"{soak.metrics.active:.0f}", soak.metrics.active == 0),
        Verdict("each visit went as it should", f"{len(broken)} broken", not broken),
        Verdict("only known lines in the log", f"{len(of.unknown)} others", is_sound),
        Verdict("sockets and files given back", f"{before}, then {after}", after <= before + 1),
        Verdict(
            "no answer of a provider is left open",
            f"{soak.recorded.answering}",
            not soak.recorded.answering,
        ),
    ]


def _differences(soak: Soak) -> list[str]:
    """What the metrics of the processes that run tell otherwise than their logs do."""
    found = []
    for number, member in enumerate(soak.world.fleet.running):
        metrics, logged = soak.watch.seen[member], Account.of(member.process.lines)
        told = {**metrics.ended, "started": metrics.started}
        for what, count in {**logged.ended, "started": logged.started}.items():
            if told.pop(what, 0) != count:
                found.append(f"process {number}: {what}")
        found += [f"process {number}: {what}" for what, count in told.items() if count]
    return found


def timings(soak: Soak) -> list[Verdict]:
    """Those that need a machine with time for it, and minutes."""
    lag = f"{soak.lag_p99 * 1000:.0f} ms"
    late, busy = soak.account.late, soak.world.busy
    found = [
        Verdict("event-loop lag, p99 ≤ 50 ms", lag, soak.lag_p99 <= LAG_SECONDS),
        Verdict("no line says that anything was late", f"{late} do", not late),
        Verdict("nobody was asked to come again without a cause", f"{busy} were", not busy),
    ]
    if soak.grown is not None:
        most = GROWTH * soak.watch.samples[-1].rss
        words = f"{soak.grown / MIB:+.1f} MiB of {most / MIB:.1f}"
        found.append(Verdict("memory flat after the warm-up", words, soak.grown <= most))
    return found


def markdown(soak: Soak) -> str:
    """The report."""
    of, world = soak.account, soak.world
    lines = ["# Soak", "", *_table(("what", "figure"), _figures(soak))]
    visits = [(kind, count, world.cut[kind]) for kind, count in sorted(world.visits.items())]
    lines += ["", *_table(("client", "visits", "cut with their process"), visits)]
    lines += ["", *_table(("streams ended", "how many"), of.ended.most_common())]
    lines += ["", *_table(("logged", "lines"), of.lines.most_common())]
    all_of_them = [*verdicts(soak), *timings(soak)]
    held = [(v.promise, v.figure, "yes" if v.held else "**no**") for v in all_of_them]
    lines += ["", *_table(("promise", "figure", "held"), held)]
    for wrong in (world.broken, world.fleet.broken, of.unknown, of.unended, of.twice):
        lines += ["", *(f"- {line}" for line in wrong[:SHOWN])] if wrong else []
    return "\n".join(lines)


def _figures(soak: Soak) -> list[tuple[object, ...]]:
    of, fleet, samples = soak.account, soak.world.fleet, soak.watch.samples
    loads = [sample.load for sample in samples]
    memory = (samples[0].rss, max(s.rss for s in samples), samples[-1].rss)
    rows: list[tuple[object, ...]] = [
        ("minutes", f"{soak.seconds / 60:.1f}"),
        ("streams", of.started),
        ("streams a second", f"{of.started / soak.seconds:.1f}"),
        ("processor time a stream", f"{_cpu(soak) * 1000:.1f} ms"),
        (
            f"load of the machine's {os.cpu_count()} cores, least, median, most",
            f"{min(loads):.1f} / {median(loads):.1f} / {max(loads):.1f}",
        ),
        ("streams at once, at most", f"{max(sample.active for sample in samples):.0f}"),
        (
            "memory of the first process, at rest, at most, at the end",
            " / ".join(f"{rss / MIB:.1f} MiB" for rss in memory),
        ),
        ("processes killed, replaced", f"{fleet.killed}, {fleet.replaced}"),
        ("visits that were not judged, as the soak was late itself", soak.world.unjudged),
        ("streams that went on to another model", f"{soak.metrics.fallbacks:.0f}"),
        ("requests for recorded answers", soak.recorded.requests),
        ("of these, met by a connection that was closed", soak.recorded.closed),
    ]
    if soak.store_bytes is not None:
        rows.append(("memory of the store, at the end", f"{soak.store_bytes / MIB:.1f} MiB"))
    return rows


def _cpu(soak: Soak) -> float:
    """Seconds of the processor's time for a stream, with what the processes take to start."""
    return sum(soak.watch.cpu.values()) / max(soak.account.started, 1)


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]
