"""The Python client against the real service, over real sockets: `async for`, and `for`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from structured_streams import StreamError, Usage, response, session, stream, stream_sync

from app.demo.reasoning import FORMS
from app.demo.reasoning import reasoning as thoughts
from tests.clients.python.answers import answer, answering, events
from tests.clients.python.reading import WAYS, read_all, reading
from tests.support.http_client import http_client
from tests.support.proxy import proxy
from tests.support.resuming import ALL, ANSWER
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, end, saying, text, upstream

FIGS = {"topic": "figs", "count": 3, "interval_ms": 0}
START = (
    'event: start\ndata: {"stream":"S","schema":"ideas","model":"m","view":"delta"}\nid: S-0\n\n'
)
FIRST = 'event: patch\ndata: [{"op":"replace","path":"","value":["a"]}]\nid: S-1\n\n'
AGAIN = START.replace("S-0", "S-1")
PING = "event: ping\ndata: null\n\n"
DONE = 'event: done\ndata: ["a"]\nid: S-2\n\n'


class Idea(BaseModel):
    title: str
    blurb: str


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Come back at once: how long it takes is `test_session.py`'s."""
    monkeypatch.setattr(session, "BACKOFF_SECONDS", 0.01)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def demo() -> AsyncIterator[Service]:
    async with running() as service:
        yield service


# -- reasoning --------------------------------------------------------------------------------


async def test_what_the_model_reasons_comes_before_the_value_and_stays_beside_it() -> None:
    async with running(model="", demo_tokens_per_second=0) as service:
        for model in FORMS:
            ideas = stream(service.url, "ideas", topic="tea", model=model, reasoning=True)
            seen = [(partial.value, ideas.reasoning) async for partial in ideas]
            value, reasoned = seen[-1]
            assert reasoned.strip() == thoughts("tea")
            assert value == await ideas.final()
            plain = stream(service.url, "ideas", topic="tea", model=model)
            assert await plain.final() == value
            assert not plain.reasoning


# -- to the end -------------------------------------------------------------------------------


async def test_partials_lead_to_the_final_value_which_is_of_the_type_asked_for(way: str) -> None:
    whole = saying(HEAD + text(ANSWER) + end(usage=(7, 9)))
    async with upstream(whole) as provider, running(openai_base_url=provider.base_url) as service:
        read = await read_all(way, service.url, "ideas", list[Idea], **FIGS)
    assert read.final == [Idea(**idea) for idea in ALL]
    assert read.usage == Usage(7, 9, 1)
    assert read.partials[-1] == (ALL, None, 1)


async def test_a_string_grows_and_the_place_that_is_written_is_known(way: str) -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        reading(way, service.url, "ideas", **FIGS) as (read, task),
    ):
        exchange = await provider.next()
        await exchange.send(HEAD, text('{"items": [{"title": "Fi'))
        await read.until(lambda value: value == [{"title": "Fi", "blurb": None}])
        assert (read.partials[-1].open, read.partials[-1].writing) == ((0, "title"), "/0/title")
        await exchange.text('gs", "blurb": "Sw')
        await read.until(lambda value: value == [{"title": "Figs", "blurb": "Sw"}])
        assert read.partials[-1].writing == "/0/blurb"
        assert [read.partials[-1].is_complete(it) for it in ("/0/title", "/0/blurb")] == [
            True,
            False,
        ]
        await exchange.text('eet."}]}')
        await exchange.finish()
        await task
    assert (read.partials[-1].writing, read.partials[-1].is_complete("")) == (None, True)
    assert read.final == [ALL[0]]


async def test_a_value_that_is_not_of_the_type_is_pydantic_s_error(demo: Service) -> None:
    ideas = stream(demo.url, "ideas", list[int], topic="tea")
    with pytest.raises(ValidationError):
        await ideas.final()


async def test_an_answer_that_is_begun_again_shows_nothing_in_between(way: str) -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        reading(way, service.url, "ideas", **FIGS) as (read, task),
    ):
        first = await provider.next()
        await first.send(HEAD, text('{"items": [{"title": "Fi'))
        await read.until(lambda value: value == [{"title": "Fi", "blurb": None}])
        await first.send(text('gs", "blurb": 1}]}'), end())
        await (await provider.next()).send(HEAD, text(ANSWER), end())
        await task
    attempts = [partial.attempt for partial in read.partials]
    assert attempts == sorted(attempts)
    assert set(attempts) == {1, 2}
    assert read.partials[attempts.index(2)] == (None, None, 2)
    assert read.final == read.partials[-1].value


async def test_a_client_of_one_s_own_sends_the_requests_and_stays_open(demo: Service) -> None:
    async with http_client(timeout=60, headers={"X-Request-ID": "mine"}) as client:
        ideas = stream(demo.url, "ideas", topic="tea", model="demo-truncated", client=client)
        with pytest.raises(StreamError) as raised:
            await ideas.final()
        assert raised.value.request_id == "mine"
        assert not client.is_closed


