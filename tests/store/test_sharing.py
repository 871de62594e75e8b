"""Services that share their streams through a store: any of them serves any stream."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.http.context import SERVED_BY
from app.schema import StreamInfo
from app.store import keys
from app.store.ends import AGREE_SECONDS
from app.store.ids import new_id
from app.store.mirror import MARK_SECONDS
from app.store.record import FIELD, EntryId, base_of, encode
from app.store.streams import MOST_TAKEOVERS
from tests.store.conftest import Shared
from tests.store.streams import REQUEST, claim_of, new_stream
from tests.support.client import SECONDS
from tests.support.connection import Connection, Event, asked, code, connected
from tests.support.deaf import deaf
from tests.support.resuming import ALL, ANSWER, FIGS, NUTS, QUERY, RICE
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, Exchange, end, holding, saying, status, text, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIRST = f'{{"items": [{json.dumps(FIGS)}, {{"title": "Nu'
REST = f'ts", "blurb": "Dry."}}, {json.dumps(RICE)}]}}'
POSTED = {"topic": "figs", "count": 3}


async def answer(shared: Shared) -> Exchange:
    exchange = await shared.provider.next()
    await exchange.send(HEAD)
    return exchange


@asynccontextmanager
async def begun(
    shared: Shared, url: str, **headers: str
) -> AsyncIterator[tuple[Connection, Exchange]]:
    """A reader that begins a stream, and the provider's answer, which has begun meanwhile."""
    answering = asyncio.create_task(answer(shared))
    try:
        async with connected(url, **headers) as own:
            yield own, await answering
    finally:
        answering.cancel()


async def until(reader: Connection, event: str | None) -> Event:
    """The next event of that name."""
    while found := await reader.next():
        if found.event == event:
            return found
    raise AssertionError(f"there is no {event!r}")


async def is_shown(reader: Connection, part: str) -> None:
    """Wait for an event with this in its data."""
    while found := await reader.next():
        if part in json.dumps(found.data):
            return
    raise AssertionError(f"{part!r} is not shown")


async def test_what_one_writes_all_read_in_each_view_and_from_each_event(shared: Shared) -> None:
    a, b, c = shared.services
    async with AsyncExitStack() as stack:
        own, exchange = await stack.enter_async_context(
            begun(shared, f"{a.url}/ideas?{QUERY}&view=delta")
        )
        await exchange.text(FIRST)
        await is_shown(own, "Nu")
        path = f"/streams/{own.stream}?interval_ms=0"
        views = ("snapshot", "delta", "items")
        others = [
            await stack.enter_async_context(connected(f"{service.url}{path}&view={view}"))
            for service in (b, c)
            for view in views
        ]
        for other in others:
            await is_shown(other, "Figs")
        await exchange.text(REST)
        await exchange.finish(usage=(7, 9))
        rests = [await reader.rest() for reader in (own, *others)]
    for rest in rests:
        assert [event.event for event in rest[-2:]] == ["usage", "done"]
        assert rest[-1].data == ALL
    assert len({rest[-1].id for rest in rests}) == 1
    ids = [event.id for event in rests[0] if event.id]
    for service in (a, b, c):
        url = f"{service.url}{path}&view=delta"
        for number, id in enumerate(ids[:-1]):
            async with connected(url, Last_Event_ID=id) as back:
                assert (await back.next()).event == "start"  # type: ignore[union-attr]
                came = await back.rest()
                assert came[-1] == rests[0][-1]
                if number == 0:
                    assert [event.id for event in came] == ids[1:]
        assert (await asked(url, Last_Event_ID=ids[-1])).status_code == 204


async def test_others_are_told_that_there_is_no_such_stream_and_the_owner_that_it_is_gone(
    shared: Shared,
) -> None:
    a, b, _ = shared.services
    async with begun(shared, f"{a.url}/ideas?{QUERY}", X_Owner="me") as (own, exchange):
        await exchange.text(ANSWER)
        await exchange.finish()
        last = (await own.rest())[-1]
    url = f"{b.url}/streams/{own.stream}"
    assert (await asked(url, X_Owner="me")).status_code == 200
    assert await code(url, X_Owner="you") == (404, "stream_not_found")
    assert await code(f"{url}0", X_Owner="me") == (404, "stream_not_found")
    assert await code(url, X_Owner="me", Last_Event_ID=f"{own.stream}-{last.position + 9}") == (
        404,
        "stream_not_found",
    )
    await shared.redis.delete(keys.stream(own.stream))
    await shared.redis.expire(keys.mark(own.stream), MARK_SECONDS)  # as after its retention
    if copy := b.streams._memory.get(own.stream):  # it may be gone by itself
        b.streams._memory.forget(copy)
    assert await code(url, X_Owner="me") == (410, "stream_expired")
    assert await code(url, X_Owner="you") == (404, "stream_not_found")


