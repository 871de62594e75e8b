"""The readers: a process that reads many streams at once and notes what it sees, and when.

    python -m bench.client

Reads one `Job` from each line of stdin, and writes a `Report` for each to stdout. It parses as
little as it can of a body: the ends of messages, the upstream's stamp, and the newest word.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlsplit

import httptools
import msgspec
import uvloop

from bench.documents import END, document

BODY: Final = b'{"topic":"bench"}'
LAST: Final = END.rstrip().encode()
LOOKS: Final = 8
"""How many of the last words to look at: some of them may be field names of events."""

_stamp = re.compile(rb"t(\d{15})")


class Job(msgspec.Struct):
    """Read `streams` streams of `url`.

    document: the document that the model writes
    pace: chunks a second; 0 for as fast as possible
    at_once: how many streams run at a time; 0: all of them, begun evenly within `spread` seconds
    timeout: seconds for one stream
    headers: of each request, beside those that there always are
    """

    url: str
    document: str
    streams: int
    pace: float = 0
    at_once: int = 1
    spread: float = 0
    timeout: float = 60
    headers: dict[str, str] = {}


class Report(msgspec.Struct):
    """What was seen.

    failures: why streams failed (the first few), and how many failed
    first: seconds from the connection to the first content, for each stream
    seconds: seconds from the connection to the end, for each stream
    newest: the age in seconds of the newest text in each piece that came (p50 and p99)
    every: the age in seconds of every chunk when it was first seen (p50 and p99)
    """

    failed: int = 0
    failures: list[str] = []
    messages: float = 0
    bytes: float = 0
    first: list[float] = []
    seconds: list[float] = []
    newest: tuple[float, float] = (0, 0)
    every: tuple[float, float] = (0, 0)


class Reader(asyncio.Protocol):
    """One stream. `done` resolves when it has ended; `failure` says whether and how it failed."""

    def __init__(self, job: Job, request: bytes) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self.failure: str | None = "cut off"
        self.messages = 0
        self.bytes = 0
        self.first = 0.0
        self.stamp = 0.0
        self.seen: list[tuple[float, int]] = []
        """The times at which newer words came, with the chunks that they complete."""
        self._transport: Any = None
        self._words = document(job.document).words
        self._request = request
        self._newest = -1
        self._last = b""
        self._whole = False
        self._status = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._parser = httptools.HttpResponseParser(self)
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.over(self.failure)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.over(str(error))

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.bytes += len(body)
        self.messages += body.count(b"\n\n") + (self._last == b"\n" and body.startswith(b"\n"))
        self._last = b"" if body.endswith(b"\n\n") else body[-1:]
        if not self.stamp:
            self._look_for_the_stamp(body)
        self._look_for_words(body)

    def _look_for_words(self, body: bytes) -> None:
        at = len(body)
        for _ in range(LOOKS):
            at = body.rfind(b" ", 0, at)
            word = body[max(at - 3, 0) : max(at, 0)]
            if word == LAST:
                self._whole = True
            chunk = self._words.get(word)
            if chunk is not None and chunk > self._newest:
                self._newest = chunk
                self.seen.append((time.monotonic(), chunk))
            if chunk is not None or word == LAST or at < 0:
                return

    def _look_for_the_stamp(self, body: bytes) -> None:
        if found := _stamp.search(body):
            self.stamp = int(found[1]) / 1e6
            self.first = time.monotonic()

    def on_message_complete(self) -> None:
        if self._status != 200:
            self.over(f"status {self._status}")
        else:
            self.over(None if self._whole else "the end of the document never came")

    def over(self, failure: str | None) -> None:
        if not self.done.done():
            self.failure = failure
            self.done.set_result(None)
            if self._transport is not None:
                self._transport.abort()


class Crowd:
    """The readers of one job."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._readers: list[Reader] = []
        self._first: list[float] = []
        self._seconds: list[float] = []
        self._failures: list[str] = []
        parts = urlsplit(job.url)
        host, port = parts.netloc.split(":")
        self._address = (host, int(port))
        head = (
            f"POST {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
        )
        head += "".join(f"{name}: {value}\r\n" for name, value in job.headers.items())
        self._request = f"{head}\r\n".encode() + BODY

    async def read(self) -> Report:
        """Do the job."""
        job = self._job
        if job.at_once:
            shares = [len(range(at, job.streams, job.at_once)) for at in range(job.at_once)]
            await asyncio.gather(*map(self._some, shares))
        else:
            await asyncio.gather(*map(self._later, range(job.streams)))
        return self._report()

    async def _some(self, count: int) -> None:
        for _ in range(count):
            await self._one()

    async def _later(self, number: int) -> None:
        await asyncio.sleep(number * self._job.spread / self._job.streams)
        await self._one()

    async def _one(self) -> None:
        began = time.monotonic()
        reader = Reader(self._job, self._request)
        try:
            async with asyncio.timeout(self._job.timeout):
                loop = asyncio.get_running_loop()
                await loop.create_connection(lambda: reader, *self._address)
                await reader.done
        except TimeoutError:
            reader.over(f"took more than {self._job.timeout} s")
        except OSError as error:
            reader.failure = str(error)
        if reader.failure is not None:
            self._failures.append(reader.failure)
        else:
            self._readers.append(reader)
            self._first.append(reader.first - began)
            self._seconds.append(time.monotonic() - began)

    def _report(self) -> Report:
        newest, every = _delays(self._job, self._readers) if self._job.pace else ([], [])
        count = max(len(self._readers), 1)
        return Report(
            failed=len(self._failures),
            failures=self._failures[:3],
            messages=sum(reader.messages for reader in self._readers) / count,
            bytes=sum(reader.bytes for reader in self._readers) / count,
            first=self._first,
            seconds=self._seconds,
            newest=_both(newest),
            every=_both(every),
        )


def _delays(job: Job, readers: list[Reader]) -> tuple[list[float], list[float]]:
    """The delays of the newest chunk in each piece, and of every chunk when it was first seen."""
    stamped = document(job.document).preamble
    words = set(document(job.document).words.values())
    newest, every = [], []
    for reader in readers:
        for (_, before), (at, chunk) in pairwise([(0.0, stamped), *reader.seen]):
            late = at - reader.stamp - (chunk - stamped) / job.pace
            newest.append(late)
            every += [
                late + (chunk - one) / job.pace
                for one in range(before + 1, chunk + 1)
                if one in words  # a chunk between words can't be recognized by itself
            ]
    return newest, every


def _both(numbers: list[float]) -> tuple[float, float]:
    """p50 and p99."""
    return percentile(numbers, 50), percentile(numbers, 99)


def percentile(numbers: list[float], which: int) -> float:
    """The number that so many in a hundred don't exceed; 0 of none."""
    return sorted(numbers)[(len(numbers) - 1) * which // 100] if numbers else 0.0


async def main() -> None:
    decode = msgspec.json.Decoder(Job).decode
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        sys.stdout.buffer.write(msgspec.json.encode(await Crowd(decode(line)).read()) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(main())
