"""Limits of callers and of the process, on a real server: who is refused, and what that costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median
from typing import Any

import pytest

from app.limits.quota import Used
from app.schema import ListParameters
from app.streams.request import GenerationRequest
from tests.support.bare import Client
from tests.support.callers import CRON, KEYED, WEB, bearer, code
from tests.support.connection import Connection, asked, connected
from tests.support.http_client import http_client
from tests.support.process import SECONDS
from tests.support.schema_files import REGISTRY
from tests.support.service import Service, eventually, running
from tests.support.upstream import (
    HEAD,
    Upstream,
    by_hand,
    end,
    holding,
    saying,
    status,
    text,
    upstream,
)

STREAM = "/ideas?topic=figs&count=1"
ANSWER = HEAD + text('{"items": [{"title": "Figs", "blurb": "Sweet."}]}')
WHOLE = ANSWER + end()


@asynccontextmanager
async def serving(script: Any = by_hand, **settings: Any) -> AsyncIterator[tuple[Service, Any]]:
    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url, **{**KEYED, **settings}) as service,
    ):
        yield service, provider
        await eventually(lambda: is_empty(service))


def is_empty(service: Service) -> bool:
    """Nothing is taken of what was given."""
    admission = service.app.state.admission
    slots = admission.slots
    return (len(service.streams), slots.taken, slots.waiting, len(admission.streams)) == (0,) * 4


async def get(service: Service, key: str = WEB, path: str = STREAM, **headers: str) -> Any:
    return await asked(service.url + path, X_API_Key=key, **headers)


@asynccontextmanager
async def streams(
    service: Service, provider: Upstream, number: int, key: str = WEB, path: str = STREAM
) -> AsyncIterator[list[Connection]]:
    """So many streams that go on."""

    async def answer() -> None:
        await (await provider.next()).send(HEAD, text('{"items": [{"title": "F'))

    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(number):
            answering = asyncio.create_task(answer())
            opened.append(
                await stack.enter_async_context(connected(service.url + path, X_API_Key=key))
            )
            await answering
        yield opened


# A caller's own


async def test_a_caller_has_so_many_streams_at_once_and_others_have_theirs() -> None:
    async with (
        serving(caller_streams=2) as (service, provider),
        streams(service, provider, 2, CRON),
    ):
        async with streams(service, provider, 2):
            for _ in range(5):
                refusal = await get(service)
                assert code(refusal) == (429, "rate_limited")
                assert refusal.headers["retry-after"] == "1"
            assert len(provider.exchanges) == 4
        await eventually(lambda: len(service.streams) == 2)
        async with streams(service, provider, 2):
            assert len(provider.exchanges) == 6


async def test_a_stream_that_goes_on_without_readers_is_one_and_coming_back_is_none() -> None:
    path = f"{STREAM}&resumable=true"
    async with serving(caller_streams=1) as (service, provider):
        async with streams(service, provider, 1, path=path) as [stream]:
            first = await stream.next()
            assert first is not None
        assert code(await get(service)) == (429, "rate_limited")
        location = f"{service.url}/streams/{stream.stream}"
        async with connected(location, X_API_Key=WEB) as again:
            assert again.stream == stream.stream
        async with connected(f"{service.url}{path}", X_API_Key=WEB, Last_Event_ID=first.id or ""):
            pass
        assert (await asked(location, "DELETE", X_API_Key=WEB)).status_code == 204


async def test_a_caller_begins_so_many_streams_a_minute_and_refused_calls_do_not_count() -> None:
    async with serving(saying(WHOLE), caller_streams_per_minute=3) as (service, provider):
        for _ in range(3):
            for wrong in ("/ideas", f"{STREAM}&view=x", "/streams/x", f"{STREAM}&model=x"):
                assert (await get(service, path=wrong)).status_code in (404, 422)
            assert code(await get(service)) == (200, "")
        for _ in range(3):
            refusal = await get(service)
            assert code(refusal) == (429, "rate_limited")
            assert 1 <= int(refusal.headers["retry-after"]) <= 60
        assert code(await get(service, CRON)) == (200, "")
        assert len(provider.exchanges) == 4


async def test_what_the_service_has_no_room_for_does_not_count() -> None:
    limits = {"caller_streams_per_minute": 2, "max_streams": 1, "max_queued": 1}
    async with serving(**limits, queue_seconds=0) as (service, provider):
        async with streams(service, provider, 1, CRON):
            for _ in range(3):
                assert code(await get(service)) == (503, "overloaded")
        await eventually(lambda: is_empty(service))
        for _ in range(2):
            async with streams(service, provider, 1):
                pass
            await eventually(lambda: is_empty(service))
        assert code(await get(service)) == (429, "rate_limited")


async def test_an_idempotency_key_counts_once() -> None:
    async with serving(saying(WHOLE), caller_streams_per_minute=1) as (service, provider):
        body = {"topic": "figs", "count": 1}
        for _ in range(3):
            answer = await asked(
                f"{service.url}/ideas", "POST", json=body, X_API_Key=WEB, Idempotency_Key="k"
            )
            assert code(answer) == (200, "")
        assert len(provider.exchanges) == 1


USAGES: list[tuple[Any, dict[str, Any], int]] = [
    # The provider tells: what it says.
    (saying(ANSWER + end("stop", (60, 40))), {}, 100),
    # It tells of both attempts, one of which was no answer.
    (
        saying(HEAD + text("no") + end("stop", (30, 20)), ANSWER + end("stop", (25, 25))),
        {"max_attempts": 2},
        100,
    ),
    # It has refused: nothing was used.
    (saying(status(401)), {}, 0),
]


@pytest.mark.parametrize(("script", "settings", "used"), USAGES, ids=["told", "twice", "refused"])
async def test_tokens_are_counted_as_the_provider_tells(
    script: Any, settings: dict[str, Any], used: int
) -> None:
    for limit in (used, used + 1):
        async with serving(script, caller_tokens_per_day=limit or 1, **settings) as (service, _):
            await get(service)
            await eventually(lambda service=service: is_empty(service))
            again = await get(service)
            if used and limit <= used:
                assert code(again) == (429, "rate_limited")
                assert 86_300 < int(again.headers["retry-after"]) <= 86_400
                assert code(await get(service, CRON)) != (429, "rate_limited")
            else:
                assert again.status_code != 429


TEXT = '{"items": [{"title": "Figs", "blurb": "Sweet."}]}'
REQUEST = GenerationRequest(REGISTRY.get("ideas"), ListParameters(topic="figs", count=1), "m")
PROMPT = asyncio.run(REQUEST.messages())
ESTIMATE = (sum(len(message["content"]) for message in PROMPT) + len(TEXT)) // 4


@pytest.mark.parametrize("over", [0, 1])
async def test_where_the_provider_does_not_tell_a_quarter_of_the_characters_is_counted(
    over: int,
) -> None:
    async with serving(saying(WHOLE), caller_tokens_per_day=ESTIMATE + over) as (service, _):
        assert (await get(service)).status_code == 200
        await eventually(lambda: is_empty(service))
        assert (await get(service)).status_code == (200 if over else 429)


@pytest.mark.parametrize("over", [0, 1])
async def test_who_leaves_before_the_end_has_used_what_there_was(over: int) -> None:
    async with serving(holding(HEAD + text(TEXT)), caller_tokens_per_day=ESTIMATE + over) as (
        service,
        _,
    ):
        for expected in (200, 200 if over else 429):
            client = Client(service.url + STREAM, X_API_Key=WEB)
            assert str(expected).encode() in await client.until(
                b"Sweet." if expected == 200 else b"}"
            )
            client.leave()
            await eventually(lambda: is_empty(service))


async def test_workers_share_a_callers_limits() -> None:
    shared = {"workers": 2, "ticket_secret": "s" * 32}
    async with (
        serving(caller_streams=4, caller_streams_per_minute=6, **shared) as (service, provider),
        streams(service, provider, 2),
    ):
        assert "at once" in (await get(service)).json()["detail"]
    async with serving(caller_tokens_per_day=2 * 10**6, **shared) as (service, _):
        await service.app.state.admission.quota.begin("web", Used(10**6))
        assert "tokens" in (await get(service)).json()["detail"]


async def test_where_there_are_no_keys_all_callers_are_one() -> None:
    limits = {"caller_streams": 1, "caller_streams_per_minute": 2, "caller_tokens_per_day": 10**6}
    async with serving(api_keys=(), **limits) as (service, provider):
        for _ in range(2):
            async with streams(service, provider, 1):
                assert "at once" in (await get(service, CRON)).json()["detail"]
            await eventually(lambda: is_empty(service))
        assert "a minute" in (await get(service)).json()["detail"]


# The process's


async def test_who_finds_no_room_waits_in_order_and_is_served_when_there_is() -> None:
    async with serving(max_streams=1, queue_seconds=30) as (service, provider):
        slots = service.app.state.admission.slots
        async with streams(service, provider, 1):
            waiting = []
            for number in range(3):
                path = f"/ideas?topic=topic{number}&count=1"
                waiting.append(asyncio.create_task(get(service, path=path)))
                await eventually(lambda number=number: slots.waiting == number + 1)
            assert len(provider.exchanges) == 1
        for number in range(3):
            exchange = await provider.next()
            assert f"topic{number}" in str(exchange.body)
            assert len(service.streams) == 1
            await exchange.send(WHOLE)
            exchange.eof()
            assert (await waiting[number]).status_code == 200


async def test_the_queue_has_a_bound() -> None:
    async with serving(max_streams=1, max_queued=2, queue_seconds=3600) as (service, provider):
        slots = service.app.state.admission.slots
        async with streams(service, provider, 1):
            queued = [Client(service.url + STREAM, X_API_Key=WEB) for _ in range(2)]
            await eventually(lambda: slots.waiting == 2)
            assert code(await get(service)) == (503, "overloaded")
            assert slots.waiting == 2
            for client in queued:
                client.leave()
            await eventually(lambda: slots.waiting == 0)
        assert len(provider.exchanges) == 1


async def test_those_in_the_queue_have_a_deadline() -> None:
    async with (
        serving(max_streams=1, queue_seconds=0.3) as (service, provider),
        streams(service, provider, 1),
    ):
        loop = asyncio.get_running_loop()
        began = loop.time()  # the clock that the deadline is kept by
        for refusal in await asyncio.gather(get(service), get(service)):
            assert code(refusal) == (503, "overloaded")
            assert refusal.headers["retry-after"] == "1"
        assert loop.time() - began >= 0.3
        assert len(provider.exchanges) == 1


async def test_who_leaves_the_queue_costs_nothing_and_takes_nobodys_turn() -> None:
    async with serving(max_streams=1, queue_seconds=30) as (service, provider):
        slots = service.app.state.admission.slots
        url = service.url + STREAM
        async with streams(service, provider, 1):
            leaving = [Client(url, X_API_Key=WEB) for _ in range(5)]
            await eventually(lambda: slots.waiting == 5)
            patient = asyncio.create_task(get(service))
            await eventually(lambda: slots.waiting == 6)
            for client in leaving:
                client.leave()
            await eventually(lambda: slots.waiting == 1)
        exchange = await provider.next()
        await exchange.send(WHOLE)
        exchange.eof()
        assert (await patient).status_code == 200
        assert len(provider.exchanges) == 2


async def test_one_caller_cannot_fill_the_queue_beyond_its_own_limit() -> None:
    async with serving(max_streams=1, caller_streams=2, queue_seconds=30) as (service, provider):
        slots = service.app.state.admission.slots
        async with streams(service, provider, 1):
            url = service.url + STREAM
            client = Client(url, X_API_Key=WEB)
            await eventually(lambda: slots.waiting == 1)
            assert code(await get(service)) == (429, "rate_limited")
            client.leave()
            await eventually(lambda: slots.waiting == 0)


async def test_a_refusal_waits_for_nothing_and_the_service_is_alive_when_it_is_full() -> None:
    """It costs about what `/healthz` costs, which is asked in turn with it."""
    settings = {"caller_streams": 3, "max_streams": 5, "max_queued": 0, "queue_seconds": 3600}
    async with (
        serving(**settings) as (service, provider),
        streams(service, provider, 3),
        streams(service, provider, 2, CRON),
        http_client(base_url=service.url, timeout=SECONDS) as client,
    ):

        async def seconds(path: str, headers: dict[str, str], expected: int) -> float:
            began = time.perf_counter()
            assert (await client.get(path, headers=headers)).status_code == expected
            return time.perf_counter() - began

        for headers, expected in (
            ({}, 401),
            ({"Origin": "https://evil.example"}, 403),
            (bearer(WEB), 429),
            (bearer(CRON), 503),
        ):
            refusals, others = [], []
            for _ in range(100):
                refusals.append(await seconds(STREAM, headers, expected))
                others.append(await seconds("/healthz", {}, 200))
            assert median(refusals) < 10 * median(others)
        assert (await client.get("/readyz")).status_code == 200
        assert len(provider.exchanges) == 5