async def test_who_comes_back_elsewhere_misses_nothing_that_the_store_does_not_have_yet(
    shared: Shared,
) -> None:
    a, b, _ = shared.services
    async with begun(shared, f"{a.url}/ideas?{QUERY}&view=delta") as (own, exchange):
        await exchange.text(FIRST)
        while "Nu" not in json.dumps((event := await own.next()).data):  # type: ignore[union-attr]
            pass
    assert event is not None
    url = f"{b.url}/streams/{own.stream}?view=delta&interval_ms=0"
    async with connected(url, Last_Event_ID=str(event.id)) as back:
        assert (await back.next()).id == event.id  # type: ignore[union-attr]
        await exchange.text('ts", "bl')
        assert (await back.next()).data == [  # type: ignore[union-attr]
            {"op": "append", "path": "/1/title", "value": "ts"}
        ]
        await exchange.text(f'urb": "Dry."}}, {json.dumps(RICE)}]}}')
        await exchange.finish()
        assert (await back.rest())[-1].data == ALL


async def test_who_comes_back_where_this_process_is_behind_is_to_try_again(
    shared: Shared,
) -> None:
    a, b, _ = shared.services
    async with begun(shared, f"{a.url}/ideas?{QUERY}&view=delta") as (own, exchange):
        await exchange.text(FIRST)
        await is_shown(own, "Nu")
        url, later = f"/streams/{own.stream}?interval_ms=0", f"{own.stream}-{base_of(2) + 3}"
        async with connected(f"{b.url}{url}&view=items") as other:
            await is_shown(other, "Figs")
            for service, id in ((b, f"{own.stream}-999"), (b, later), (a, later)):
                refused = await asked(f"{service.url}{url}", Last_Event_ID=id)
                assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
                assert int(refused.headers["retry-after"]) >= 1
            ahead = f"{own.stream}-999"
            assert await code(a.url + url, Last_Event_ID=ahead) == (404, "stream_not_found")
            await exchange.text(REST)
            await exchange.finish()
            await until(other, "done")
        assert await code(b.url + url, Last_Event_ID=ahead) == (404, "stream_not_found")


async def test_what_the_store_has_lost_in_part_is_not_missing(shared: Shared) -> None:
    a, b, _ = shared.services
    async with begun(shared, f"{a.url}/ideas?{QUERY}&view=delta") as (own, exchange):
        await exchange.text(FIRST)
        await is_shown(own, "Nu")
        key, url = keys.stream(own.stream), f"{b.url}/streams/{own.stream}"
        async with asyncio.timeout(SECONDS):
            while await shared.redis.xlen(key) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await shared.redis.xtrim(key, maxlen=1, approximate=False)
        async with connected(url) as other:  # its owner writes the claim again, too
            await is_shown(other, "Nu")
            await exchange.text(REST)
            await exchange.finish()
            assert (await other.rest())[-1].data == ALL
        await own.rest()
    assert (await asked(url)).status_code == 200


async def test_an_end_that_the_store_has_lost_alone_is_not_missing(shared: Shared) -> None:
    a, b, c = shared.services
    async with begun(shared, f"{a.url}/ideas?{QUERY}", X_Owner="me") as (own, exchange):
        await exchange.text(ANSWER)
        await exchange.finish()
        last = (await own.rest())[-1]
    key, path = keys.stream(own.stream), f"/streams/{own.stream}"
    await shared.redis.xtrim(key, maxlen=0, approximate=False)
    async with connected(b.url + path, X_Owner="me") as late:
        assert (await late.rest())[-1] == last
    await shared.redis.delete(key)
    assert await code(c.url + path, X_Owner="you") == (404, "stream_not_found")
    async with connected(c.url + path, X_Owner="me") as late:
        assert (await late.rest())[-1] == last