async def test_a_stream_is_read_once(demo: Service) -> None:
    ideas = stream(demo.url, "ideas", topic="tea")
    assert await ideas.final() == await ideas.final()
    with pytest.raises(RuntimeError):
        aiter(ideas)


async def test_heartbeats_are_passed_over(way: str) -> None:
    told = [PING, START, PING, PING, FIRST, PING, DONE]
    async with answering(events("".join(told))) as server:
        read = await read_all(way, server.url, "ideas", topic="tea")
    assert [partial.value for partial in read.partials] == [["a"], ["a"]]
    assert read.final == ["a"]


async def test_heartbeats_alone_are_no_reason_to_come_back_again_and_again(way: str) -> None:
    async with answering(events(START + FIRST + PING), events(AGAIN + PING)) as server:
        with pytest.raises(StreamError) as raised:
            await read_all(way, server.url, "ideas", topic="tea", retries=2)
    assert raised.value.code == "connection_lost"
    assert len(server.heads) == 4  # one that begins, two that go on, one that cancels
    assert "last-event-id: s-1\r\n" in server.heads[2].lower()


# -- coming back ------------------------------------------------------------------------------


async def test_a_killed_connection_is_come_back_to_and_nothing_is_lost_or_paid_twice(
    way: str,
) -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        proxy(service.url) as between,
        reading(way, between.url, "ideas", **FIGS) as (read, task),
    ):
        exchange = await provider.next()
        await exchange.send(HEAD, text(ANSWER[:40]))
        await read.until(bool)
        between.cut()
        await exchange.text(ANSWER[40:60])
        await eventually(lambda: between.connections == 2)
        between.cut()
        await exchange.text(ANSWER[60:])
        await exchange.finish()
        await task
        assert read.final == ALL
        assert len(provider.exchanges) == 1
        assert {partial.attempt for partial in read.partials} == {1}
        values = [json.dumps(partial.value) for partial in read.partials]
        assert len(set(values[:-1])) == len(values) - 1, "what it has had is not sent again"


async def test_a_first_response_that_is_lost_is_not_paid_twice(way: str) -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        proxy(service.url) as between,
        reading(way, between.url, "ideas", **FIGS) as (read, task),
    ):
        exchange = await provider.next()  # the request has arrived, and has no answer yet
        between.cut()
        await exchange.send(HEAD, text(ANSWER), end())
        await task
        assert read.final == ALL
        assert between.connections == 2
        assert len(provider.exchanges) == 1


async def test_a_service_that_is_busy_is_asked_again_when_it_says(way: str) -> None:
    busy = answer(
        503, "application/problem+json", '{"code":"draining","error":"No.","retryable":true}'
    )
    busy = busy.replace(b"\r\n\r\n", b"\r\nRetry-After: 1\r\n\r\n")
    loop = asyncio.get_running_loop()
    async with answering(busy, events(START + FIRST + DONE)) as server:
        before = loop.time()
        read = await read_all(way, server.url, "ideas", topic="tea", api_key="k")
        assert loop.time() - before >= 1
    assert read.final == ["a"]
    keys = {head.lower().partition("idempotency-key: ")[2].split("\r")[0] for head in server.heads}
    assert len(keys) == 1
    assert all("Authorization: Bearer k\r\n" in head for head in server.heads)


async def test_a_stream_that_ends_in_silence_ends_in_an_error(way: str) -> None:
    gone = answer(502, "text/html", "<h1>Bad gateway</h1>")
    async with answering(events(START + FIRST), events(AGAIN), gone) as server:
        with pytest.raises(StreamError) as raised:
            await read_all(way, server.url, "ideas", topic="tea", retries=2)
    assert (raised.value.code, raised.value.retryable) == ("connection_lost", True)
    paths = [head.split(" HTTP")[0] for head in server.heads]
    again = "GET /streams/S?view=delta"
    assert paths == ["POST /ideas?view=delta", again, again, "DELETE /streams/S"]
    assert "Last-Event-ID: S-1\r\n" in server.heads[2]


async def test_an_event_without_end_is_an_error(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response, "LONGEST_EVENT", 10_000)
    async with answering(events(START + "data: " + "x" * 20_000)) as server:
        with pytest.raises(StreamError) as raised:
            await read_all(way, server.url, "ideas", topic="tea")
    assert raised.value.code == "unexpected_response"


# -- leaving ----------------------------------------------------------------------------------


async def test_who_leaves_the_loop_stops_the_paying(way: str) -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        reading(way, service.url, "ideas", enough=bool, **FIGS) as (_, task),
    ):
        exchange = await provider.next()
        await exchange.send(HEAD, text(ANSWER[:40]))
        await task
        await exchange.is_closed()
        await eventually(lambda: not len(service.streams))


