"""What sharing streams through a store costs: the service without and with a Redis of its own.

Both serve the same resumable streams at a model's pace. A pair is a turn of each, and every other
pair begins with the other one, so that a machine that grows slower favours none. Then two
processes share the store: streams run on one, and are read on both.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Final

import httpx

from bench.client import Report
from bench.contestants import KEPT, Contestant
from bench.field import Field
from bench.paced import DOCUMENT, PACE, all_at_once, ideal_seconds
from bench.process import CORES, OTHER_CORES, SERVER_CORE, Process, started
from bench.progress import Progress
from bench.workers import workers
from tests.support.redis import RedisServer, redis_server

DELTA: Final = Contestant("ours, delta, kept", "ours", "view=delta&resumable=true")
VIEW: Final = "view=delta&interval_ms=0"
"""How a stream is read on both processes. Without an interval, its own time is all that counts."""

PATH: Final = f"/list?topic=bench&model={DOCUMENT}.{PACE}&resumable=true&{VIEW}"
ATTACH_SECONDS: Final = 2
"""The age of a stream when it is attached to elsewhere."""

LIFE_SECONDS: Final = 15
"""Commands are counted for a stream that takes so long."""

Seen = list[tuple[float, int]]
"""The times at which a reader came to which position."""


@dataclass(frozen=True)
class Turn:
    """What many streams at once took. cpu: the server's seconds. commands: of Redis"""

    report: Report
    cpu: float
    commands: int

    @property
    def p99(self) -> float:
        """The age in seconds that 99 of 100 pieces of text did not exceed when they came."""
        return self.report.newest[1]

    @property
    def first(self) -> float:
        """Seconds to the first content, p50."""
        return median(self.report.first)


@dataclass(frozen=True)
class Pair:
    """A turn without the store, and one with it."""

    alone: Turn
    shared: Turn


@dataclass(frozen=True)
class Elsewhere:
    """Seconds of readers on another process than the owner.

    attach: until they had what a reader on the owner had when they asked
    lag: how much later than that reader they came to each position
    """

    attach: list[float]
    lag: list[float]


@dataclass(frozen=True)
class Shared:
    """All results. rates: streams a second at full speed, by the number of processes"""

    streams: int
    pairs: list[Pair]
    elsewhere: Elsewhere
    rates: dict[int, float]

    @property
    def commands(self) -> float:
        """Redis commands of a stream of `LIFE_SECONDS` that nobody reads elsewhere."""
        each = median(pair.shared.commands for pair in self.pairs) / self.streams
        return each * LIFE_SECONDS / ideal_seconds(DOCUMENT)


async def store(
    place: Field, pairs: int, streams: int, readers: int, rounds: int, progress: Progress
) -> Shared:
    """Measure everything. Raises RuntimeError if a stream fails.

    readers: streams that are read elsewhere. rounds: those of one process against two, each with
        `streams` streams
    """
    async with _redis() as redis:
        found = await _pairs(place, redis, pairs, streams, progress)
        elsewhere = await _elsewhere(place, redis, readers, progress)
        rates = await workers(place, rounds, streams, progress, DELTA, STREAMS_STORE=redis.url)
        return Shared(streams, found, elsewhere, rates)


@asynccontextmanager
async def _redis() -> AsyncIterator[RedisServer]:
    os.sched_setaffinity(0, OTHER_CORES)  # Redis inherits it, and leaves the server's core alone
    try:
        async with redis_server() as redis:
            yield redis
    finally:
        os.sched_setaffinity(0, set(CORES))


async def _pairs(
    place: Field, redis: RedisServer, pairs: int, streams: int, progress: Progress
) -> list[Pair]:
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(
                started(*place.arguments(KEPT), cores={SERVER_CORE}, **settings)
            )
            for settings in ({}, {"STREAMS_STORE": redis.url})
        ]
        found = []
        with progress.step("store", 2 + 2 * pairs) as advance:
            for server in servers:
                advance("warm up")
                await _turn(place, redis, server, streams)
            for number in range(pairs):
                turns: dict[int, Turn] = {}
                for which in (0, 1) if number % 2 == 0 else (1, 0):
                    advance(f"pair {number + 1}")
                    turns[which] = await _turn(place, redis, servers[which], streams)
                found.append(Pair(turns[0], turns[1]))
    return found


async def _turn(place: Field, redis: RedisServer, server: Process, streams: int) -> Turn:
    await server.settle()
    before = await _commands(redis)
    options = all_at_once(DOCUMENT)
    report, cpu = await place.read(KEPT, DOCUMENT, str(PACE), streams, server, **options)
    if report.failed:
        raise RuntimeError(f"{report.failed} streams failed: {report.failures}")
    return Turn(report, cpu, await _commands(redis) - before)


async def _commands(redis: RedisServer) -> int:
    """How many commands it has had."""
    return int((await redis.told("INFO", "stats"))["total_commands_processed"])


async def _elsewhere(
    place: Field, redis: RedisServer, readers: int, progress: Progress
) -> Elsewhere:
    async with AsyncExitStack() as stack:
        owner, other = [
            await stack.enter_async_context(
                started(*place.arguments(KEPT), cores=set(CORES), STREAMS_STORE=redis.url)
            )
            for _ in range(2)
        ]
        limits = httpx.Limits(max_connections=None)
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=30, limits=limits))
        with progress.step("read elsewhere", 1) as advance:
            advance(f"{readers} streams")
            found = await asyncio.gather(*(_both(client, owner, other) for _ in range(readers)))
    return Elsewhere([each for each, _ in found], [lag for _, lags in found for lag in lags])


async def _both(
    client: httpx.AsyncClient, owner: Process, other: Process
) -> tuple[float, list[float]]:
    """Read a stream where it runs, and elsewhere: the seconds to attach, and the lags."""
    here: Seen = []
    there: Seen = []
    async with client.stream("GET", owner.url + PATH) as response:
        reading = asyncio.create_task(_note(response, here))
        await asyncio.sleep(ATTACH_SECONDS)
        known, asked = len(here), time.monotonic()
        url = f"{other.url}{response.headers['location']}?{VIEW}"
        async with client.stream("GET", url) as attached:
            await _note(attached, there)
        await reading
    attach, *lags = [_came(there, position) - at for at, position in here[known - 1 :]]
    return attach + here[known - 1][0] - asked, lags


async def _note(response: httpx.Response, seen: Seen) -> None:
    """Note when which position comes. Raises RuntimeError if the stream does not end in `done`."""
    last = ""
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            seen.append((time.monotonic(), int(line.rpartition("-")[2])))
        elif line.startswith("event: "):
            last = line
    if last != "event: done":
        raise RuntimeError(f"status {response.status_code}, {last}")


def _came(seen: Sequence[tuple[float, int]], position: int) -> float:
    """When a reader came to a position."""
    return next(at for at, came in seen if came >= position)
