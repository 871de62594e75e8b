"""What spans cost: the service with and without them, in turns.

Both serve the same streams at a model's pace. A pair is a turn of each, and every other pair
begins with the other one, so that a machine that grows slower favours none. The collector takes the
spans and drops them.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.contestants import Contestant
from bench.field import Field
from bench.paced import DOCUMENT, PACE, all_at_once
from bench.process import SERVER_CORE, Process, started
from bench.progress import Progress

OURS: Final = Contestant("ours, snapshot", "ours", "view=snapshot")
MOST: Final = 0.05
"""The part of the CPU time that spans may add."""


@dataclass(frozen=True)
class Pair:
    """The server's CPU seconds for all streams, without and with spans."""

    off: float
    on: float

    @property
    def added(self) -> float:
        """What spans have added, as a part of what there is without them."""
        return self.on / self.off - 1


async def traces(place: Field, pairs: int, streams: int, progress: Progress) -> list[Pair]:
    """Measure pairs. Raises RuntimeError if a stream fails."""
    async with AsyncExitStack() as stack:
        collector = await asyncio.start_server(_take_spans, "127.0.0.1")
        stack.callback(collector.close)
        port = collector.sockets[0].getsockname()[1]
        spans = {"TRACES": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
        servers = [
            await stack.enter_async_context(
                started(*place.arguments(OURS), cores={SERVER_CORE}, **settings)
            )
            for settings in ({}, spans)
        ]
        found = []
        with progress.step("spans", 2 + 2 * pairs) as advance:
            for server in servers:
                advance("warm up")
                await _seconds(place, server, streams)
            for number in range(pairs):
                seconds = [0.0, 0.0]
                for which in (0, 1) if number % 2 == 0 else (1, 0):
                    advance(f"pair {number + 1}")
                    seconds[which] = await _seconds(place, servers[which], streams)
                found.append(Pair(*seconds))
    return found


def traces_table(pairs: list[Pair]) -> str:
    """A row for each pair, and the median."""
    rows = ["| pair | without spans, CPU s | with spans, CPU s | added |", "|---|---|---|---|"]
    rows += [
        f"| {number} | {pair.off:.2f} | {pair.on:.2f} | {pair.added:+.1%} |"
        for number, pair in enumerate(pairs, 1)
    ]
    return "\n".join([*rows, f"| median | | | {median(pair.added for pair in pairs):+.1%} |", ""])


async def _seconds(place: Field, server: Process, streams: int) -> float:
    await server.settle()
    options = all_at_once(DOCUMENT)
    report, cpu = await place.read(OURS, DOCUMENT, str(PACE), streams, server, **options)
    if report.failed:
        raise RuntimeError(f"{report.failed} streams failed: {report.failures}")
    return cpu


async def _take_spans(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request of an exporter. https://opentelemetry.io/docs/specs/otlp/#otlphttp"""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
