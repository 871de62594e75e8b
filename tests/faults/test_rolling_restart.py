"""Processes are replaced one after the other, while our clients read streams from them."""

from __future__ import annotations

import asyncio
import signal
from itertools import pairwise

import pytest
from structured_streams import stream

from tests.support.balancer import balancer
from tests.support.cluster import ProcessNode, cluster
from tests.support.ideas_provider import IdeasProvider, ideas_provider
from tests.support.oracle import extends, made_of
from tests.support.redis import redis_server

DRAIN_SECONDS = 1

WAIT_SECONDS = 2
"""The longest that a reader waits beyond those."""

PIECES = 20
"""Of each answer, which then stops until all processes have been replaced."""

chaos = pytest.mark.chaos


class Read:
    """What a client has got. restarts: when it was told of each.

    Only a restart may contradict what was shown before.
    """

    def __init__(self) -> None:
        self.restarts: list[float] = []
        self.begun = asyncio.Event()

    async def __call__(self, url: str, topic: str) -> object:
        attempt, shown = 1, None
        ideas = stream(url, "ideas", topic=topic, count=10, interval_ms=100)
        async for partial in ideas:
            self.begun.set()
            if partial.attempt > attempt:
                attempt = partial.attempt
                self.restarts.append(asyncio.get_running_loop().time())
                shown = None
            assert extends(shown, partial.value)
            shown = partial.value
        return await ideas.final()


@pytest.mark.parametrize("kind", ["redis", pytest.param("valkey", marks=chaos)])
@pytest.mark.parametrize(("number", "streams"), [(2, 12), pytest.param(3, 200, marks=chaos)])
async def test_a_rolling_restart_costs_no_reader_anything(
    kind: str, number: int, streams: int
) -> None:
    topics = [f"t{index}" for index in range(streams)]
    async with (
        redis_server(kind) as store,
        ideas_provider() as provider,
        cluster(number, store.url, provider, DRAIN_SECONDS=str(DRAIN_SECONDS)) as nodes,
        balancer(lambda: [node.url for node in nodes.running]) as front,
    ):
        for topic in topics:
            provider.stop(topic, PIECES)
        reads = {topic: Read() for topic in topics}
        values = [asyncio.create_task(read(front.url, topic)) for topic, read in reads.items()]
        for topic, read in reads.items():
            await read.begun.wait()
            await provider.has_stopped(topic)
        for old in nodes.nodes[:number]:
            await nodes.add()  # first, as `deploy/kubernetes` does it
            moved = {topic: len(provider.of(topic)) for topic in owned(provider, topics, old)}
            due = asyncio.get_running_loop().time() + DRAIN_SECONDS
            old.process.signal(signal.SIGTERM)
            assert await old.process.exit_code() == 0
            for topic, asked in moved.items():
                await provider.has_stopped(topic, asked + 1)
            waited = [reads[topic].restarts[-1] - due for topic in moved]
            if streams > 100:
                print(f"{len(moved)} moved, the last of them {max(waited, default=0):.2f} s later")
                assert max(waited, default=0) < WAIT_SECONDS
        provider.go_on()
        for topic, value in zip(topics, await asyncio.gather(*values), strict=True):
            requests = provider.of(topic)
            made_of(value, requests)
            assert len(reads[topic].restarts) == len(requests) - 1
            for cut, rest in pairwise(requests):
                assert rest.there == [*cut.there, *cut.finished]
        assert len(provider.asked) > streams


def owned(provider: IdeasProvider, topics: list[str], node: ProcessNode) -> list[str]:
    """The topics of those streams that a process generates."""
    return [topic for topic in topics if provider.of(topic)[-1].node == node.name]
