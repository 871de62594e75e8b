"""What befalls a store that processes share, and what readers then see.

In each test a stream is begun on one service and read on two, in every view. An oracle
(`tests/support/oracle.py`) judges what all its readers were shown.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis.exceptions import ResponseError
from structlog.testing import capture_logs

from app.redis.link import ANSWER_SECONDS
from app.store.health import LEASE_SECONDS
from app.store.ids import read_id
from app.store.shard import STALE_SECONDS
from tests.support.connection import asked, code
from tests.support.proxy import Proxy, proxy
from tests.support.readers import SECONDS, readers
from tests.support.redis import RedisServer, redis_server
from tests.support.scene import scene
from tests.support.sentinel import watched
from tests.support.service import eventually

chaos = pytest.mark.chaos
SERVERS = ["redis", pytest.param("valkey", marks=chaos)]


@pytest.fixture(params=SERVERS)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[RedisServer]:
    async with redis_server(request.param) as server:
        yield server


# -- it does not answer -----------------------------------------------------------------------


async def stopped(store: RedisServer, seconds: float) -> None:
    store.pause()
    await asyncio.sleep(seconds)
    store.resume()


async def clients_paused(store: RedisServer, seconds: float) -> None:
    await store.told("CLIENT", "PAUSE", round(seconds * 1000), "ALL")
    await asyncio.sleep(seconds)


async def asleep(store: RedisServer, seconds: float) -> None:
    await store.told("DEBUG", "SLEEP", seconds)


async def busy(store: RedisServer, seconds: float) -> None:
    """Let somebody else's script run, so that all others are told to come later."""
    await store.told("CONFIG", "SET", "lua-time-limit", 10)
    script = asyncio.create_task(store.told("EVAL", "while true do end", 0))
    await asyncio.sleep(seconds)
    await store.told("SCRIPT", "KILL")
    with pytest.raises(ResponseError):
        await script


@pytest.mark.parametrize(
    "seconds", [0.5, pytest.param(3, marks=chaos), pytest.param(10, marks=chaos)]
)
async def test_a_store_that_pauses_costs_no_stream_anything(
    store: RedisServer, seconds: float
) -> None:
    async with scene(store.url) as play:
        await play.settled()
        for pause in (stopped, clients_paused, asleep, busy):
            running = await play.begin(f"{pause.__name__}-figs", 12)
            going = await play.begin(f"{pause.__name__}-nuts")
            pausing = asyncio.create_task(pause(store, seconds))
            await asyncio.sleep(seconds / 2)
            await play.ends(f"{pause.__name__}-figs", running)
            await play.ends(f"{pause.__name__}-nuts", going)
            await pausing


@asynccontextmanager
async def down(store: RedisServer) -> AsyncIterator[None]:
    await store.kill()
    yield
    await store.start()


@asynccontextmanager
async def silent(store: RedisServer) -> AsyncIterator[None]:
    store.pause()
    yield
    store.resume()


Failure = Callable[[RedisServer], AbstractAsyncContextManager[None]]


@pytest.mark.parametrize("fails", [down, silent])
async def test_what_begins_while_the_store_is_down_is_told_so(
    store: RedisServer, fails: Failure
) -> None:
    """The refused call is not counted: the one stream in a minute can still begin."""
    async with scene(store.url, caller_streams_per_minute=1) as play:
        running = await play.begin("figs", 12)
        with capture_logs() as logs:
            async with fails(store):
                for node in play.nodes:
                    answer = await asked(f"{node.url}/ideas?topic=nuts&resumable=true")
                    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
                    assert answer.json()["retryable"]
                    assert int(answer.headers["retry-after"]) >= 1
                    plain = f"{node.url}/ideas?topic=rice&count=1"
                    answer = await asked(plain, Accept="application/json")
                    assert answer.status_code == 200
                await eventually(lambda: said(logs) == {"the store does not answer": 2})
                assert [await node.metric("store_up") for node in play.nodes] == [0, 0]
            await play.ends("figs", running)
            await eventually(lambda: said(logs)["the store answers"] == 2)
        assert said(logs) == {"the store does not answer": 2, "the store answers": 2}
        assert [await node.metric("store_up") for node in play.nodes] == [1, 1]


def said(logs: list[MutableMapping[str, Any]]) -> Counter[str]:
    """How often the services have logged what of their store."""
    return Counter(log["event"] for log in logs if log["event"].startswith("the store "))


