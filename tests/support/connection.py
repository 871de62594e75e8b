"""A client that reads a stream event by event, and may leave at any time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx

from tests.support.client import SECONDS
from tests.support.http_client import http_client

NDJSON = "application/x-ndjson"


class Event(NamedTuple):
    """event: None for a plain message."""

    event: str | None
    data: Any
    id: str | None

    @property
    def position(self) -> int:
        assert self.id is not None
        return int(self.id.split("-")[1])


class Connection:
    """A response that is being read, in either format. seconds: how long an event may take."""

    def __init__(self, response: httpx.Response, seconds: float = SECONDS) -> None:
        self.response = response
        self._seconds = seconds
        self._lines = response.headers["content-type"] == NDJSON
        self._texts = response.aiter_text()
        self._rest = ""

    @property
    def stream(self) -> str:
        return self.response.headers["location"].removeprefix("/streams/")

    async def next(self) -> Event | None:
        """The next event that is no heartbeat; None at the end."""
        while (event := await self._next()) is not None and event.event == "ping":
            assert event == Event("ping", None, None)
        return event

    async def _next(self) -> Event | None:
        end = "\n" if self._lines else "\n\n"
        async with asyncio.timeout(self._seconds):
            while end not in self._rest:
                piece = await anext(self._texts, None)
                if piece is None:
                    assert not self._rest, "the stream ends in the middle of a message"
                    return None
                self._rest += piece
        message, self._rest = self._rest.split(end, 1)
        return _line(message) if self._lines else _message(message)

    async def rest(self) -> list[Event]:
        """All that is still to come."""
        found = []
        while event := await self.next():
            found.append(event)
        return found


def _line(line: str) -> Event:
    found = json.loads(line)
    event = None if found["event"] == "message" else found["event"]
    return Event(event, found["data"], found.get("id"))


def _message(message: str) -> Event:
    fields = dict(line.split(": ", 1) for line in message.split("\n"))
    return Event(fields.get("event"), json.loads(fields["data"]), fields.get("id"))


@asynccontextmanager
async def connected(
    url: str, method: str = "GET", *, json: Any = None, **headers: str
) -> AsyncIterator[Connection]:
    """A new connection, which is cut off at the end. `_` in a header's name stands for `-`."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        http_client(timeout=SECONDS, headers={"X-Request-ID": "R", **headers}) as client,
        client.stream(method, url, json=json) as response,
    ):
        assert response.status_code == 200, (response.status_code, await response.aread())
        yield Connection(response)


async def asked(
    url: str, method: str = "GET", *, json: Any = None, **headers: str
) -> httpx.Response:
    """A whole response."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    async with http_client(timeout=SECONDS, headers={"X-Request-ID": "R", **headers}) as it:
        return await it.request(method, url, json=json)


async def code(url: str, method: str = "GET", **options: Any) -> tuple[int, str]:
    """The status, and the code of the problem if there is one."""
    answer = await asked(url, method, **options)
    return answer.status_code, answer.json()["code"] if answer.content else ""
