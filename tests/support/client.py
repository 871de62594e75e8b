"""A reader of streams that takes them message by message."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.support.http_client import http_client

SECONDS = 10
"""A test fails if it has waited this long for a message."""


class Reader:
    """A response that streams. Messages are text without the blank line; see `shown`."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._texts = response.aiter_text()
        self._rest = ""

    async def next(self) -> str:
        """The next message; "" at the end."""
        async with asyncio.timeout(SECONDS):
            while "\n\n" not in self._rest:
                piece = await anext(self._texts, None)
                if piece is None:
                    assert not self._rest, "the stream ends in the middle of a message"
                    return ""
                self._rest += piece
        message, self._rest = self._rest.split("\n\n", 1)
        return shown(message)

    async def until(self, start: str) -> str:
        """The next message with this beginning; the messages before it are dropped."""
        while message := await self.next():
            if message.startswith(start):
                return message
        raise AssertionError(f"the stream has no {start!r}")

    async def rest(self) -> str:
        """All that is still to come."""
        messages = []
        while message := await self.next():
            messages.append(message + "\n\n")
        return "".join(messages)


@asynccontextmanager
async def reading(url: str, **headers: str) -> AsyncIterator[Reader]:
    """A reader of the stream at this address, which has read `start` already."""
    headers = {"X-Request-ID": "R", **headers}
    async with (
        http_client(timeout=SECONDS, headers=headers) as client,
        client.stream("GET", url) as response,
    ):
        assert response.status_code == 200, await response.aread()
        reader = Reader(response)
        assert (await reader.next()).startswith("event: start")
        yield reader


async def read(url: str, **headers: str) -> str:
    """All of a stream after `start`."""
    async with reading(url, **headers) as reader:
        return await reader.rest()


async def refused(url: str, **headers: str) -> httpx.Response:
    """The response of a call that begins no stream."""
    async with http_client(timeout=SECONDS, headers=headers) as client:
        return await client.get(url)


def shown(message: str) -> str:
    """The message without `id`, because positions depend on how the text was cut."""
    return re.sub(r"\nid: [0-9A-Za-z]{22}-\d+$", "", message)