async def test_what_can_t_be_forgotten_as_the_store_is_down_is_still_there(
    store: RedisServer,
) -> None:
    async with scene(store.url, 1) as play:
        [node] = play.nodes
        begun = play.readers.begin(node, "figs")
        await play.readers.end([begun])
        await eventually(lambda: not node.service.streams._shards[0].mirrors)
        url = f"{node.url}/streams/{begun.stream}"
        async with down(store):
            assert await code(url, "DELETE") == (503, "overloaded")
            assert (await asked(url)).status_code == 200


async def test_readers_on_the_owner_go_on_to_the_end_without_a_store(store: RedisServer) -> None:
    async with scene(store.url) as play:
        running = await play.begin("figs", 12)
        await store.kill()
        play.provider.go_on()
        first = running[0]
        await first.sees_event("done", seconds=5)
        await store.start()
        await play.ends("figs", running)


async def test_readers_elsewhere_are_sent_away_when_the_store_stays_down(
    store: RedisServer,
) -> None:
    async with scene(store.url) as play:
        running = await play.begin("figs", 12)
        here, elsewhere = running[:2], running[2:]
        async with down(store):
            await play.provider.write("figs", 30)
            for reader in elsewhere:
                responses = reader.reading.responses
                await eventually(lambda it=responses: len(it) > 1, STALE_SECONDS + 10)
                assert responses[0].node == play.nodes[1].name
                assert responses[0].end is None
            assert all(len(reader.reading.responses) == 1 for reader in here)
        await play.ends("figs", running)


# -- it has lost what it had ------------------------------------------------------------------


async def killed(store: RedisServer) -> None:
    await store.kill()
    await store.start()


async def emptied(store: RedisServer) -> None:
    await store.told("FLUSHALL")


@pytest.mark.parametrize("lose", [killed, emptied])
@pytest.mark.parametrize("pieces", [30, pytest.param(1, marks=chaos)])
async def test_a_store_that_has_lost_all_gets_the_stream_again(
    store: RedisServer, lose: object, pieces: int
) -> None:
    async with scene(store.url) as play:
        await play.settled()
        running = await play.begin("figs", pieces)
        await lose(store)  # type: ignore[operator]
        running.append(play.readers.attach(play.nodes[1], str(running[0].stream)))
        await play.ends("figs", running)


@pytest.mark.parametrize("lose", [killed, emptied])
async def test_a_store_that_has_lost_all_gets_what_has_ended_again(
    store: RedisServer, lose: object
) -> None:
    async with scene(store.url) as play, readers(lambda: play.nodes[1:]) as elsewhere:
        begun = [play.readers.begin(play.nodes[0], topic) for topic in ("figs", "nuts")]
        await play.readers.end(begun)
        await lose(store)  # type: ignore[operator]
        for topic, reader in zip(("figs", "nuts"), begun, strict=True):
            late = elsewhere.attach(play.nodes[1], str(reader.stream))
            await elsewhere.end([late])
            again = elsewhere.begin(play.nodes[1], topic)  # with the same key
            await play.ends(topic, [reader, late, again])
            assert again.stream == reader.stream


async def test_what_an_old_copy_of_the_store_lacks_is_written_again(store: RedisServer) -> None:
    """A failover to a replica that is behind leaves the same."""
    async with scene(store.url) as play:
        await play.settled()
        running = await play.begin("figs", 12)
        await store.told("SAVE")
        await play.provider.write("figs", 30)
        own, *others = (it for it in running if it.reading.view == "delta")
        for other in others:
            await other.sees(lambda it: it.position >= own.position)
        await killed(store)
        running.append(play.attach(own, play.nodes[1]))
        await play.ends("figs", running)


async def test_a_stream_that_is_trimmed_under_a_reader_is_read_whole(store: RedisServer) -> None:
    async with proxy(store.url) as link, scene([store.url, link.url]) as play:
        running = await play.begin("figs", 4)
        link.delay = 0.3
        play.provider.go_on("figs")
        for _ in range(20):
            await store.told("XTRIM", f"ss:s:{running[0].stream}", "MAXLEN", 1)
            await asyncio.sleep(0.02)
        link.delay = 0
        await play.ends("figs", running)


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("falls", ["killed", pytest.param("paused", marks=chaos)])
async def test_what_a_failover_has_lost_is_written_again(kind: str, falls: str) -> None:
    async with watched(kind) as stores, scene(stores.url) as play:
        running = await play.begin("figs", 12)
        ended = await play.begin("nuts", 12)
        await stores.cut()
        await play.provider.write("figs", 30)
        play.provider.go_on("nuts")
        for reader in ended:
            await reader.task
        await (stores.first.kill() if falls == "killed" else _paused(stores.first))
        await stores.fails_over()
        await play.provider.write("figs", 36)
        if falls == "paused":
            stores.first.resume()
        running.append(play.readers.attach(play.nodes[1], str(running[0].stream)))
        await play.ends("figs", running)
        # The first service has the end that the store has lost, and gives it to the other one.
        async with readers(lambda: play.nodes[1:]) as late:
            ended.append(late.attach(play.nodes[1], str(ended[0].stream)))
            await play.ends("nuts", ended)