async def test_a_task_that_is_cancelled_stops_the_paying_before_it_ends() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        reading("async", service.url, "ideas", **FIGS) as (read, task),
    ):
        exchange = await provider.next()
        await exchange.send(HEAD, text(ANSWER[:40]))
        await read.until(bool)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert not len(service.streams)
        await exchange.is_closed()


async def test_a_reader_that_is_cancelled_before_the_first_answer_stops_the_paying() -> None:
    async with upstream() as provider:
        settings: dict[str, Any] = {"openai_base_url": provider.base_url, "open_timeout": 0.5}
        async with (
            running(**settings, connect_timeout=0.4) as service,
            reading("async", service.url, "ideas", **FIGS) as (_, task),
        ):
            exchange = await provider.next()
            task.cancel()
            await asyncio.wait([task])
            assert not len(service.streams)
            await exchange.is_closed()
    assert len(provider.exchanges) == 1


async def test_a_block_that_is_left_by_an_error_stops_the_paying_at_once() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        ideas = stream(service.url, "ideas", **FIGS)

        async def stumble() -> None:
            async with ideas:
                async for partial in ideas:
                    raise KeyError(partial.value)

        task = asyncio.create_task(stumble())
        exchange = await provider.next()
        await exchange.send(HEAD, text(ANSWER[:40]))
        with pytest.raises(KeyError):
            await task
        assert not len(service.streams)
        await exchange.is_closed()
        with pytest.raises(StreamError) as raised:
            await ideas.final()
        assert raised.value.code == "abandoned"


# -- errors -----------------------------------------------------------------------------------

FAULTS = {
    "always-invalid": ("output_invalid", True, None),
    "truncated": ("output_truncated", False, None),
    "refusal": ("output_refused", False, None),
    "filtered": ("output_filtered", False, None),
    "disconnect": ("provider_interrupted", True, None),
    "garbage": ("provider_protocol", True, None),
    "error": ("provider_protocol", True, None),
    "429": ("provider_rate_limited", True, 503),
    "500": ("provider_unavailable", True, 502),
    "401": ("provider_rejected", False, 502),
}


async def test_each_fault_of_the_model_is_an_error_of_its_own(demo: Service) -> None:
    async def fault(name: str) -> tuple[str, bool, int | None]:
        with pytest.raises(StreamError) as raised:
            await stream(demo.url, "ideas", topic="tea", model=f"demo-{name}", retries=0).final()
        error = raised.value
        assert str(error)
        assert error.request_id
        assert bool(error.errors) == (name == "always-invalid")
        return error.code, error.retryable, error.status

    found = await asyncio.gather(*map(fault, FAULTS))
    assert dict(zip(FAULTS, found, strict=True)) == FAULTS


async def test_a_request_that_is_wrong_is_told_what_is_wrong(way: str, demo: Service) -> None:
    with pytest.raises(StreamError) as raised:
        await read_all(way, demo.url, "ideas", topic="tea", count=99)
    assert (raised.value.code, raised.value.status) == ("invalid_request", 422)
    assert raised.value.errors == [{"path": "/count", "message": "must be at most 20"}]
    with pytest.raises(StreamError, match="briefs, ideas") as raised:
        await read_all(way, demo.url, "ideaz", topic="tea")
    assert raised.value.status == 404


async def test_a_service_that_can_not_find_streams_again_says_so_at_once(way: str) -> None:
    async with running(workers=2) as service:
        with pytest.raises(StreamError, match="the service runs in several processes") as raised:
            await read_all(way, service.url, "ideas", topic="tea")
    assert (raised.value.code, raised.value.status) == ("invalid_request", 422)
    assert raised.value.errors[0]["message"] == "needs a service of one process (WORKERS=1)"


async def test_where_there_is_no_service_that_is_an_error_within_two_seconds(way: str) -> None:
    async with answering(b"") as server:
        pass
    address = server.url.replace("//", "//user:secret@")
    loop = asyncio.get_running_loop()
    before = loop.time()
    with pytest.raises(StreamError) as raised:
        await read_all(way, address, "ideas", topic="tea")
    assert loop.time() - before < 2
    assert str(raised.value) == f"No service answers at {server.url}."
    assert (raised.value.code, raised.value.status) == ("connection_lost", None)
    assert raised.value.retryable


async def test_so_where_only_a_proxy_answers(way: str) -> None:
    async with answering(answer(502, "text/html", "<h1>Bad gateway</h1>")) as server:
        with pytest.raises(StreamError) as raised:
            await read_all(way, server.url, "ideas", topic="tea")
    assert str(raised.value) == f"No service answers at {server.url}."
    assert (raised.value.code, raised.value.status) == ("connection_lost", 502)


def test_what_is_no_json_and_no_address_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="serialize"):
        stream("http://127.0.0.1:9", "ideas", topic=object())
    with pytest.raises(ValueError, match="http://"):
        stream_sync("127.0.0.1:9", "ideas", topic="tea")