@pytest.mark.parametrize("reads", [True, False])
async def test_it_is_cancelled_from_elsewhere(shared: Shared, reads: bool) -> None:
    a, b, c = shared.services
    async with begun(shared, f"{a.url}/ideas?{QUERY}", X_Owner="me") as (own, exchange):
        await exchange.text(FIRST)
        await until(own, None)
        url = f"{c.url}/streams/{own.stream}"
        async with AsyncExitStack() as stack:
            other = own
            if reads:
                path = f"{b.url}/streams/{own.stream}"
                other = await stack.enter_async_context(connected(path, X_Owner="me"))
            assert await code(url, "DELETE", X_Owner="you") == (404, "stream_not_found")
            assert await code(url, "DELETE", X_Owner="me") == (204, "")
            await exchange.is_closed(SECONDS)
            assert (await other.rest())[-1].data["code"] == "cancelled"
    for service in shared.services:
        for method in ("GET", "DELETE"):
            found = await code(f"{service.url}/streams/{own.stream}", method, X_Owner="me")
            assert found == (404, "stream_not_found")


async def test_what_has_ended_is_forgotten_from_elsewhere(shared: Shared) -> None:
    a, b, c = shared.services
    async with begun(shared, f"{a.url}/ideas?{QUERY}") as (own, exchange):
        await exchange.text(ANSWER)
        await exchange.finish()
        await own.rest()
    assert await code(f"{b.url}/streams/{own.stream}/cancel", "POST") == (204, "")
    for service in (a, b, c):
        assert await code(f"{service.url}/streams/{own.stream}") == (404, "stream_not_found")


async def test_fifty_calls_with_a_key_are_one_stream(shared: Shared) -> None:
    before = len(shared.provider.exchanges)

    async def call(number: int) -> tuple[str, list[Event]]:
        service = shared.services[number % 3]
        url = f"{service.url}/ideas?interval_ms=0"
        async with connected(url, "POST", json=POSTED, Idempotency_Key="k") as reader:
            return reader.stream, await reader.rest()

    calls = [asyncio.create_task(call(number)) for number in range(50)]
    exchange = await answer(shared)
    await exchange.text(ANSWER)
    await exchange.finish()
    found = await asyncio.gather(*calls)
    assert len({stream for stream, _ in found}) == 1
    assert all(rest[-1].data == ALL for _, rest in found)
    assert len(shared.provider.exchanges) == before + 1
    other = POSTED | {"count": 2}
    for service in shared.services:
        url = f"{service.url}/ideas"
        refused = await code(url, "POST", json=other, Idempotency_Key="k")
        assert refused == (409, "idempotency_conflict")


async def test_a_key_is_free_everywhere_once_its_stream_may_be_tried_again(
    shared: Shared,
) -> None:
    a, b, _ = shared.services
    refusing = asyncio.create_task(
        code(f"{a.url}/ideas", "POST", json=POSTED, Idempotency_Key="free")
    )
    exchange = await shared.provider.next()
    await exchange.send(status(401))
    exchange.eof()
    assert await refusing == (502, "provider_rejected")
    calling = asyncio.create_task(
        asked(f"{b.url}/ideas", "POST", json=POSTED, Idempotency_Key="free")
    )
    exchange = await answer(shared)
    await exchange.text(ANSWER)
    await exchange.finish()
    assert (await calling).status_code == 200


async def test_what_is_not_resumable_never_reaches_the_store(shared: Shared) -> None:
    before = set(await shared.redis.keys("ss:[sxi]:*"))
    async with begun(shared, f"{shared.services[0].url}/ideas?topic=figs") as (own, exchange):
        await exchange.text(ANSWER)
        await exchange.finish()
        await own.rest()
        assert len(own.stream) == 22
    # Those of earlier tests may expire meanwhile.
    assert set(await shared.redis.keys("ss:[sxi]:*")) <= before


async def test_each_answer_says_which_process_has_given_it(shared: Shared) -> None:
    named = {(await asked(f"{it.url}/healthz")).headers[SERVED_BY] for it in shared.services}
    assert len(named) == 3


