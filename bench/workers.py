"""How many streams a second two workers serve, compared with one worker.

The streams are long documents in `delta`, at full speed. The upstream and the client use the same
cores, but need much less CPU than the service. The figure is still a lower bound.
"""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from statistics import median
from typing import Final

from bench.contestants import Contestant
from bench.field import Field
from bench.process import CORES, Process, started
from bench.progress import Progress

DOCUMENT: Final = "list-320"
AT_ONCE: Final = 24
"""Streams at once. They are so many that no worker is idle, however unevenly they are shared."""
OURS: Final = Contestant("ours, delta", "ours", "view=delta")


async def workers(
    place: Field,
    rounds: int,
    streams: int,
    progress: Progress,
    contestant: Contestant = OURS,
    **settings: str,
) -> dict[int, float]:
    """Streams a second of one worker and of two. They take turns; the medians of the rounds."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    async with AsyncExitStack() as stack:
        servers = {
            number: await stack.enter_async_context(
                started(
                    *place.arguments(contestant),
                    cores=set(CORES),
                    WORKERS=str(number),
                    **settings,
                )
            )
            for number in rates
        }
        with progress.step("workers", (1 + rounds) * len(rates)) as advance:
            for turn in range(1 + rounds):
                for number, server in servers.items():
                    advance(f"{number} of them")
                    rate = await _rate(place, contestant, server, streams)
                    if turn:  # the first turn only warms up
                        rates[number].append(rate)
    return {number: median(found) for number, found in rates.items()}


async def _rate(place: Field, contestant: Contestant, server: Process, streams: int) -> float:
    began = time.monotonic()
    report, _ = await place.read(contestant, DOCUMENT, "flood", streams, server, at_once=AT_ONCE)
    if report.failed:
        raise RuntimeError(f"{report.failed} streams failed: {report.failures}")
    return streams / (time.monotonic() - began)
