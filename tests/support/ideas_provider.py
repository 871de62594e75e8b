"""A provider that writes ideas at a pace, stops where a test wants it, and knows who asks.

Each process of a test asks with a key of its own. An idea says how often the provider was asked
for its topic before it was written, so a value shows which answers it is made of.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic_core import from_json

from app.demo.request import find_elements, find_topic
from tests.support.upstream import HEAD, Exchange, end, text, upstream

PIECE = 8
"""The characters of a piece of an answer."""

SECONDS = 30
"""A test fails if an answer does not come to where it is to stop."""


def idea(topic: str, index: int, asked: int) -> dict[str, str]:
    """The idea at an index of a list, from the answer to the request with this number, from 1."""
    return {"title": f"{topic} {index}", "blurb": f"Idea {index} of answer {asked}."}


@dataclass(eq=False)
class Asked:
    """A request to the provider. node: who asks. there: the elements that it quotes."""

    exchange: Exchange
    node: str
    topic: str
    there: list[Any]
    count: int
    number: int
    written: int = 0
    """How many pieces of its answer were written."""

    @property
    def ideas(self) -> list[dict[str, str]]:
        """All that it asks for."""
        indices = range(len(self.there), len(self.there) + self.count)
        return [idea(self.topic, index, self.number) for index in indices]

    @cached_property
    def _answer(self) -> str:
        return json.dumps({"items": self.ideas})

    @cached_property
    def pieces(self) -> list[bytes]:
        """What is written one after the other. The last one is the answer's end."""
        texts = [self._answer[at : at + PIECE] for at in range(0, len(self._answer), PIECE)]
        return [*map(text, texts), end(usage=(7, len(texts)))]

    @property
    def shown(self) -> list[Any]:
        """What can be shown once all that was written has come, but for what is empty."""
        text = self._answer[: self.written * PIECE]
        found = from_json(text, allow_partial="trailing-strings") if text else {}
        items = [{name: it for name, it in item.items() if it} for item in found.get("items", [])]
        return [*self.there, *filter(None, items)]

    @property
    def finished(self) -> list[dict[str, str]]:
        """Those ideas that were written to their ends."""
        return self.ideas[: self._answer[: self.written * PIECE].count("}")]


class IdeasProvider:
    """base_url: for an OpenAI client. asked: all requests so far.

    seconds: between two pieces of an answer
    """

    def __init__(self, seconds: float) -> None:
        self.base_url = ""
        self.asked: list[Asked] = []
        self.seconds = seconds
        self._numbers: Counter[str] = Counter()
        self._stops: dict[str, int] = {}
        self._changed = asyncio.Event()

    def stop(self, topic: str, pieces: int) -> None:
        """Write so many pieces of each answer on a topic and no more, until told otherwise."""
        self._stops[topic] = pieces
        self._tell()

    def go_on(self, *topics: str) -> None:
        """Write all that is left of the answers on these topics, or on all."""
        for topic in topics or tuple(self._stops):
            self._stops.pop(topic, None)
        self._tell()

    async def write(self, topic: str, pieces: int) -> None:
        """Write so many pieces of the last answer on a topic. Returns when they are written."""
        self.stop(topic, pieces)
        await self.has_stopped(topic)

    async def has_stopped(self, topic: str, number: int = 1) -> None:
        """Wait until the last answer on a topic has come to where it is to stop.

        number: of the request, at least
        """
        async with asyncio.timeout(SECONDS):
            while not self._has_stopped(topic, number):
                await self._changed.wait()

    def _has_stopped(self, topic: str, number: int) -> bool:
        asked = self.of(topic)
        return len(asked) >= number and asked[-1].written >= self._stops[topic]

    def of(self, topic: str) -> list[Asked]:
        """The requests for a topic."""
        return [asked for asked in self.asked if asked.topic == topic]

    async def script(self, exchange: Exchange) -> None:
        asked = self._read(exchange)
        self.asked.append(asked)
        await exchange.send(HEAD)
        self._tell()
        for piece in asked.pieces:
            while asked.written >= self._stops.get(asked.topic, len(asked.pieces)):
                await self._changed.wait()
            if exchange.closed.is_set():
                return
            await exchange.send(piece)
            asked.written += 1
            self._tell()
            await asyncio.sleep(self.seconds)

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _read(self, exchange: Exchange) -> Asked:
        messages = exchange.body["messages"]
        topic = find_topic(messages)
        self._numbers[topic] += 1
        count = re.search(r"Suggest (\d+) ideas", messages[-1]["content"])
        node = re.search(r"(?i)^authorization: Bearer (\S+)", exchange.head, re.MULTILINE)
        assert count
        assert node
        there = find_elements(messages)
        return Asked(exchange, node[1], topic, there, int(count[1]), self._numbers[topic])


@asynccontextmanager
async def ideas_provider(seconds: float = 0.02) -> AsyncIterator[IdeasProvider]:
    """A provider that runs. seconds: between two pieces of an answer."""
    writer = IdeasProvider(seconds)
    async with upstream(writer.script) as server:
        writer.base_url = server.base_url
        try:
            yield writer
        finally:
            writer.go_on()
