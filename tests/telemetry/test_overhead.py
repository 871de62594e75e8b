"""What the service says that it adds to the first content: no more than a client sees.

A client and a provider that know when they have sent and received what measure the same from
outside: from the request that the client has sent to the one that the provider has received, and
from the content that the provider has sent to the one that the client has received.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.callers import KEYED, WEB, bearer
from tests.support.http_client import http_client
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, Exchange, Upstream, end, text, upstream

asynchronous = pytest.mark.asyncio(loop_scope="module")

BODY = b'{"topic": "figs", "count": 1}'
ANSWER = '{"items": [{"title": "Figs", "blurb": "Sweet."}]}'
LONG = 0.2
"""How long whoever the service waits for takes, in seconds."""


class Place:
    """A service, a client and a provider, which share a clock."""

    def __init__(self, service: Service, client: httpx.AsyncClient, provider: Upstream) -> None:
        self.service = service
        self.client = client
        self.provider = provider
        self.now = perf_counter
        self.asked = self.answered = self.sent = self.received = 0.0

    async def answer(self, exchange: Exchange, wait: float) -> None:
        """Answer as the provider, after a while."""
        self.asked = self.now()
        await exchange.send(HEAD)
        await asyncio.sleep(wait)
        self.answered = self.now()
        await exchange.send(text(ANSWER), end())
        exchange.eof()

    async def read(self, body: Any) -> None:
        """Send a request and read its stream, as the client."""
        headers = {**bearer(WEB), "Content-Type": "application/json"}
        async with self.client.stream("POST", "/ideas", content=body, headers=headers) as response:
            async for line in response.aiter_lines():
                if line.startswith('data: [{"title"') and not self.received:
                    self.received = self.now()

    async def body(self, wait: float) -> AsyncIterator[bytes]:
        """The body of a request, whose second half comes after a while."""
        yield BODY[:9]
        await asyncio.sleep(wait)
        self.sent = self.now()
        yield BODY[9:]

    @property
    def seen(self) -> float:
        """The overhead, as it is seen from outside."""
        return self.asked - self.sent + self.received - self.answered


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place() -> AsyncIterator[Place]:
    async with (
        upstream() as provider,
        running(
            **KEYED, openai_base_url=provider.base_url, max_streams=1, queue_seconds=60
        ) as service,
        http_client(base_url=service.url, timeout=20) as client,
    ):
        yield Place(service, client, provider)


def told(place: Place) -> float:
    """The sum of what the service has told."""
    lines = place.service.app.state.telemetry.exposition().decode().splitlines()
    name = 'overhead_first_content_seconds_sum{schema="ideas"} '
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


async def streamed(place: Place, *, body: float = 0, provider: float = 0) -> float:
    """What the service tells of one stream."""
    before = told(place)
    place.received = 0.0
    reading = asyncio.create_task(place.read(place.body(body)))
    await place.answer(await place.provider.next(), provider)
    await reading
    await eventually(lambda: not len(place.service.streams))
    return told(place) - before


@asynchronous
async def test_it_is_more_than_nothing_and_no_more_than_a_client_sees(place: Place) -> None:
    for _ in range(5):
        assert 0 < await streamed(place) <= place.seen


@asynchronous
async def test_what_the_provider_and_the_client_take_is_not_in_it(place: Place) -> None:
    assert 0 < await streamed(place, body=LONG, provider=LONG) <= place.seen


@asynchronous
async def test_what_waiting_for_a_slot_takes_is_not_in_it(place: Place) -> None:
    admission = place.service.app.state.admission
    slot = admission.slots.ask()
    waiting = asyncio.create_task(streamed(place))
    await eventually(lambda: admission.slots.waiting == 1)
    await asyncio.sleep(LONG)
    admission.slots.give_back(slot)
    assert 0 < await waiting <= place.seen - LONG
    metrics = place.service.app.state.telemetry.exposition().decode()
    waited = next(
        float(line.split()[1])
        for line in metrics.splitlines()
        if line.startswith("slot_wait_seconds_sum")
    )
    assert LONG <= waited <= place.seen


@asynchronous
async def test_each_message_with_content_is_measured_once(place: Place) -> None:
    count = 'overhead_message_seconds_count{view="snapshot"}'
    metrics = place.service.app.state.telemetry.exposition().decode()
    before = next(line for line in metrics.splitlines() if line.startswith(count))
    await streamed(place)
    metrics = place.service.app.state.telemetry.exposition().decode()
    after = next(line for line in metrics.splitlines() if line.startswith(count))
    assert float(after.split()[1]) == float(before.split()[1]) + 1
