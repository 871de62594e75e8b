"""The edges of a service: behind nginx, full, and stopped while it is full.

Each round is one process. At first it is idle, and its first content is read directly and through
nginx, in turns. Then streams take all its slots, and further calls are refused. Then a signal stops
it, and its streams are ended by `DRAIN_SECONDS`.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from app.http.auth.keys import make_key
from bench.contestants import Contestant
from bench.field import Field
from bench.paced import PACE, all_at_once
from bench.process import CORES, OTHER_CORES, SERVER_CORE, Process, started
from bench.progress import Progress
from tests.support.front import Front, nginx

OURS: Final = Contestant("ours, delta", "ours", "view=delta")
DOCUMENT: Final = "list-320"
"""What takes the slots. It takes four minutes, so it outlasts each measurement."""

DRAIN_SECONDS: Final = 1
MOST_SECONDS: Final = 30
"""Nothing takes longer. If it did, the measurement would fail rather than wait."""

LOOK_SECONDS: Final = 0.05
FIRST: Final = "/list?topic=bench&model=list-1.1000"

UNAUTHORIZED, OVER_LIMIT, FULL = 401, 429, 503

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]

_stamp = re.compile(rb"t\d{15}")
_taken = re.compile(rb"^slots_taken (\S+)", re.MULTILINE)


@dataclass
class Edges:
    """Seconds of all rounds.

    streams: with which a service was full
    direct, fronted: from a request to the first content, without and with nginx
    refused: from connecting until a refusal was there, by its status
    exits: how much longer than `DRAIN_SECONDS` a full service took to end
    """

    streams: int
    direct: list[float] = field(default_factory=list)
    fronted: list[float] = field(default_factory=list)
    refused: dict[int, list[float]] = field(default_factory=dict)
    exits: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Keys:
    """The keys of two callers, of whom the first has all streams. pairs: for `API_KEYS`"""

    busy: str
    other: str
    pairs: str


async def edges(
    place: Field, rounds: int, streams: int, calls: int, progress: Progress
) -> Edges | None:
    """Measure so many rounds, with so many calls of each kind; None of no rounds.

    streams: which take all slots
    Raises RuntimeError if an answer is not the one that was expected, or if not all streams begin,
    and TimeoutError if an answer or the end takes more than `MOST_SECONDS`.
    """
    found = Edges(streams)
    with progress.step("edges", rounds) as advance:
        for number in range(rounds):
            advance(f"round {number + 1}")
            await _round(place, found, calls)
    return found if rounds else None


async def _round(place: Field, found: Edges, calls: int) -> None:
    keys = _keys()
    settings = {
        "API_KEYS": keys.pairs,
        "MAX_STREAMS": str(found.streams),
        "CALLER_STREAMS": str(found.streams),
        "MAX_QUEUED": "0",
        "DRAIN_SECONDS": str(DRAIN_SECONDS),
    }
    async with started(*place.arguments(OURS), cores={SERVER_CORE}, **settings) as server:
        await _first_contents(server, found, keys.busy, calls)
        async with _filled(place, server, found.streams, keys.busy):
            await _refusals(server, found, keys, calls)
            found.exits.append(await _exit(server) - DRAIN_SECONDS)


def _keys() -> Keys:
    (busy, first), (other, second) = make_key("busy"), make_key("other")
    return Keys(busy, other, f"{first},{second}")


async def _first_contents(server: Process, found: Edges, key: str, calls: int) -> None:
    """Read the first content of some streams, directly and through nginx in turns."""
    async with _front(server) as front:

        async def through() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            return await asyncio.open_connection("localhost", front.port, ssl=front.tls)

        ways = ((_to(server), found.direct), (through, found.fronted))
        for connect, _ in ways:  # what each does for the first time doesn't count
            await _first_content(connect, key)
        for _ in range(calls):
            for connect, seconds in ways:
                seconds.append(await _first_content(connect, key))


@asynccontextmanager
async def _front(server: Process) -> AsyncIterator[Front]:
    os.sched_setaffinity(0, OTHER_CORES)  # nginx inherits it, and leaves the server's core alone
    try:
        with TemporaryDirectory() as folder:
            async with nginx(server.url, Path(folder)) as front:
                yield front
    finally:
        os.sched_setaffinity(0, set(CORES))


def _to(server: Process) -> Connect:
    return lambda: asyncio.open_connection(*server.address)


async def _first_content(connect: Connect, key: str) -> float:
    """Seconds from a request, on an open connection, to the first content of its stream."""
    async with asyncio.timeout(MOST_SECONDS):
        reader, writer = await connect()
        asked = time.monotonic()
        writer.write(_request(FIRST, key))
        got = b""
        while not _stamp.search(got):
            piece = await reader.read(65536)
            if not piece:
                raise RuntimeError(f"there is no content in {got[:200]!r}")
            got += piece
        seconds = time.monotonic() - asked
        await reader.read()
        writer.close()
    return seconds


@asynccontextmanager
async def _filled(place: Field, server: Process, streams: int, key: str) -> AsyncIterator[None]:
    """Let streams take all slots of a server, until it ends."""
    options = all_at_once(DOCUMENT) | {"spread": 1, "headers": {"X-API-Key": key}}
    reading = asyncio.create_task(place.read(OURS, DOCUMENT, str(PACE), streams, server, **options))
    try:
        await _until_full(server, streams)
        yield
        await asyncio.wait_for(reading, MOST_SECONDS)
    finally:
        reading.cancel()


async def _until_full(server: Process, streams: int) -> None:
    until = time.monotonic() + MOST_SECONDS
    while (taken := await _slots_taken(server)) < streams:
        if time.monotonic() > until:
            raise RuntimeError(f"after {MOST_SECONDS} s, {taken:.0f} of {streams} streams run")
        await asyncio.sleep(LOOK_SECONDS)


async def _slots_taken(server: Process) -> float:
    answer = await _answer(_to(server), _request("/metrics"))
    found = _taken.search(answer)
    return float(found[1]) if found else 0


async def _refusals(server: Process, found: Edges, keys: Keys, calls: int) -> None:
    """Have calls refused, of each kind in turn."""
    kinds = {UNAUTHORIZED: "", OVER_LIMIT: keys.busy, FULL: keys.other}
    for _ in range(calls):
        for status, key in kinds.items():
            began = time.monotonic()
            answer = await _answer(_to(server), _request(FIRST, key))
            found.refused.setdefault(status, []).append(time.monotonic() - began)
            if not answer.startswith(b"HTTP/1.1 %d " % status):
                raise RuntimeError(f"expected {status}, and not {answer[:200]!r}")


async def _exit(server: Process) -> float:
    """Stop a server. Gives the seconds until its process has ended."""
    began = time.monotonic()
    server.process.terminate()
    await asyncio.wait_for(server.process.wait(), MOST_SECONDS)
    return time.monotonic() - began


async def _answer(connect: Connect, request: bytes) -> bytes:
    """A whole answer, on a connection of its own."""
    async with asyncio.timeout(MOST_SECONDS):
        reader, writer = await connect()
        writer.write(request)
        answer = await reader.read()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return answer


def _request(path: str, key: str = "") -> bytes:
    told = f"X-API-Key: {key}\r\n" if key else ""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{told}\r\n".encode()