async def _paused(server: RedisServer) -> None:
    server.pause()


# -- it takes nothing new ---------------------------------------------------------------------


REFUSALS = [
    pytest.param("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", id="full"),
    pytest.param("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", id="read-only"),
    pytest.param(
        "CONFIG SET min-replicas-to-write 1",
        "CONFIG SET min-replicas-to-write 0",
        id="without its replicas",
        marks=chaos,
    ),
    pytest.param(
        "ACL SETUSER default -xadd",
        "ACL SETUSER default +xadd",
        id="without rights",
        marks=chaos,
    ),
]
"""A command after which a store takes nothing new, and the one that ends this."""


@pytest.mark.parametrize("seconds", [0, pytest.param(LEASE_SECONDS + 1, marks=chaos)])
@pytest.mark.parametrize(("refuse", "accept"), REFUSALS)
async def test_a_store_that_refuses_stops_no_running_stream(
    store: RedisServer, refuse: str, accept: str, seconds: float
) -> None:
    async with scene(store.url) as play:
        running = await play.begin("figs", 12)
        await store.told(*refuse.split())
        play.provider.stop("figs", 30)
        written = running[0].position
        await running[0].sees(lambda it: it.position > written + 5)
        answer = await asked(f"{play.nodes[0].url}/ideas?topic=nuts&resumable=true")
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        await asyncio.sleep(seconds)
        await store.told(*accept.split())
        await play.ends("figs", running)


# -- there are several -----------------------------------------------------------------------


async def test_of_two_stores_one_may_fail() -> None:
    """One is a Redis, the other one a Valkey. What lives on the one does not notice the other."""
    async with (
        redis_server("redis") as first,
        redis_server("valkey") as second,
        scene(f"{first.url},{second.url}") as play,
    ):
        found = {topic: await play.begin(topic, 12) for topic in ("figs", "nuts", "rice", "oats")}
        ids = {topic: read_id(str(them[0].stream)) for topic, them in found.items()}
        there = [topic for topic, id in ids.items() if id is not None and id.shard == 1]
        assert 0 < len(there) < len(found)
        await first.kill()
        for topic in there:
            await play.ends(topic, found.pop(topic))
        for node in play.nodes:
            late = f"{node.url}/ideas?topic=late&count=1&resumable=true"
            assert (await asked(late, Accept="application/json")).status_code == 200
        await first.start()
        for topic, them in found.items():
            await play.ends(topic, them)


# -- the way to it ----------------------------------------------------------------------------


@asynccontextmanager
async def links(store: RedisServer, number: int = 2) -> AsyncIterator[list[Proxy]]:
    """A proxy for each service, through which it reaches the store."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(proxy(store.url)) for _ in range(number)]


async def test_connections_that_the_store_kills_are_made_again(store: RedisServer) -> None:
    async with scene(store.url) as play:
        running = await play.begin("figs", 12)
        play.provider.go_on("figs")
        for _ in range(20):
            await store.told("CLIENT", "KILL", "TYPE", "normal")
            await asyncio.sleep(0.03)
        await play.ends("figs", running)


@pytest.mark.parametrize("times", [1, pytest.param(12, marks=chaos)])
@pytest.mark.parametrize("whose", [0, 1], ids=["owner", "reader"])
async def test_an_answer_that_is_swallowed_costs_time_alone(
    store: RedisServer, whose: int, times: int
) -> None:
    async with links(store) as ways, scene([way.url for way in ways]) as play:
        running = await play.begin("figs", 4)
        for step in range(times):
            play.provider.stop("figs", 5 + 2 * step)
            await asyncio.wait_for(ways[whose].swallow(), 10)
            await both_live(store)
        await play.ends("figs", running)


async def both_live(store: RedisServer) -> None:
    """Wait until each service has told the store once more that it lives.

    One that can't for the time of a lease would be taken for dead.
    """
    before = await lives_until(store)
    async with asyncio.timeout(LEASE_SECONDS + ANSWER_SECONDS):
        while any(  # noqa: ASYNC110
            until <= before.get(lease, 0) for lease, until in (await lives_until(store)).items()
        ):
            await asyncio.sleep(0.1)


async def lives_until(store: RedisServer) -> dict[str, int]:
    """When each service's lease runs out."""
    leases = await store.told("KEYS", "ss:n:*")
    return {lease: await store.told("PEXPIRETIME", lease) for lease in leases}


