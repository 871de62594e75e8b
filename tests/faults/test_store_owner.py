"""What befalls the process that generates a stream, while others have its readers.

Each process is one of its own, which the tests kill, stop and replace. The oracle
(`tests/support/oracle.py`) judges what all readers were shown.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from app.store.health import LEASE_SECONDS
from tests.support.cluster import Node, ProcessNode
from tests.support.ideas_provider import Asked
from tests.support.oracle import Reading, extends, states
from tests.support.readers import Reader
from tests.support.redis import RedisServer, redis_server
from tests.support.scene import process_and_service, processes
from tests.views.played import UNKNOWN

chaos = pytest.mark.chaos
SERVERS = ["redis", pytest.param("valkey", marks=chaos)]

TAKEOVER_SECONDS = LEASE_SECONDS + 1
"""The longest time until a reader elsewhere is told that another process goes on."""

PIECES = 33
"""Of an answer: behind the last of them its end alone is missing, or a few characters."""

SLACK = 5
"""Seconds, for a machine that is busy with other tests."""


@pytest.fixture(params=SERVERS)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[RedisServer]:
    async with redis_server(request.param) as server:
        yield server


def elsewhere(found: Sequence[Reader], owner: Node) -> list[Reader]:
    """The readers that another process serves."""
    return [it for it in found if it.reading.responses[0].node != owner.name]


async def caught_up(asked: Asked, found: Sequence[Reader]) -> None:
    """Wait until all have been shown what was written: nobody has read more than the store has.

    Those of items know less, and are not looked at.
    """
    for reader in found:
        if reader.reading.view != "items":
            await reader.sees(
                lambda it: not asked.shown or extends(asked.shown, newest(it.reading))
            )


def newest(reading: Reading) -> Any:
    """The value that a reader knows."""
    return [UNKNOWN, *(value for _, value in states(reading))][-1]


def items(found: Sequence[Reader]) -> list[object]:
    """The elements that were shown to a reader of items."""
    reader = next(it for it in found if it.reading.view == "items")
    return [event.data for event in reader.events if event.event == "item"]


# -- it is killed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "number"), [(5, 2), pytest.param(1, 3, marks=chaos)], ids=["some", "each"]
)
async def test_an_owner_may_be_killed_at_each_entry(
    store: RedisServer, step: int, number: int
) -> None:
    """Each stream is at another entry of its answer when their owner is killed."""
    async with processes(store.url, number) as play:
        await play.settled()
        owner = play.nodes[0]
        ended = await play.begin("whole")
        await play.ends("whole", ended)
        stops = {f"k{pieces}": pieces for pieces in range(0, PIECES, step)}
        running = {topic: await play.begin(topic, pieces) for topic, pieces in stops.items()}
        shown = {}
        for topic, found in running.items():
            await caught_up(play.provider.of(topic)[-1], found)
            shown[topic] = items(found)
        await owner.kill()
        play.provider.go_on()
        async with asyncio.timeout(TAKEOVER_SECONDS + SLACK):
            for found in running.values():
                for reader in elsewhere(found, owner):
                    await reader.sees_event("restart")
        for topic, found in running.items():
            await play.ends(topic, found, asked=2)
            assert play.provider.of(topic)[1].there == shown[topic]
        ended.append(play.attach(ended[0], play.nodes[1]))
        await play.ends("whole", ended)


async def test_a_reader_may_have_read_more_than_its_dead_owner_has_stored(
    store: RedisServer,
) -> None:
    async with processes(store.url) as play:
        play.provider.stop("figs", 12)
        reader = play.readers.begin(play.nodes[0], "figs")
        await play.provider.has_stopped("figs")
        other = play.attach(reader, play.nodes[1])
        await caught_up(play.provider.of("figs")[-1], [reader, other])
        await store.told("CONFIG", "SET", "maxmemory", 1)
        await play.provider.write("figs", 24)
        stored = reader.position
        await reader.sees(lambda it: it.position > stored)
        await play.nodes[0].kill()
        await store.told("CONFIG", "SET", "maxmemory", 0)
        await play.ends("figs", [reader, other], asked=2)


@chaos
async def test_a_stream_is_taken_over_twice_at_most(store: RedisServer) -> None:
    async with processes(store.url, 4) as play:
        await play.settled()
        running = await play.begin("figs", 12)
        for asked in range(1, 4):
            await play.provider.has_stopped("figs", asked)
            await caught_up(play.provider.of("figs")[-1], running)
            name = play.provider.of("figs")[-1].node
            await next(node for node in play.nodes if node.name == name).kill()
        end = await play.ends("figs", running, asked=3)
        assert end.event == "error"


@chaos
async def test_a_store_that_is_lost_with_the_owner_gets_the_stream_from_its_readers(
    store: RedisServer,
) -> None:
    async with processes(store.url) as play:
        await play.settled()
        owner = play.nodes[0]
        running = await play.begin("figs", 12)
        await caught_up(play.provider.of("figs")[-1], running)
        shown = items(running)
        await asyncio.gather(store.kill(), owner.kill())
        await store.start()
        await play.ends("figs", running, asked=2)
        assert play.provider.of("figs")[1].there == shown


# -- it stands still --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends_before", "seconds"),
    [
        (True, 1 + SLACK),
        pytest.param(True, 1, marks=chaos),
        pytest.param(False, 1, marks=chaos),
    ],
)
async def test_an_owner_that_was_thought_dead_reads_what_another_writes(
    store: RedisServer, ends_before: bool, seconds: float
) -> None:
    """seconds: within which it closes its provider, once it goes on"""
    async with process_and_service(store.url) as play:
        await play.settled()
        owner = play.nodes[0]
        assert isinstance(owner, ProcessNode)
        running = await play.begin("figs", 12)
        owner.pause()
        [other, *_] = elsewhere(running, owner)
        await other.sees_event("restart", seconds=TAKEOVER_SECONDS + SLACK)
        await play.provider.has_stopped("figs", 2)
        if ends_before:
            play.provider.go_on()
            await other.sees_event("done")
        first, second = play.provider.of("figs")
        assert (first.node, second.node) == (play.nodes[0].name, play.nodes[1].name)
        assert not first.exchange.closed.is_set()
        owner.resume()
        await first.exchange.is_closed(seconds)
        await play.ends("figs", running, asked=2)


@chaos
@pytest.mark.parametrize("seconds", [1, 3])
async def test_an_owner_that_stands_still_within_its_lease_keeps_it(
    store: RedisServer, seconds: float
) -> None:
    async with processes(store.url) as play:
        await play.settled()
        running = await play.begin("figs", 12)
        play.nodes[0].pause()
        await asyncio.sleep(seconds)
        play.nodes[0].resume()
        await play.ends("figs", running)


# -- it is replaced ---------------------------------------------------------------------------


async def test_what_runs_beyond_the_drain_goes_on_elsewhere_at_once(store: RedisServer) -> None:
    async with processes(store.url, DRAIN_SECONDS="0.2") as play:
        await play.settled()
        owner = play.nodes[0]
        running = await play.begin("figs", 30)
        await caught_up(play.provider.of("figs")[-1], running)
        shown = items(running)
        owner.process.signal(signal.SIGTERM)
        [other, *_] = elsewhere(running, owner)
        await other.sees_event("restart", seconds=1 + SLACK)
        assert await owner.process.exit_code() == 0
        await play.ends("figs", running, asked=2)
        assert play.provider.of("figs")[1].there == shown
