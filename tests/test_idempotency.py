"""`Idempotency-Key`: the same key and caller attach to the stream that the first call began."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.support.events import messages
from tests.support.service import Service, running
from tests.support.upstream import HEAD, Exchange, Upstream, end, saying, status, text, upstream

ANSWER = '{"items": [{"title": "Figs", "blurb": "Sweet."}]}'
WHOLE = HEAD + text(ANSWER) + end()
BODY = {"topic": "figs"}


async def post(
    service: Service, key: str | bytes, body: Any = BODY, query: str = ""
) -> httpx.Response:
    async with httpx.AsyncClient(timeout=20) as client:
        return await client.post(
            f"{service.url}/ideas{query}", json=body, headers={"Idempotency-Key": key}
        )


def stream_of(response: httpx.Response) -> str:
    """The id of the stream that a response is of."""
    assert response.status_code == 200, response.text
    return response.headers["location"].removeprefix("/streams/")


def ends_in(response: httpx.Response) -> str | None:
    return messages(response.content)[-1].event


async def test_the_same_key_attaches_to_the_same_stream_while_it_runs_and_after() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD + text(ANSWER[:30]))
        await go_on.wait()
        await exchange.send(text(ANSWER[30:]) + end())

    go_on = asyncio.Event()
    async with upstream(script) as provider, service_on(provider) as service:
        first = asyncio.create_task(post(service, "k"))
        await provider.next()
        second = asyncio.create_task(post(service, "k"))
        go_on.set()
        third = await post(service, "k")
        found = {stream_of(response) for response in (await first, await second, third)}
        assert len(found) == 1
        assert ends_in(third) == "done"
        assert len(provider.exchanges) == 1


async def test_calls_that_come_before_the_provider_has_answered_share_one_stream() -> None:
    async def script(exchange: Exchange) -> None:
        await go_on.wait()
        await exchange.send(WHOLE)

    go_on = asyncio.Event()
    async with upstream(script) as provider, service_on(provider) as service:
        calls = [asyncio.create_task(post(service, "k")) for _ in range(5)]
        await provider.next()
        go_on.set()
        assert len({stream_of(response) for response in await asyncio.gather(*calls)}) == 1
        assert len(provider.exchanges) == 1


async def test_defaults_are_filled_in_before_requests_are_compared() -> None:
    async with upstream(saying(WHOLE)) as provider, service_on(provider) as service:
        one = await post(service, "k", {"topic": "figs"})
        two = await post(service, "k", {"topic": "  figs ", "count": 5}, "?model=m")
        assert stream_of(one) == stream_of(two)


@pytest.mark.parametrize(
    ("body", "query"),
    [({"topic": "dates"}, ""), ({"topic": "figs", "count": 4}, ""), (BODY, "?model=n")],
)
async def test_another_request_with_the_same_key_is_a_conflict(body: Any, query: str) -> None:
    async with upstream(saying(WHOLE)) as provider, service_on(provider) as service:
        stream_of(await post(service, "k"))
        refused = await post(service, "k", body, query)
        assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_conflict")
        assert len(provider.exchanges) == 1


async def test_another_schema_with_the_same_key_is_a_conflict() -> None:
    async with upstream(saying(WHOLE)) as provider, service_on(provider) as service:
        stream_of(await post(service, "k"))
        async with httpx.AsyncClient() as client:
            body = {"schema": "movies", "topic": "figs"}
            refused = await client.post(
                f"{service.url}/streams", json=body, headers={"Idempotency-Key": "k"}
            )
        assert refused.status_code == 409
        assert len(provider.exchanges) == 1


@pytest.mark.parametrize("key", ["", "k" * 256, "schlüssel".encode(), "tab\there"])
async def test_a_key_is_1_to_255_printable_characters(key: str | bytes) -> None:
    async with upstream(saying(WHOLE)) as provider, service_on(provider) as service:
        refused = await post(service, key)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
        assert not provider.exchanges
        assert (await post(service, "k" * 255)).status_code == 200


async def test_a_call_that_was_refused_frees_its_key() -> None:
    async with upstream(saying(status(401), WHOLE)) as provider, service_on(provider) as service:
        assert (await post(service, "k")).status_code == 502
        assert ends_in(await post(service, "k")) == "done"
        assert len(provider.exchanges) == 2


async def test_a_stream_that_ended_in_a_retryable_error_frees_its_key() -> None:
    async with (
        upstream(saying(HEAD + text("{]"), WHOLE)) as provider,
        service_on(provider, max_attempts=1) as service,
    ):
        assert ends_in(await post(service, "k")) == "error"
        assert ends_in(await post(service, "k", {"topic": "other"})) == "done"


async def test_a_stream_that_ended_in_another_error_keeps_its_key() -> None:
    truncated = HEAD + text(ANSWER[:30]) + end("length")
    async with upstream(saying(truncated, WHOLE)) as provider, service_on(provider) as service:
        one, two = await post(service, "k"), await post(service, "k")
        assert ends_in(one) == ends_in(two) == "error"
        assert stream_of(one) == stream_of(two)
        assert len(provider.exchanges) == 1


async def test_a_deleted_stream_frees_its_key() -> None:
    async with upstream(saying(WHOLE)) as provider, service_on(provider) as service:
        first = stream_of(await post(service, "k"))
        async with httpx.AsyncClient() as client:
            assert (await client.delete(f"{service.url}/streams/{first}")).status_code == 204
        assert stream_of(await post(service, "k")) != first


async def test_a_get_has_no_key() -> None:
    async with upstream(saying(WHOLE)) as provider, service_on(provider) as service:
        async with httpx.AsyncClient() as client:
            for _ in range(2):
                url = f"{service.url}/ideas?topic=figs"
                stream_of(await client.get(url, headers={"Idempotency-Key": "k"}))
        assert len(provider.exchanges) == 2


def service_on(provider: Upstream, **settings: Any) -> Any:
    return running(openai_base_url=provider.base_url, models="m,n", **settings)