@pytest.mark.parametrize(("delay", "loss"), [(0.1, 0.1), pytest.param(0.3, 0.3, marks=chaos)])
async def test_a_slow_way_that_loses_packets_costs_time_alone(
    store: RedisServer, delay: float, loss: float
) -> None:
    async with links(store) as ways, scene([way.url for way in ways]) as play:
        for way in ways:
            way.delay, way.loss = delay, loss
        running = [await play.begin(f"figs{number}") for number in range(3)]
        for number, found in enumerate(running):
            await play.ends(f"figs{number}", found)


@pytest.mark.parametrize("lost", ["drops_questions", "drops_answers"])
@pytest.mark.parametrize("whose", [0, 1], ids=["owner", "reader"])
async def test_a_way_that_is_cut_for_a_moment_costs_time_alone(
    store: RedisServer, whose: int, lost: str
) -> None:
    async with links(store) as ways, scene([way.url for way in ways]) as play:
        running = await play.begin("figs", 12)
        setattr(ways[whose], lost, True)
        await play.provider.write("figs", 30)
        await asyncio.sleep(1)
        setattr(ways[whose], lost, False)
        await play.ends("figs", running)


@pytest.mark.parametrize("lost", ["drops_questions", "drops_answers"])
@pytest.mark.parametrize("both_end", [False, True])
@chaos
async def test_an_owner_that_is_cut_off_reads_what_another_writes_when_it_is_back(
    store: RedisServer, lost: str, both_end: bool
) -> None:
    """both_end: whether it comes to an end of its own, too, before it is back"""
    async with links(store) as ways, scene([way.url for way in ways]) as play:
        await play.settled()
        running = await play.begin("figs", 12)
        setattr(ways[0], lost, True)
        await play.provider.has_stopped("figs", 2)
        first = play.provider.of("figs")[0]
        assert not first.exchange.closed.is_set()
        if both_end:
            play.provider.go_on("figs")
            await running[-1].sees_event("done")
        setattr(ways[0], lost, False)
        await first.exchange.is_closed(ANSWER_SECONDS + 1)
        await play.ends("figs", running, asked=2)


# -- readers that leave -----------------------------------------------------------------------


@pytest.mark.parametrize("number", [100, pytest.param(2000, marks=chaos)])
async def test_readers_that_leave_while_the_store_is_slow_leave_nothing(
    store: RedisServer, number: int
) -> None:
    async with links(store) as ways, scene([way.url for way in ways]) as play:
        begun = [play.readers.begin(play.nodes[0], f"figs{index}") for index in range(10)]
        for index, reader in enumerate(begun):
            play.provider.stop(f"figs{index}", 20)
            await reader.sees_event("start")
        before = await connections(store), len(asyncio.all_tasks())
        random = Random(0)
        for way in ways:
            way.delay = 0.1
        for _ in range(number // 50):
            streams = [str(random.choice(begun).stream) for _ in range(50)]
            await asyncio.gather(*(left(play.nodes[1].url, it, random) for it in streams))
        for way in ways:
            way.delay = 0
        await eventually(lambda: not play.nodes[1].service.connections, SECONDS)
        await eventually(lambda: len(asyncio.all_tasks()) <= before[1], SECONDS)
        assert await connections(store) == before[0]
        for index, reader in enumerate(begun):
            more = play.attach(reader, play.nodes[1])
            await play.ends(f"figs{index}", [reader, more])


async def connections(store: RedisServer) -> int:
    """How many the store has, but for the one that asks."""
    told: str = await store.told("CLIENT", "LIST", "TYPE", "normal")
    return len(told.splitlines()) - 1


async def left(url: str, stream: str, random: Random) -> None:
    """Ask for a stream, and leave before or after the first answer of the store."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    _, writer = await asyncio.open_connection(host, port)
    request = f"GET /streams/{stream}?view=delta HTTP/1.1\r\nHost: {host}\r\n\r\n"
    writer.write(request.encode())
    await asyncio.sleep(random.uniform(0, 0.3))
    writer.transport.abort()
