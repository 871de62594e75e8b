"""Measures the effect of a large answer that comes at once on other requests, and its memory.

The model's server has an answer of 1 MB ready before it is asked. It sends it in the largest
events that the service accepts. While one reader reads the stream, a probe asks `/healthz` on a
persistent connection: if the event loop is blocked, it is answered late. Each figure is measured
in a new process, because an answer could reuse the memory of an earlier one.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

from bench.answers import answer, document_bytes, list_answer, model
from bench.process import SERVER_CORE, Process, started
from bench.progress import Progress
from tests.support.upstream import HEAD, Exchange, end, text, upstream

SIZE: Final = 1_000_000
SMALL: Final = 1_000
"""The size of an answer that is read first, so that imports and caches don't count as the large
answer's memory."""

EVENT_CHARACTERS: Final = 500_000
"""The characters of an answer in one event. As JSON they may be twice as many bytes, and the
service accepts no event over 1 MiB."""

PROBE_SECONDS: Final = 0.01
READ_BYTES: Final = 262_144
SLOW_READ: Final = (65_536, 0.05)
"""A slow reader reads this number of bytes, and then waits these seconds."""

END_BYTES: Final = 500
"""The last bytes of a response, in which an error is looked for. No error is longer, and no
document contains its name."""

READ_SECONDS: Final = 120
HEALTHY: Final = b'{"status":"ok"}'


@dataclass(frozen=True)
class Reader:
    """One way to read a stream.

    query: the query of the request
    accept: the `Accept` of the request
    slow: whether it reads little at a time
    late: whether it attaches after the stream has ended
    """

    name: str
    query: str
    accept: str = "*/*"
    slow: bool = False
    late: bool = False


VIEWS: Final = ("snapshot", "delta", "text", "ui-message", "ag-ui")
"""The readers whose view every schema has."""

ITEMS: Final = Reader("items", "view=items")
READERS: Final = [
    *(Reader(view, f"view={view}") for view in VIEWS),
    Reader("delta, interval_ms=0", "view=delta&interval_ms=0"),
    Reader("delta, slow", "view=delta", slow=True),
    Reader("delta, late", "view=delta&resumable=true", late=True),
    Reader("application/json", "", "application/json"),
]


@dataclass(frozen=True)
class Case:
    """A shape and how it is read. as_list: the result is a list of it. size: about."""

    shape: str
    reader: Reader
    as_list: bool = False
    size: int = SIZE

    @property
    def schema(self) -> str:
        return f"list_of_{self.shape}" if self.as_list else self.shape

    def text(self, size: int) -> str:
        """What the model answers."""
        return (list_answer if self.as_list else answer)(self.shape, size)

    @property
    def document_bytes(self) -> int:
        """The bytes of the final value's JSON."""
        text = self.text(self.size)
        if self.as_list:
            return document_bytes(list[model(self.shape)], text[len('{"items":') : -1])  # type: ignore[misc]
        return document_bytes(model(self.shape), text)


def cases(shapes: Sequence[str]) -> list[Case]:
    """Every shape, read in every way that it can be read."""
    members = [Case(shape, reader) for shape in shapes for reader in READERS]
    lists = [Case(shape, ITEMS, as_list=True) for shape in shapes]
    return sorted([*members, *lists], key=lambda case: shapes.index(case.shape))


@dataclass(frozen=True)
class Large:
    """What was measured of a case.

    document: the bytes of the final value
    sent: the bytes of the response
    seconds: the time from the request to the end of its response
    probes: the seconds of each `/healthz` answer during that time
    memory: the peak of the resident bytes, minus those before the stream
    """

    document: int
    sent: int
    seconds: float
    probes: list[float]
    memory: int


async def large(shapes: Sequence[str], progress: Progress, part: str = "") -> dict[Case, Large]:
    """Measure every shape in every way whose name contains `part`, one after another."""
    found = {}
    chosen = [case for case in cases(shapes) if part in case.reader.name]
    with progress.step("large answers", len(chosen)) as advance:
        for case in chosen:
            advance(f"{case.shape}, {case.reader.name}")
            found[case] = await measure(case)
    return found


async def measure(case: Case) -> Large:
    """Measure one stream in a new process. Raises RuntimeError if it does not end in `done`."""
    async with _service(case) as server:
        await _read(server, case, f"/{case.schema}?topic=a&model=small&{case.reader.query}")
        before = server.memory
        path = f"/{case.schema}?topic=a&model=large&{case.reader.query}"
        if case.reader.late:
            path = (await _read(server, case, path)).location
        server.reset_peak()
        over = asyncio.Event()
        probing = asyncio.create_task(_probe(server, over))
        began = time.monotonic()
        try:
            got = await _read(server, case, path)
        finally:
            seconds = time.monotonic() - began
            over.set()
            probes = await probing
        return Large(case.document_bytes, got.bytes, seconds, probes, server.peak - before)


@asynccontextmanager
async def _service(case: Case) -> AsyncIterator[Process]:
    """A service whose model has a large and a small answer ready."""
    answers = {"large": _written(case.text(case.size)), "small": _written(case.text(SMALL))}

    async def script(exchange: Exchange) -> None:
        await exchange.send(answers[exchange.body["model"]])

    async with (
        upstream(script) as provider,
        started(
            "bench.serve", "ours_large", provider.base_url, "large,small", cores={SERVER_CORE}
        ) as server,
    ):
        yield server


def _written(answer: str) -> bytes:
    """An answer as the model's server sends it, in the fewest events that the service accepts."""
    starts = range(0, len(answer), EVENT_CHARACTERS)
    events = [text(answer[at : at + EVENT_CHARACTERS]) for at in starts]
    return b"".join([HEAD, *events, end()])


async def _probe(server: Process, over: asyncio.Event) -> list[float]:
    """Ask `/healthz` on one connection until it is over: the seconds of each answer."""
    found: list[float] = []
    reader, writer = await asyncio.open_connection(*server.address)
    while not over.is_set():
        asked = time.monotonic()
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await reader.readuntil(HEALTHY)
        found.append(time.monotonic() - asked)
        await asyncio.sleep(max(PROBE_SECONDS - found[-1], 0))
    writer.close()
    return found


class _Response(NamedTuple):
    """bytes: how many came. location: of the stream"""

    bytes: int
    location: str


async def _read(server: Process, case: Case, path: str) -> _Response:
    """A whole response. Raises RuntimeError if it is refused or ends in an error."""
    # A thread reads it, so that reading the socket does not delay the probe.
    return await asyncio.to_thread(_read_socket, server.address, case.reader, path)


def _read_socket(address: tuple[str, int], reader: Reader, path: str) -> _Response:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {reader.accept}\r\n"
    size, pause = SLOW_READ if reader.slow else (READ_BYTES, 0)
    with socket.create_connection(address, timeout=READ_SECONDS) as connection:
        connection.sendall(f"{head}Connection: close\r\n\r\n".encode())
        first = last = connection.recv(size)
        count = len(first)
        while piece := connection.recv(size):
            count += len(piece)
            last = last[-END_BYTES:] + piece
            time.sleep(pause)
    if not first.startswith(b"HTTP/1.1 200") or b"rror" in last[-END_BYTES:]:
        raise RuntimeError(f"{path} failed: {first[:END_BYTES]!r} … {last[-END_BYTES:]!r}")
    found = re.search(rb"location: *(\S+)", first, re.IGNORECASE)
    return _Response(count, f"{found[1].decode()}?{reader.query}" if found else "")