async def test_a_stream_costs_few_commands(shared: Shared) -> None:
    a = shared.services[0]
    async with begun(shared, f"{a.url}/ideas?{QUERY}") as (own, exchange):
        stream = a.streams.find(own.stream, "")
        mirror = a.streams._mirror(stream)  # type: ignore[attr-defined]
        written = []
        commands = mirror.commands
        mirror.commands = lambda now: written.extend(found := commands(now)) or found
        await exchange.text(ANSWER)
        await exchange.finish()
        await own.rest()
        await eventually(lambda: a.streams._mirror(stream) is None)  # type: ignore[attr-defined]
    # The beginning takes two, the end four, and each second between them one.
    *between, added, expires, marked = [command[0] for command in written]
    assert (added, expires, marked) == ("XADD", "PEXPIRE", "SET")
    assert between == ["XADD"] * min(len(between), stream.figures.duration_ms // 1000)


# -- processes that go away --------------------------------------------------------------------


async def cut_off(service: Service) -> None:
    """Let a service neither write to the store nor read from it any more."""
    for shard in service.streams._shards:  # type: ignore[attr-defined]
        for task in shard._tasks:
            task.cancel()
        await asyncio.gather(*shard._tasks, return_exceptions=True)


def judges(service: Service) -> bool:
    now = asyncio.get_running_loop().time()
    return all(shard.health.may_judge(now) for shard in service.streams._shards)  # type: ignore[attr-defined]


async def read_elsewhere(
    shared: Shared, stack: AsyncExitStack, owner: Service, elsewhere: Service
) -> tuple[Connection, Exchange, Connection]:
    """A stream that has begun: a reader on its owner, its provider, and a reader elsewhere."""
    own, exchange = await stack.enter_async_context(
        begun(shared, f"{owner.url}/ideas?{QUERY}&view=delta")
    )
    await exchange.text(FIRST)
    path = f"{elsewhere.url}/streams/{own.stream}?interval_ms=0&view=delta"
    other = await stack.enter_async_context(connected(path))
    await is_shown(other, "Nu")
    await eventually(lambda: judges(elsewhere))
    return own, exchange, other


async def test_another_process_goes_on_where_one_was_lost_and_keeps_its_elements(
    shared: Shared,
) -> None:
    b, settings = shared.services[1], {"openai_base_url": shared.provider.base_url}
    async with running(streams_store=shared.url, **settings) as lost, AsyncExitStack() as stack:
        own, exchange, other = await read_elsewhere(shared, stack, lost, b)
        await cut_off(lost)
        process = lost.streams._sharing.process  # type: ignore[attr-defined]
        await shared.redis.delete(keys.lease(process))
        following = await answer(shared)
        restart = await until(other, "restart")
        assert restart.data == {"attempt": 2, "code": "moved", "errors": []}
        patch = await other.next()
        assert patch is not None
        assert patch.data == [{"op": "replace", "path": "", "value": [FIGS]}]
        await following.text(f'{{"items": [{json.dumps(NUTS)}, {json.dumps(RICE)}]}}')
        await following.finish()
        assert (await other.rest())[-1].data == ALL
        # The lost one comes back to the store with more of its own.
        await exchange.text('ts", "blurb": "')
        await lost.streams.start()
        await exchange.is_closed(SECONDS)
        assert (await until(own, "restart")).data["code"] == "moved"
        assert (await own.rest())[-1].data == ALL


def hooked(monkeypatch: pytest.MonkeyPatch, service: Service) -> list[tuple[str, Any]]:
    """What the `done` of ideas is called with: streams, and their values."""
    called: list[tuple[str, Any]] = []

    async def done(value: Any, parameters: Any, info: StreamInfo) -> None:
        called.append((info.stream, value))

    schema = service.streams._sharing.schema("ideas").schema  # type: ignore[attr-defined]
    monkeypatch.setitem(vars(schema), "done", done)
    return called


async def out_of_its_lease(service: Service, shared: Shared) -> None:
    """Let a service that is cut off be thought dead, and know that it may be."""
    for shard in service.streams._shards:  # type: ignore[attr-defined]
        shard.health.renewed(float("-inf"), 0, held=True)
    process = service.streams._sharing.process  # type: ignore[attr-defined]
    await shared.redis.delete(keys.lease(process))


async def test_an_end_that_is_not_the_streams_is_not_shown_and_its_value_not_handed_on(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    b, settings = shared.services[1], {"openai_base_url": shared.provider.base_url}
    called = hooked(monkeypatch, b)
    async with running(streams_store=shared.url, **settings) as lost, AsyncExitStack() as stack:
        own, exchange, other = await read_elsewhere(shared, stack, lost, b)
        await cut_off(lost)
        await out_of_its_lease(lost, shared)
        following = await answer(shared)
        await exchange.text(REST)
        await exchange.finish()
        stream = lost.streams.find(own.stream, "")
        await eventually(lambda: stream.last_entries)
        await asyncio.sleep(2 * AGREE_SECONDS)
        assert not stream.ended
        await following.text(f'{{"items": [{json.dumps(RICE)}, {json.dumps(NUTS)}]}}')
        await following.finish()
        last = (await other.rest())[-1]
        assert last.data == [FIGS, RICE, NUTS]
        await lost.streams.start()
        assert (await until(own, "restart")).data["code"] == "moved"
        assert (await own.rest())[-1] == last
    assert called == [(own.stream, last.data)]


async def test_an_end_waits_so_long_for_the_store_and_its_value_until_the_process_ends(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = hooked(monkeypatch, shared.services[0])
    monkeypatch.setattr("app.store.ends.DOUBT_SECONDS", 2 * AGREE_SECONDS)
    settings = {"openai_base_url": shared.provider.base_url}
    async with running(streams_store=shared.url, **settings) as lost:
        async with begun(shared, f"{lost.url}/ideas?{QUERY}&view=delta") as (own, exchange):
            await exchange.text(FIRST)
            await cut_off(lost)
            await out_of_its_lease(lost, shared)
            await exchange.text(REST)
            await exchange.finish()
            assert (await own.rest())[-1].data == ALL
        await eventually(lambda: not len(lost.streams))
        assert called == []
    assert called == [(own.stream, ALL)]


async def test_the_value_is_handed_on_once_by_the_process_that_has_generated_it(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = shared.services
    called = hooked(monkeypatch, a)
    async with (
        begun(shared, f"{a.url}/ideas?{QUERY}") as (own, exchange),
        AsyncExitStack() as stack,
    ):
        await exchange.text(FIRST)
        path = f"/streams/{own.stream}"
        others = [
            await stack.enter_async_context(connected(service.url + path)) for service in (b, c)
        ]
        await exchange.text(REST)
        await exchange.finish()
        for reader in (own, *others):
            assert (await reader.rest())[-1].data == ALL
    for service in (a, b, c):
        assert (await asked(service.url + path)).status_code == 200
    await eventually(lambda: called)
    assert called == [(own.stream, ALL)]


async def test_a_stream_that_moves_keeps_its_deadline(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is 180 s by default: one stream is older when it moves, and the other one is not."""
    b, settings = shared.services[1], {"openai_base_url": shared.provider.base_url}
    ages = iter((200, 100))
    monkeypatch.setattr(
        "app.store.streams.new_id", lambda born, shard: new_id(born - next(ages), shard)
    )
    async with running(streams_store=shared.url, **settings) as lost, AsyncExitStack() as stack:
        others = []
        for _ in range(2):
            own, exchange = await stack.enter_async_context(
                begun(shared, f"{lost.url}/ideas?{QUERY}")
            )
            await exchange.text(FIRST)
            path = f"{b.url}/streams/{own.stream}"
            others.append(await stack.enter_async_context(connected(path)))
            await is_shown(others[-1], "Nu")
        await eventually(lambda: judges(b))
        await cut_off(lost)
        await out_of_its_lease(lost, shared)
        following = await answer(shared)
        await following.text(f'{{"items": [{json.dumps(NUTS)}, {json.dumps(RICE)}]}}')
        await following.finish()
        late, in_time = [await other.rest() for other in others]
    assert [event.event for event in late if event.event] == ["error"]
    assert late[-1].data["code"] == "provider_timeout"
    assert in_time[-1].data == ALL
    assert b.streams.find(own.stream, "").figures.duration_ms >= 100_000


@pytest.mark.parametrize("takeovers", [MOST_TAKEOVERS - 1, MOST_TAKEOVERS])
async def test_a_stream_whose_owners_die_again_and_again_is_given_up(
    shared: Shared, takeovers: int
) -> None:
    b, before = shared.services[1], len(shared.provider.exchanges)
    stream = new_stream(new_id(time.time(), 0))
    parameters = REQUEST.parameters.model_dump_json(round_trip=True, by_alias=False)
    claim = claim_of(stream, "dead", request=parameters, takeovers=takeovers)
    await shared.redis.xadd(keys.stream(stream.id), {FIELD: encode(claim)}, str(EntryId(1, 0)))
    await eventually(lambda: judges(b))
    async with connected(f"{b.url}/streams/{stream.id}", X_Owner="me") as reader:
        if takeovers < MOST_TAKEOVERS:
            exchange = await answer(shared)
            await exchange.text(ANSWER)
            await exchange.finish()
            assert (await reader.rest())[-1].event == "done"
        else:
            assert (await reader.rest())[-1].data["code"] == "internal"
            assert len(shared.provider.exchanges) == before


async def test_a_process_that_stops_leaves_its_streams_to_the_others(shared: Shared) -> None:
    b, settings = shared.services[1], {"openai_base_url": shared.provider.base_url}
    async with AsyncExitStack() as stack:
        async with running(streams_store=shared.url, **settings) as stopping:
            own, exchange = await stack.enter_async_context(
                begun(shared, f"{stopping.url}/ideas?{QUERY}&view=delta")
            )
            await exchange.text(FIRST)
            await is_shown(own, "Nu")
            await stopping.streams.drain(0)
            await exchange.is_closed(SECONDS)
            assert all(event.event == "patch" for event in await own.rest())
        path = f"{b.url}/streams/{own.stream}?interval_ms=0&view=items"
        other = await stack.enter_async_context(connected(path))
        following = await answer(shared)
        await following.text(f'{{"items": [{json.dumps(NUTS)}, {json.dumps(RICE)}]}}')
        await following.finish()
        rest = await other.rest()
        assert [event.event for event in rest[-4:]] == ["item", "item", "item", "done"]
        assert rest[-1].data == ALL


async def test_without_requests_in_the_store_a_lost_stream_ends_in_an_error(
    shared: Shared,
) -> None:
    settings: dict[str, Any] = {
        "openai_base_url": shared.provider.base_url,
        "store_requests": False,
        "streams_store": shared.url,
    }
    async with running(**settings) as lost, running(**settings) as there, AsyncExitStack() as stack:
        url = f"{lost.url}/ideas?{QUERY.replace('figs', 'c4n4ry')}"
        own, exchange = await stack.enter_async_context(begun(shared, url))
        await exchange.text(FIRST)
        assert "c4n4ry" not in str(await shared.redis.xrange(keys.stream(own.stream)))
        other = await stack.enter_async_context(connected(f"{there.url}/streams/{own.stream}"))
        await is_shown(other, "Nu")
        await eventually(lambda: judges(there))
        await cut_off(lost)
        process = lost.streams._sharing.process  # type: ignore[attr-defined]
        await shared.redis.delete(keys.lease(process))
        assert (await other.rest())[-1].data["code"] == "internal"


# -- limits, and a store that is not there -----------------------------------------------------


async def test_a_callers_streams_are_counted_over_all(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.limits.admission.STORE_SECONDS", 10)  # however busy the machine is
    async with upstream(holding(HEAD + text(FIRST))) as provider, AsyncExitStack() as stack:
        settings = {"openai_base_url": provider.base_url, "streams_store": store}
        a, b = [
            await stack.enter_async_context(running(caller_streams=2, **settings)) for _ in range(2)
        ]
        await stack.enter_async_context(connected(f"{a.url}/ideas?topic=figs"))
        async with connected(f"{b.url}/ideas?topic=figs") as second:
            await second.next()
            for service in (a, b):
                assert await code(f"{service.url}/ideas?topic=figs") == (429, "rate_limited")
        await eventually(lambda: not b.app.state.admission._running._untold)
        async with b.app.state.admission._running._lock:
            pass  # now the store has been told that the second one is gone
        async with connected(f"{a.url}/ideas?topic=figs") as third:
            assert await third.next()


@pytest.fixture(params=["missing", "deaf"])
def unreachable(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a store that takes no connection: it refuses it, or says nothing."""
    if request.param == "missing":
        yield "unix:///nowhere/redis"
    else:
        with deaf() as url:
            yield f"redis://{urlsplit(url).netloc}"


async def test_without_an_answer_of_the_store_a_resumable_stream_is_refused_or_local(
    unreachable: str,
) -> None:
    async with (
        upstream(saying(HEAD + text(ANSWER) + end())) as provider,
        running(openai_base_url=provider.base_url, streams_store=unreachable) as refusing,
        running(
            openai_base_url=provider.base_url, streams_store=unreachable, store_down="local"
        ) as going_on,
    ):
        refused = await asked(f"{refusing.url}/ideas?{QUERY}")
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert refused.headers["retry-after"] == "1"
        async with connected(f"{refusing.url}/ideas?topic=figs&count=3") as plain:
            assert (await plain.rest())[-1].data == ALL
        async with connected(f"{going_on.url}/ideas?{QUERY}") as local:
            assert (await local.rest())[-1].data == ALL
        assert (await asked(f"{going_on.url}/streams/{local.stream}")).status_code == 200
