"""Processes are replaced one after the other, while our clients read streams from them."""

from __future__ import annotations

import asyncio
import signal

import pytest
from structured_streams import stream

from tests.support.balancer import balancer
from tests.support.cluster import Cluster, cluster
from tests.support.ideas_provider import ideas_provider
from tests.support.oracle import made_of
from tests.support.redis import redis_server

DRAIN_SECONDS = 1

WAIT_SECONDS = 2
"""The longest that a reader waits beyond what the model takes."""


class Read:
    """What a client has got. longest: between two partials, in seconds."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.attempts = 0

    async def __call__(self, url: str, topic: str) -> object:
        loop = asyncio.get_running_loop()
        ideas = stream(url, "ideas", topic=topic, count=10, interval_ms=100)
        last = loop.time()
        async for partial in ideas:
            now = loop.time()
            self.longest, last = max(self.longest, now - last), now
            self.attempts = partial.attempt
        return await ideas.final()


@pytest.mark.parametrize(
    ("number", "streams"), [(2, 12), pytest.param(3, 200, marks=pytest.mark.chaos)]
)
async def test_a_rolling_restart_costs_no_reader_anything(number: int, streams: int) -> None:
    async with (
        redis_server() as store,
        ideas_provider(0.1) as provider,
        cluster(number, store.url, provider, DRAIN_SECONDS=str(DRAIN_SECONDS)) as nodes,
        balancer(lambda: [node.url for node in nodes.running]) as front,
    ):
        reads = {f"t{index}": Read() for index in range(streams)}
        values = [asyncio.create_task(read(front.url, topic)) for topic, read in reads.items()]
        await replaced(nodes, number)
        for topic, value in zip(reads, await asyncio.gather(*values), strict=True):
            requests = provider.of(topic)
            made_of(value, requests)
            assert [it.is_whole for it in requests] == [False] * (len(requests) - 1) + [True]
            assert len(requests) == reads[topic].attempts
        assert sum(read.attempts for read in reads.values()) > streams, "nothing was cut"
        assert max(read.longest for read in reads.values()) < WAIT_SECONDS


async def replaced(nodes: Cluster, number: int) -> None:
    """Stop each of the processes, and start another one in its place."""
    for old in nodes.nodes[:number]:
        await asyncio.sleep(1)
        old.process.signal(signal.SIGTERM)
        await nodes.add()
        assert await old.process.exit_code() == 0
