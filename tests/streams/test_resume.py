"""Coming back to a stream, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from itertools import cycle
from typing import Any

import httpx
import pytest

from tests.support.begun import IDEAS
from tests.support.connection import NDJSON, Event, asked, code, connected
from tests.support.resuming import (
    ALL,
    ANSWER,
    FIGS,
    NEVER,
    NUTS,
    QUERY,
    RICE,
    Opened,
    Owners,
    ended_at_once,
    finished,
)
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, Exchange, end, saying, text, upstream
from tests.views.played import Patched, applied

# Each makes one event in its view. The value stays open: a whole one with nothing behind it is done
# after a second, however slow the test is.
PIECES = {
    "delta": [
        '{"items": [',
        '{"title": "Fi',
        'gs", "blurb": "Swe',
        'et."}, ',
        f"{json.dumps(NUTS)}, ",
        json.dumps(RICE),
    ],
    "items": [
        f'{{"items": [{json.dumps(FIGS)}',
        f", {json.dumps(NUTS)}",
        f",{json.dumps(RICE)}",
    ],
}
Way = Callable[[Service, str, str], Any]
"""How a reader comes back: to the service, in a view, after an event."""


def by_header(service: Service, view: str, last: str, **headers: str) -> Any:
    url = f"{service.url}/streams/{last.split('-')[0]}?view={view}&interval_ms=0"
    return connected(url, Last_Event_ID=last, **headers)


def by_query(service: Service, view: str, last: str, **headers: str) -> Any:
    id = last.split("-")[0]
    url = f"{service.url}/streams/{id}?view={view}&interval_ms=0&last_event_id={last}"
    return connected(url, **headers)


def as_an_event_source(service: Service, view: str, last: str, **headers: str) -> Any:
    return connected(f"{service.url}/ideas?{QUERY}&view={view}", Last_Event_ID=last, **headers)


def by_post(service: Service, view: str, last: str, **headers: str) -> Any:
    url, body = f"{service.url}/ideas?view={view}&interval_ms=0", {"topic": "figs"}
    return connected(url, "POST", json=body, Last_Event_ID=last, **headers)


def by_post_to_any(service: Service, view: str, last: str, **headers: str) -> Any:
    url = f"{service.url}/streams?view={view}&interval_ms=0"
    return connected(url, "POST", json={}, Last_Event_ID=last, **headers)


WAYS: list[Way] = [by_header, by_query, as_an_event_source, by_post, by_post_to_any]


# -- after every event ------------------------------------------------------------------------


class Broken:
    """A reader that is cut off after every single event, and comes back each time anew."""

    def __init__(self, service: Service, view: str, headers: dict[str, str]) -> None:
        self.got: list[Event] = []
        self.last = ""
        self._service = service
        self._view = view
        self._headers = headers
        self._ways = cycle(WAYS)

    async def take_one(self, meanwhile: Callable[[], Awaitable[None]] | None = None) -> None:
        way = next(self._ways)
        async with way(self._service, self._view, self.last, **self._headers) as back:
            start = await back.next()
            assert (start.event, start.id) == ("start", self.last)
            if meanwhile is not None:
                await meanwhile()
            event = await back.next()
            assert event is not None
            self.got.append(event)
            self.last = event.id


@pytest.mark.parametrize("accept", ["text/event-stream", NDJSON])
@pytest.mark.parametrize("view", ["delta", "items"])
async def test_who_is_cut_off_after_every_event_gets_exactly_what_an_unbroken_reader_gets(
    view: str, accept: str
) -> None:
    pieces = PIECES[view]
    opened: Opened

    async def next_event() -> None:
        unbroken.append(await whole.next())

    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, keep_elements=False) as service,
    ):
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        url = f"{service.url}/ideas?{QUERY}&view={view}"
        async with connected(url, Accept=accept) as whole:
            await answering
            broken = Broken(service, view, {"Accept": accept})
            start, unbroken = await whole.next(), []
            broken.last = start.id

            async def say(piece: str) -> None:
                await opened.exchange.text(piece)
                await next_event()

            async def fail() -> None:
                await opened.exchange.text(
                    '", "blurb": 7}' if view == "delta" else ', {"title": 7}'
                )
                await next_event()

            for number, piece in enumerate([*pieces[:2], None, *pieces]):
                if piece is None:
                    answering = asyncio.create_task(opened.answer())
                    await broken.take_one(fail)
                    await answering
                elif number % 2:
                    await say(piece)
                    await broken.take_one()
                else:  # it is there while it is being written
                    await broken.take_one(lambda piece=piece: say(piece))
            await opened.exchange.send(text("]}") + end(usage=(7, 9)))
            unbroken += await whole.rest()
            while len(broken.got) < len(unbroken):
                await broken.take_one()
            assert broken.got == unbroken
            assert [event.event for event in unbroken].count("restart") == 1
            assert unbroken[-1].event == "done"
            assert unbroken[-1].data == ALL
            back = await asked(
                f"{service.url}/streams/{whole.stream}?view={view}", Last_Event_ID=broken.last
            )
            assert (back.status_code, back.content) == (204, b"")
        assert len(provider.exchanges) == 2


@pytest.mark.parametrize("view", ["delta", "items", "snapshot"])
async def test_from_each_event_of_a_stream_that_has_ended_the_rest_leads_to_the_same(
    view: str,
) -> None:
    async def script(exchange: Exchange) -> None:
        answer = '{"items": [{"title": "Figs", "blurb": 7}' if first else ANSWER
        first.clear()
        await exchange.send(HEAD)
        for at in range(0, len(answer), 9):
            await exchange.text(answer[at : at + 9])
            await asyncio.sleep(0)
        await exchange.finish(usage=(7, 9))

    first = [True]
    async with upstream(script) as provider, running(openai_base_url=provider.base_url) as service:
        id, events = await finished(service, view)
        assert events[-1].data == ALL
        for count, event in enumerate(events, 1):
            if event.id is None:
                continue
            if event is events[-1]:
                last = {"Last_Event_ID": event.id}
                assert await code(f"{service.url}/streams/{id}", **last) == (204, "")
                continue
            for way in WAYS:
                async with way(service, view, event.id) as back:
                    start, *rest = await back.rest()
                assert start.id == event.id
                assert outcome(events[:count] + rest) == outcome(events)
                assert all(later.position > event.position for later in rest if later.id)
        assert len(provider.exchanges) == 2


def outcome(events: list[Event]) -> dict[str, Any]:
    """What a client has at the end."""
    client, items, partial, usage = Patched(), [], None, None
    for event in events:
        match event.event:
            case "restart":
                items, partial = [], None
                client = Patched()
            case "patch":
                for operation in event.data:
                    client.state = applied(client.state, operation)
            case "item":
                items.append(event.data)
            case "usage":
                assert usage is None
                usage = event.data
            case None:
                partial = event.data
    state = client.state if isinstance(client.state, list) else None
    return {
        "state": state,
        "items": items,
        "partial": partial,
        "usage": usage,
        "end": (events[-1].event, events[-1].data),
    }


# -- attaching --------------------------------------------------------------------------------


async def test_who_attaches_gets_the_state_so_far_and_then_what_follows() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        async with connected(f"{service.url}/ideas?{QUERY}") as first:
            exchange = await answering
            await first.next()
            for piece in PIECES["delta"][:3]:
                await exchange.text(piece)
                await first.next()
            url = f"{service.url}/streams/{first.stream}?interval_ms=0"
            async with (
                connected(url) as snapshot,
                connected(f"{url}&view=delta", Accept=NDJSON) as delta,
                connected(f"{url}&view=items") as items,
            ):
                so_far = [{"title": "Figs", "blurb": "Swe"}]
                readers = [(snapshot, "snapshot"), (delta, "delta"), (items, "items")]
                for reader, view in readers:
                    start = await reader.next()
                    assert start.data == {
                        "stream": first.stream,
                        "schema": "ideas",
                        "schema_version": IDEAS.version,
                        "model": "m",
                        "view": view,
                    }
                    assert start.position == 0
                assert (await snapshot.next())[:2] == (None, so_far)
                replace = {"op": "replace", "path": "", "value": so_far}
                assert (await delta.next())[:2] == ("patch", [replace])
                await exchange.text('et."}, ')
                assert (await snapshot.next())[:2] == (None, [FIGS])
                append = {"op": "append", "path": "/0/blurb", "value": "et."}
                assert (await delta.next())[:2] == ("patch", [append])
                assert (await items.next())[:2] == ("item", FIGS)
                async with connected(f"{url}&view=items") as late:
                    assert [(await late.next()).event, (await late.next())[:2]] == [
                        "start",
                        ("item", FIGS),
                    ]
                await exchange.text(f"{json.dumps(NUTS)}]}}")
                await exchange.finish()
                for reader, _ in [(first, ""), *readers]:
                    last = (await reader.rest())[-1]
                    assert last[:2] == ("done", [FIGS, NUTS])


async def test_after_a_restart_an_attaching_reader_gets_the_attempt_that_runs() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        async with connected(f"{service.url}/ideas?{QUERY}&view=delta") as first:
            exchange = await answering
            await first.next()
            answering = asyncio.create_task(opened.answer())
            await exchange.text('{"items": [{"title": 7}')
            restart = await first.next()
            assert restart.event == "restart"
            exchange = await answering
            await exchange.text('{"items": [{"title": "Fi')
            await first.next()
            url = f"{service.url}/streams/{first.stream}?interval_ms=0&view=delta"
            async with connected(url) as late:
                assert (await late.next()).id == restart.id
                (operation,) = (await late.next()).data
                assert (operation["op"], operation["path"]) == ("replace", "")
                assert operation["value"] == [{"title": "Fi", "blurb": None}]


@pytest.mark.parametrize("path", ["?view=text", "?view=text&last_event_id={last}"])
async def test_who_attaches_to_a_text_has_all_of_it(path: str) -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        async with connected(f"{service.url}/ideas?{QUERY}&view=delta") as first:
            exchange = await answering
            start = await first.next()
            for piece in PIECES["delta"][:5]:  # all but the last element
                await exchange.text(piece)
                last = await first.next()
            url = f"{service.url}/streams/{first.stream}" + path.format(last=last.id)
            whole = asyncio.create_task(asked(url))
            await eventually(lambda: service.connections == 2)
            await exchange.text(f"{json.dumps(RICE)}]}}")
            await exchange.finish()
            assert (await whole).json() == ALL
            assert start.position == 0


async def test_json_waits_for_the_value_of_a_stream_and_finds_that_of_one_that_is_kept() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        async with connected(f"{service.url}/ideas?{QUERY}") as first:
            exchange = await answering
            url = f"{service.url}/streams/{first.stream}"
            value = asyncio.create_task(asked(url, Accept="application/json"))
            await exchange.send(text(ANSWER), end())
            assert (await value).json() == ALL
            await first.rest()
        assert (await asked(url, Accept="application/json")).json() == ALL


async def test_what_has_ended_is_kept_with_its_end() -> None:
    said = HEAD + text(ANSWER) + end("length")
    async with (
        upstream(saying(said)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        async with connected(f"{service.url}/ideas?{QUERY}") as first:
            events = await first.rest()
        assert events[-1].data["code"] == "output_truncated"
        async with connected(f"{service.url}/streams/{first.stream}") as late:
            assert [event.event for event in await late.rest()] == ["start", None, "error"]
        assert await code(f"{service.url}/streams/{first.stream}", Accept="application/json") == (
            502,
            "output_truncated",
        )


# -- ids that lead nowhere --------------------------------------------------------------------


def nowhere(id: str) -> list[str]:
    """Events that no stream of this id has had."""
    return [
        "",
        "-",
        "-1",
        "nonsense",
        id,
        f"{id}-",
        f"{id}--1",
        f"{id}-01",
        f"{id}-00",
        f"{id}-1.0",
        f"{id}-1e0",
        f"{id}-0x1",
        f"{id}-+1",
        f"{id}-1 ",
        f"{id}-999999",
        f"{id}-9999999999999999",
        f"{id}-{'9' * 25}",
        f"{id}-{'9' * 5000}",
        f"{id}-{'0' * 40}1",
        f"{id.upper()}x-1",
        f"{id}/-1",
        f"{NEVER}-1",
        "é-1",
        f"{id}-\u0661",  # a digit, but not one of ours
        "a" * 3000,
    ]


async def test_an_event_that_never_was_is_not_found_and_begins_nothing() -> None:
    async with (
        upstream(saying(HEAD + text(ANSWER) + end())) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        id, _ = await finished(service, "delta")
        for last in filter(None, nowhere(id)):
            query = {"last_event_id": last, "view": "delta"}
            for path in ("/ideas", f"/streams/{id}"):
                url = httpx.URL(service.url + path, params=query)
                assert await code(str(url)) == (404, "stream_not_found"), last
            url = httpx.URL(service.url + "/streams", params=query)
            assert await code(str(url), "POST", json={"schema": "ideas", "topic": "figs"}) == (
                404,
                "stream_not_found",
            )
        assert len(provider.exchanges) == 1


async def test_what_is_not_ones_own_is_told_apart_from_what_never_was_by_nothing() -> None:
    async with (
        upstream(saying(HEAD + text(ANSWER) + end())) as provider,
        running(openai_base_url=provider.base_url, middleware=Owners) as service,
    ):

        async def told(id: str, method: str = "GET", **options: str) -> Any:
            url = f"{service.url}/streams/{id}"
            answer = await asked(url, method, X_Owner="you", **options)
            headers = {k: v for k, v in answer.headers.items() if k != "date"}
            return answer.status_code, answer.content, headers

        mine = f"/ideas?{QUERY}"
        async with connected(service.url + mine, X_Owner="me") as stream:
            await stream.rest()
        id, over = stream.stream, await ended_at_once(service, "me")
        for theirs in (id, over):
            assert await told(theirs) == await told(NEVER)
            assert await told(theirs, "DELETE") == await told(NEVER, "DELETE")
            for view in ("delta", "items", "text", "nonsense"):
                assert await told(f"{theirs}?view={view}") == await told(f"{NEVER}?view={view}")
            for position in ("0", "1", "99", "x"):
                last = {"Last_Event_ID": f"{theirs}-{position}"}
                never = {"Last_Event_ID": f"{NEVER}-{position}"}
                assert await told(theirs, **last) == await told(NEVER, **never)
                assert await told(NEVER, **last) == await told(NEVER, **never)
        assert (await told(id))[0] == 404
        assert await code(f"{service.url}/streams/{id}", X_Owner="me", Accept="*/*;q=0") == (
            406,
            "not_acceptable",
        )
        assert await code(f"{service.url}/streams/{over}", X_Owner="me") == (410, "stream_expired")
        async with connected(f"{service.url}/streams/{id}", X_Owner="me") as own:
            assert (await own.rest())[-1].data == ALL


async def test_a_stream_is_of_its_schema() -> None:
    async with (
        upstream(saying(HEAD + text(ANSWER) + end())) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        _, events = await finished(service, "delta")
        for method in ("GET", "POST"):
            url = f"{service.url}/movies?topic=figs&view=delta"
            last = {"Last_Event_ID": events[0].id}
            assert await code(url if method == "GET" else f"{service.url}/movies", method, **last)
            assert (await code(url, "GET", **last)) == (404, "stream_not_found")
        assert await code(f"{service.url}/movies", "POST", json={"topic": "a"}, **last) == (
            404,
            "stream_not_found",
        )
        assert len(provider.exchanges) == 1
