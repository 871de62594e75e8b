"""Coming back to a stream, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from itertools import cycle
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from tests.support.connection import NDJSON, Connection, Event, asked, code, connected
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, Exchange, Upstream, end, saying, text, upstream
from tests.wire.played import Patched, applied

FIGS = {"title": "Figs", "blurb": "Sweet."}
NUTS = {"title": "Nuts", "blurb": "Dry."}
RICE = {"title": "Rice", "blurb": "White."}
ALL = [FIGS, NUTS, RICE]
PIECES = {  # each makes one event in its view
    "delta": [
        '{"items": [',
        '{"title": "Fi',
        'gs", "blurb": "Swe',
        'et."}, ',
        f"{json.dumps(NUTS)}, ",
        f"{json.dumps(RICE)}]}}",
    ],
    "items": [
        f'{{"items": [{json.dumps(FIGS)}',
        f", {json.dumps(NUTS)}",
        f",{json.dumps(RICE)}]}}",
    ],
}
ANSWER = json.dumps({"items": ALL})
QUERY = "topic=figs&count=3&interval_ms=0&resumable=true"

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


class Opened:
    """A stream with the provider that it comes from, written by the test."""

    def __init__(self, provider: Upstream) -> None:
        self.provider = provider
        self.exchange: Exchange

    async def answer(self) -> Exchange:
        """The next request to the provider has its headers."""
        self.exchange = await self.provider.next()
        await self.exchange.send(HEAD)
        return self.exchange


async def open_both(
    stack: Any, service: Service, provider: Upstream, path: str, **headers: str
) -> tuple[Connection, Exchange]:
    """A stream that has begun, and the provider's side of it."""
    opened = Opened(provider)
    answering = asyncio.create_task(opened.answer())
    connection = await stack.enter_async_context(connected(service.url + path, **headers))
    return connection, await answering


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
        running(openai_base_url=provider.base_url) as service,
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
            await opened.exchange.finish(usage=(7, 9))
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


async def finished(service: Service, view: str) -> tuple[str, list[Event]]:
    """A stream that has ended, and all its events."""
    async with connected(f"{service.url}/ideas?{QUERY}&view={view}") as whole:
        return whole.stream, await whole.rest()


SAID = [HEAD + text('{"items": [{"title": "F'), HEAD + text(ANSWER) + end(usage=(7, 9))]


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


