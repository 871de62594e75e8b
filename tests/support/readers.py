"""Readers that follow streams to their ends, from process to process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import httpx

from tests.support.connection import Connection, Event
from tests.support.http_client import http_client
from tests.support.oracle import Reading, Response

PAUSE = 0.05
"""Seconds before a reader comes back."""

SECONDS = 60
"""A test fails if a stream has not ended after this time."""


class Place(Protocol):
    """Where the service can be called."""

    name: str
    url: str


class Reader:
    """A reader of one stream. reading: what it has got so far.

    places: says where it may come back to
    """

    def __init__(
        self, client: httpx.AsyncClient, path: str, view: str, places: Callable[[], Sequence[Place]]
    ) -> None:
        self.reading = Reading(view)
        self.stream: str | None = None
        self.task: asyncio.Task[None]
        self._client = client
        self._path = path
        self._places = places
        self._last: str | None = None
        self._news = asyncio.Event()

    @property
    def events(self) -> list[Event]:
        """All events of all its responses."""
        return [event for response in self.reading.responses for event in response.events]

    @property
    def position(self) -> int:
        """Of the last event that has one."""
        return -1 if self._last is None else int(self._last.rsplit("-", 1)[1])

    async def sees(self, condition: Callable[[Reader], bool], seconds: float = SECONDS) -> None:
        """Wait until a condition holds of what it has got."""
        async with asyncio.timeout(seconds):
            while not condition(self):
                assert not self.task.done(), self.reading
                self._news.clear()
                await self._news.wait()

    async def sees_event(self, name: str, times: int = 1, seconds: float = SECONDS) -> None:
        """Wait until it has got so many events of this name."""
        await self.sees(lambda it: [e.event for e in it.events].count(name) >= times, seconds)

    async def read(self, place: Place) -> None:
        """Read to the end, and come back whenever a response has none."""
        while self.reading.end is None:
            with suppress(httpx.TransportError):
                await self._read(place)
            if self.reading.end is None:
                await asyncio.sleep(PAUSE)
                here = [it for it in self._places() if it.name != place.name]
                place = here[0] if here else place

    async def _read(self, place: Place) -> None:
        back = {} if self._last is None else {"Last-Event-ID": self._last}
        response = Response(place.name, self.position if back else None)
        self.reading.responses.append(response)
        async with self._client.stream("GET", place.url + self._path, headers=back) as answer:
            response.status = answer.status_code
            assert answer.status_code in (200, 503), (answer.status_code, await answer.aread())
            if answer.status_code == 200:
                await self._take(Connection(answer), response)

    async def _take(self, connection: Connection, response: Response) -> None:
        while event := await connection.next():
            response.events.append(event)
            if event.event == "start":
                self.stream = connection.stream
                self._path = f"/streams/{self.stream}?view={self.reading.view}&interval_ms=0"
            self._last = event.id or self._last
            self._news.set()


class Readers:
    """All readers of a test."""

    def __init__(self, client: httpx.AsyncClient, places: Callable[[], Sequence[Place]]) -> None:
        self.all: list[Reader] = []
        self._client = client
        self._places = places

    def begin(self, place: Place, topic: str, *, count: int = 5, view: str = "delta") -> Reader:
        """Begin a stream of ideas."""
        query = f"topic={topic}&count={count}&interval_ms=0&view={view}"
        return self._reader(place, f"/ideas?{query}&resumable=true&idempotency_key={topic}", view)

    def attach(self, place: Place, stream: str, *, view: str = "delta") -> Reader:
        """Read a stream that there is."""
        return self._reader(place, f"/streams/{stream}?view={view}&interval_ms=0", view)

    async def end(self, found: Iterable[Reader], seconds: float = SECONDS) -> None:
        """Wait until these have read to their ends."""
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(reader.task for reader in found))

    def _reader(self, place: Place, path: str, view: str) -> Reader:
        reader = Reader(self._client, path, view, self._places)
        reader.task = asyncio.create_task(reader.read(place))
        self.all.append(reader)
        return reader


@asynccontextmanager
async def readers(places: Callable[[], Sequence[Place]]) -> AsyncIterator[Readers]:
    """places: says where a reader may come back to."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with http_client(timeout=SECONDS, limits=limits) as client:
        every = Readers(client, places)
        try:
            yield every
        finally:
            for reader in every.all:
                reader.task.cancel()
            await asyncio.gather(*(it.task for it in every.all), return_exceptions=True)
