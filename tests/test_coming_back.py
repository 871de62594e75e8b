"""Going away and coming back: nothing is missed, nothing comes twice, nothing is paid for twice."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.support.events import Message, messages, some_messages
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, Exchange, Upstream, end, saying, text, upstream

PIECES = ['{"items": [{"title": "Fi', 'gs", "blu', 'rb": "Sweet."}, {"ti', 'tle": "Da', 'tes"']
LAST = [', "blurb": "Swee', 'ter."}', "]}"]
VALUE = [{"title": "Figs", "blurb": "Sweet."}, {"title": "Dates", "blurb": "Sweeter."}]
WHOLE = HEAD + text("".join([*PIECES, *LAST])) + end(usage=(3, 4))
INVALID = '{"items": [{"title": "No", "blurb": "no"}, {"title": 1'
QUERY = "topic=figs&count=2&interval_ms=0&resumable=true"


async def first_messages(url: str, count: int, **headers: str) -> list[Message]:
    """The first messages of a stream, then the connection is dropped. Fewer: it has ended."""
    async with (
        httpx.AsyncClient(timeout=20) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        if response.status_code == 204:
            return []
        assert response.status_code == 200, await response.aread()
        had = b""
        async for piece in response.aiter_bytes():
            had += piece
            whole = had[: had.rfind(b"\n\n") + 2]
            if len(found := some_messages(whole)) >= count:
                return found[:count]
        return some_messages(had)


def applied(found: list[Message]) -> Any:
    """What a delta reader makes of its messages."""
    state: Any = None
    for message in found:
        if message.event != "patch":
            continue
        for operation in message.data:
            state = _apply(state, operation)
    return state


def _apply(state: Any, operation: Any) -> Any:
    *way, last = operation["path"].split("/") if operation["path"] else [""]
    if not operation["path"]:
        return operation["value"]
    target = state
    for step in way[1:]:
        target = target[int(step) if isinstance(target, list) else step]
    if operation["op"] == "append":
        target[last] += operation["value"]
    elif isinstance(target, list):
        assert int(last) == len(target)
        target.append(operation["value"])
    else:
        target[last] = operation["value"]
    return state


async def bit_by_bit(exchange: Exchange) -> None:
    """An attempt that fails, then one that is written in pieces."""
    await exchange.send(HEAD)
    if len(exchange.body["messages"]) == 2:
        await exchange.send(text(INVALID) + text(', "blurb": ""}]}') + end())
        return
    for piece in [*PIECES, *LAST]:
        await exchange.send(text(piece))
        await asyncio.sleep(0.01)
    await exchange.send(end(usage=(3, 4)))


def service_on(provider: Upstream, **settings: Any) -> Any:
    return running(openai_base_url=provider.base_url, model="m", **settings)


@pytest.mark.parametrize("view", ["delta", "items"])
@pytest.mark.parametrize("by", ["header", "query"])
async def test_a_reader_that_is_cut_off_after_every_event_misses_nothing(
    view: str, by: str
) -> None:
    async with upstream(bit_by_bit) as provider, service_on(provider) as service:
        url = f"{service.url}/ideas?{QUERY}&view={view}"
        found = await first_messages(url, 2)
        while True:
            last = found[-1].id
            assert last is not None
            more = (
                await first_messages(url, 2, **{"Last-Event-ID": last})
                if by == "header"
                else await first_messages(f"{url}&last_event_id={last}", 2)
            )
            if not more:
                break  # 204
            assert (more[0].event, more[0].id) == ("start", last)
            found += more[1:]
        assert len(provider.exchanges) == 2  # the two attempts
        events = [message.event for message in found]
        assert (events.count("restart"), events.count("done"), events[-1]) == (1, 1, "done")
        assert found[-1].data == VALUE
        after = found[events.index("restart") + 1 :]
        positions = [int(str(message.id).rsplit("-", 1)[1]) for message in found]
        assert positions == sorted(set(positions))
        if view == "delta":
            assert applied(after) == VALUE
        else:
            assert [m.data for m in after if m.event == "item"] == VALUE


@pytest.mark.parametrize("view", ["snapshot", "delta", "items"])
async def test_two_readers_at_once_have_the_same(view: str) -> None:
    async with upstream(bit_by_bit) as provider, service_on(provider) as service:
        url = f"{service.url}/ideas?{QUERY}&view={view}"
        [start] = await first_messages(url, 1)
        stream = start.data["stream"]
        both = await asyncio.gather(
            *(first_messages(f"{service.url}/streams/{stream}?view={view}", 1000) for _ in "ab")
        )
        for found in both:
            assert found[-1].data == VALUE
            if view == "delta":
                assert applied(found) == VALUE
        assert len(provider.exchanges) == 2


@pytest.mark.parametrize("view", ["snapshot", "delta", "items"])
async def test_who_attaches_after_the_end_has_the_state_and_the_end(view: str) -> None:
    async with upstream(saying(WHOLE)) as provider, service_on(provider) as service:
        found = await first_messages(f"{service.url}/ideas?{QUERY}", 1000)
        stream = found[0].data["stream"]
        found = await first_messages(f"{service.url}/streams/{stream}?view={view}", 1000)
        shown = {"snapshot": [None], "delta": ["patch"], "items": ["item", "item"]}[view]
        assert [message.event for message in found] == ["start", *shown, "usage", "done"]
        after = await get(service, f"/streams/{stream}", **{"Last-Event-ID": str(found[-1].id)})
        assert (after.status_code, after.content) == (204, b"")


async def get(service: Service, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=20) as client:
        return await client.get(service.url + path, headers=headers)


async def test_ndjson_readers_come_back_too() -> None:
    accept = {"Accept": "application/x-ndjson"}
    async with upstream(saying(WHOLE)) as provider, service_on(provider) as service:
        whole = await get(service, f"/ideas?{QUERY}&view=items", **accept)
        lines = [json.loads(line) for line in whole.text.splitlines()]
        assert [line["event"] for line in lines] == ["start", "item", "item", "usage", "done"]
        path = f"/ideas?{QUERY}&view=items"
        rest = await get(service, path, **accept, **{"Last-Event-ID": lines[1]["id"]})
        assert [json.loads(line) for line in rest.text.splitlines()][1:] == lines[2:]


async def test_the_final_value_can_be_had_alone() -> None:
    async with upstream(saying(WHOLE)) as provider, service_on(provider) as service:
        found = await first_messages(f"{service.url}/ideas?{QUERY}", 1000)
        stream = found[0].data["stream"]
        value = await get(service, f"/streams/{stream}", Accept="application/json")
        assert value.json() == VALUE


async def test_after_its_time_a_stream_has_expired_and_is_then_forgotten() -> None:
    async with (
        upstream(saying(WHOLE)) as provider,
        service_on(provider, retention_seconds=0.05) as service,
    ):
        found = await first_messages(f"{service.url}/ideas?{QUERY}", 1000)
        path = f"/streams/{found[0].data['stream']}"
        async with asyncio.timeout(10):
            while (gone := await get(service, path)).status_code == 200:
                pass
        assert (gone.status_code, gone.json()["code"]) == (410, "stream_expired")
        resumed = await get(service, f"/ideas?{QUERY}", **{"Last-Event-ID": str(found[0].id)})
        assert resumed.status_code == 410
        assert len(provider.exchanges) == 1


async def test_a_stream_that_is_not_resumable_is_there_only_while_it_runs() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD + text(PIECES[0]))
        await go_on.wait()
        await exchange.send(text("".join([*PIECES[1:], *LAST])) + end())

    go_on = asyncio.Event()
    async with upstream(script) as provider, service_on(provider) as service:
        url = f"{service.url}/ideas?topic=figs&count=2"
        async with httpx.AsyncClient(timeout=20) as client, client.stream("GET", url) as response:
            path = response.headers["location"]
            attached = asyncio.create_task(first_messages(service.url + path, 1000))
            stream = service.streams.find(path.removeprefix("/streams/"), "")
            await eventually(lambda: stream.run.followers == 2)
            go_on.set()
            assert (await attached)[-1].data == VALUE
            await response.aread()
        gone = await get(service, path)
        assert (gone.status_code, gone.json()["code"]) == (410, "stream_expired")


IDS = [
    "0" * 32 + "-0",
    "nonsense",
    "a-b-c",
    "-",
    "x-01",
    "x" * 100 + "-1",
    "é-1",
    "1" * 32 + "-" + "9" * 30,
]


@pytest.mark.parametrize("id", IDS)
async def test_an_id_that_never_was_is_not_found(id: str) -> None:
    async with upstream(saying(WHOLE)) as provider, service_on(provider) as service:
        async with httpx.AsyncClient() as client:
            headers = {b"Last-Event-ID": id.encode()}
            for method, query in (("GET", "?topic=figs"), ("POST", "")):
                found = await client.request(
                    method, f"{service.url}/ideas{query}", headers=headers, json={"topic": "x"}
                )
                assert (found.status_code, found.json()["code"]) == (404, "stream_not_found")
        assert not provider.exchanges


async def test_a_position_from_the_future_and_another_schema_are_not_found() -> None:
    async with upstream(saying(WHOLE)) as provider, service_on(provider) as service:
        found = await first_messages(f"{service.url}/ideas?{QUERY}", 1000)
        stream = found[0].data["stream"]
        future = await get(service, "/ideas?topic=figs", **{"Last-Event-ID": f"{stream}-10000"})
        other = await get(service, "/movies?topic=figs", **{"Last-Event-ID": f"{stream}-1"})
        never = await get(service, "/ideas?topic=figs", **{"Last-Event-ID": f"{'0' * 32}-1"})
        bodies = []
        for answer in (future, other, never):
            assert answer.status_code == 404
            bodies.append({**answer.json(), "request_id": ""})
        assert bodies[0] == bodies[1] == bodies[2]
        assert len(provider.exchanges) == 1


async def test_without_a_reader_a_resumable_stream_goes_on_for_the_grace_period() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD + text(PIECES[0]))
        await exchange.closed.wait()

    async with (
        upstream(script) as provider,
        service_on(provider, resume_grace_seconds=0.2) as service,
    ):
        found = await first_messages(f"{service.url}/ideas?{QUERY}", 2)
        exchange = await provider.next()
        assert not exchange.closed.is_set()
        await exchange.is_closed(10)
        stream = found[0].data["stream"]
        ended = await first_messages(f"{service.url}/streams/{stream}", 1000)
        assert (ended[-1].event, ended[-1].data["code"]) == ("error", "cancelled")


async def test_delete_cancels_a_stream_for_all_its_readers_and_forgets_it() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD + text(PIECES[0]))
        await exchange.closed.wait()

    async with upstream(script) as provider, service_on(provider) as service:
        url = f"{service.url}/ideas?{QUERY}"
        async with httpx.AsyncClient(timeout=20) as client, client.stream("GET", url) as response:
            exchange = await provider.next()
            path = response.headers["location"]
            deleted = await client.delete(service.url + path)
            assert (deleted.status_code, deleted.content) == (204, b"")
            await exchange.is_closed()
            end_of_it = messages(await response.aread())[-1]
            assert end_of_it.data["code"] == "cancelled"
            for method in ("GET", "DELETE"):
                gone = await client.request(method, service.url + path)
                assert (gone.status_code, gone.json()["code"]) == (404, "stream_not_found")


async def test_the_oldest_are_let_go_when_there_is_no_room() -> None:
    async with (
        upstream(saying(WHOLE)) as provider,
        service_on(provider, retained_bytes=6000) as service,
    ):
        paths = []
        for _ in range(8):
            found = await first_messages(f"{service.url}/ideas?{QUERY}", 1000)
            paths.append(f"/streams/{found[0].data['stream']}")
        statuses = [(await get(service, path)).status_code for path in paths]
        assert statuses == sorted(statuses, reverse=True)
        assert (statuses[0], statuses[-1]) == (410, 200)