class Owners:
    """Who a caller says that it is."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope["owner"] = dict(scope["headers"]).get(b"x-owner", b"").decode()
        await self._app(scope, receive, send)


NEVER = "0" * 32


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


async def ended_at_once(service: Service, owner: str = "") -> str:
    """A stream that is not kept, after its end."""
    async with connected(f"{service.url}/ideas?topic=figs&count=3", X_Owner=owner) as stream:
        await stream.rest()
    return stream.stream


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


# -- how long it is there ---------------------------------------------------------------------


async def test_after_the_retention_it_has_expired() -> None:
    async with (
        upstream(saying(HEAD + text(ANSWER) + end())) as provider,
        running(openai_base_url=provider.base_url, retention_seconds=0.05) as service,
    ):
        id, events = await finished(service, "delta")
        url = f"{service.url}/streams/{id}"

        async with asyncio.timeout(10):
            while (await asked(url)).status_code != 410:
                pass
        gone = (410, "stream_expired")
        for event in events:
            assert await code(f"{service.url}/ideas?{QUERY}", Last_Event_ID=event.id) == gone
            assert await code(url, Last_Event_ID=event.id) == gone
        assert await code(url, "DELETE") == (404, "stream_not_found")
        assert len(provider.exchanges) == 1


async def test_what_is_over_the_bound_goes_first_that_ended_first_and_a_running_one_never() -> None:
    async with upstream() as provider:
        settings: Any = {"openai_base_url": provider.base_url, "retained_bytes": 8000}
        async with running(**settings) as service:
            opened = Opened(provider)
            answering = asyncio.create_task(opened.answer())
            async with connected(f"{service.url}/recipes?topic=a&resumable=true") as running_one:
                exchange = await answering
                await exchange.text('{"items": [{"name": "' + "x" * 20_000)
                ids = []
                for _ in range(8):
                    answering = asyncio.create_task(opened.answer())
                    ended = asyncio.create_task(finished(service, "delta"))
                    await (await answering).send(text(ANSWER), end())
                    ids.append((await ended)[0])
                there = [(await code_or_ok(service, id)) for id in ids]
                assert there == sorted(there, reverse=True)
                assert there[0] == 410
                assert there[-1] == 200
                async with connected(f"{service.url}/streams/{running_one.stream}") as late:
                    assert (await late.next()).event == "start"


async def code_or_ok(service: Service, id: str) -> int:
    return (await asked(f"{service.url}/streams/{id}")).status_code


async def test_without_a_reader_it_goes_on_for_the_grace_period_and_then_is_cancelled() -> None:
    async with upstream() as provider:
        settings: Any = {"openai_base_url": provider.base_url, "resume_grace_seconds": 0.2}
        async with running(**settings) as service:
            opened = Opened(provider)
            answering = asyncio.create_task(opened.answer())
            async with connected(f"{service.url}/ideas?{QUERY}&view=delta") as first:
                exchange = await answering
                await exchange.text('{"items": [')
                await first.next()
            assert not exchange.closed.is_set()
            await exchange.is_closed(10)
            async with connected(f"{service.url}/streams/{first.stream}") as late:
                assert (await late.rest())[-1].data["code"] == "cancelled"


async def test_while_nobody_reads_it_goes_on_and_a_reader_who_comes_back_has_all_of_it() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        async with connected(f"{service.url}/ideas?{QUERY}&view=delta") as first:
            exchange = await answering
            await first.next()
            await exchange.text('{"items": [')
            last = await first.next()
        await eventually(lambda: not service.connections)
        await exchange.text(f"{json.dumps(FIGS)}, {json.dumps(NUTS)}")
        async with by_header(service, "delta", last.id) as back:
            await back.next()
            patch = await back.next()
            assert [operation["op"] for operation in patch.data] == ["add", "add"]
            await exchange.text("]}")
            await exchange.finish()
            assert (await back.rest())[-1].data == [FIGS, NUTS]


async def test_what_ends_while_nobody_reads_is_kept() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        async with connected(f"{service.url}/ideas?{QUERY}&view=items") as first:
            exchange = await answering
            start = await first.next()
        await exchange.send(text(ANSWER), end())
        await eventually(lambda: not len(service.streams))
        async with by_header(service, "items", start.id) as back:
            events = await back.rest()
            assert [event.data for event in events if event.event == "item"] == ALL
            assert events[-1].data == ALL


# -- DELETE -----------------------------------------------------------------------------------


@pytest.mark.parametrize("resumable", ["true", "false"])
async def test_delete_cancels_a_stream_and_forgets_it(resumable: str) -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        query = f"topic=figs&interval_ms=0&resumable={resumable}"
        async with connected(f"{service.url}/ideas?{query}") as first:
            exchange = await answering
            url = f"{service.url}/streams/{first.stream}"
            async with connected(f"{url}?view=delta") as second:
                gone = await asked(url, "DELETE")
                assert (gone.status_code, gone.content) == (204, b"")
                await exchange.is_closed()
                for reader in (first, second):
                    last = (await reader.rest())[-1]
                    assert last.event == "error"
                    assert last.data["code"] == "cancelled"
        for method in ("GET", "DELETE"):
            assert await code(url, method) == (404, "stream_not_found")
        assert await code(url, Last_Event_ID=last.id) == (404, "stream_not_found")


async def test_delete_forgets_a_stream_that_has_ended() -> None:
    async with (
        upstream(saying(HEAD + text(ANSWER) + end())) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        id, _ = await finished(service, "delta")
        url = f"{service.url}/streams/{id}"
        assert await code(url, "DELETE") == (204, "")
        assert await code(url) == (404, "stream_not_found")
        assert await code(url, "DELETE") == (404, "stream_not_found")
        assert await code(f"{service.url}/streams/{NEVER}", "DELETE") == (404, "stream_not_found")


# -- not resumable ----------------------------------------------------------------------------


async def test_to_a_stream_that_is_not_resumable_one_may_attach_while_it_runs() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        async with connected(f"{service.url}/ideas?topic=figs&count=3&interval_ms=0") as first:
            exchange = await answering
            await exchange.text('{"items": [')
            url = f"{service.url}/streams/{first.stream}"
            async with connected(url) as second:
                await first.response.aclose()  # one reader is left
                await exchange.text(f"{json.dumps(FIGS)}]}}")
                await exchange.finish()
                assert (await second.rest())[-1][:2] == ("done", [FIGS])
        await eventually(lambda: not len(service.streams))
        assert await code(url) == (410, "stream_expired")


async def test_when_the_last_reader_goes_it_is_cancelled_and_is_not_begun_again() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        url = f"{service.url}/ideas?topic=figs&interval_ms=0&view=delta"
        async with connected(url) as first:
            exchange = await answering
            start = await first.next()
            async with connected(f"{service.url}/streams/{first.stream}"):
                pass
            assert not exchange.closed.is_set()
        await exchange.is_closed()
        await eventually(lambda: not len(service.streams))
        assert await code(url, Last_Event_ID=start.id) == (410, "stream_expired")
        assert len(provider.exchanges) == 1


async def test_after_the_end_the_last_event_of_one_that_is_not_kept_has_expired() -> None:
    async with (
        upstream(saying(HEAD + text(ANSWER) + end())) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        url = f"{service.url}/ideas?topic=figs&count=3&view=delta"
        async with connected(url) as stream:
            events = await stream.rest()
        await eventually(lambda: not len(service.streams))
        assert await code(url, Last_Event_ID=events[-1].id) == (410, "stream_expired")
        assert len(provider.exchanges) == 1


# -- what is told of it -----------------------------------------------------------------------


@pytest.mark.parametrize("resumable", ["true", "false"])
async def test_a_stream_is_logged_and_counted_once_however_many_read_it(resumable: str) -> None:
    with capture_logs() as logs:
        async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
            opened = Opened(provider)
            answering = asyncio.create_task(opened.answer())
            query = f"topic=figs&count=3&interval_ms=0&resumable={resumable}"
            async with connected(f"{service.url}/ideas?{query}") as first:
                exchange = await answering
                url = f"{service.url}/streams/{first.stream}"
                async with connected(url) as second, connected(url) as third:
                    await exchange.send(text(ANSWER), end())
                    for reader in (first, second, third):
                        await reader.rest()
            if resumable == "true":
                for _ in range(2):
                    async with connected(url) as late:
                        await late.rest()
            metrics = (await asked(f"{service.url}/metrics")).text
        assert [log["event"] for log in logs if log.get("id") == first.stream] == [
            "stream started",
            "stream ended",
        ]
        assert 'streams_started_total{schema="ideas"} 1.0' in metrics
        assert 'streams_ended_total{code="done",schema="ideas"} 1.0' in metrics
        assert "streams_active 0.0" in metrics


# -- text can't be taken back -----------------------------------------------------------------


@pytest.mark.parametrize("end_", ["restart", "error"])
async def test_what_fails_after_the_first_byte_of_a_text_ends_abruptly(end_: str) -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        url = f"{service.url}/ideas?topic=figs&interval_ms=0&view=text"
        async with (
            httpx.AsyncClient(timeout=10) as client,
            client.stream("GET", url) as response,
        ):
            assert response.headers["content-type"].startswith("text/plain")
            exchange = await answering
            await exchange.text('{"items": [{"title": "Fi')
            texts = response.aiter_text()
            assert await anext(texts) == '[{"title":"Fi'
            if end_ == "restart":
                await exchange.text('gs", "blurb": 7}')
            else:
                await exchange.finish("length")
            with pytest.raises(httpx.RemoteProtocolError):
                await anext(texts)
        await eventually(lambda: not service.connections)


async def test_a_text_that_fails_before_its_first_byte_ends_abruptly_too() -> None:
    async def answered() -> Exchange:
        exchange = await provider.next()
        await exchange.send(HEAD)
        return exchange

    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        answering = asyncio.create_task(answered())
        url = f"{service.url}/ideas?topic=figs&view=text"
        async with (
            httpx.AsyncClient(timeout=10) as client,
            client.stream("GET", url) as response,
        ):
            assert response.status_code == 200
            exchange = await answering
            await exchange.finish("length")
            with pytest.raises(httpx.RemoteProtocolError):
                await response.aread()


async def test_before_the_first_byte_of_a_text_a_restart_is_silent() -> None:
    answers = [HEAD + text("{}") + end(), HEAD + text(ANSWER) + end()]
    async with (
        upstream(saying(*answers)) as provider,
        running(openai_base_url=provider.base_url, heartbeat_seconds=0.01) as service,
    ):
        answer = await asked(f"{service.url}/ideas?topic=figs&count=3&view=text")
        assert answer.json() == ALL
        assert len(provider.exchanges) == 2
