"""`Idempotency-Key`: the same call twice is one stream, and is paid for once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.support.connection import asked, code, connected
from tests.support.raw import exchange as raw
from tests.support.resuming import Owners
from tests.support.service import Service, eventually, running
from tests.support.upstream import (
    HEAD,
    Exchange,
    Upstream,
    delta,
    end,
    event,
    saying,
    status,
    text,
    upstream,
)

ANSWER = '{"items": [{"title": "Figs", "blurb": "Sweet."}]}'
VALUE = json.loads(ANSWER)["items"]
GOOD = HEAD + text(ANSWER) + end()
TOPIC = {"topic": "figs"}
KEY = {"Idempotency_Key": "k"}


async def value(url: str, body: Any = TOPIC, **headers: str) -> tuple[str, Any]:
    """The stream of a POST that is read to its end, and what it ends in."""
    async with connected(url, "POST", json=body, **headers) as stream:
        last = (await stream.rest())[-1]
        return stream.stream, last.data


def readers(service: Service) -> int:
    """How many there are of the streams that run."""
    return sum(stream.followers for stream in service.streams._running)


async def test_the_same_key_and_body_attach_to_the_same_stream_after_its_end() -> None:
    async with (
        upstream(saying(GOOD)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        url = f"{service.url}/ideas"
        first = await value(url, **KEY)
        assert first[1] == VALUE
        assert await value(url, **KEY) == first
        assert await value(f"{url}?view=delta", **KEY) == first
        answer = await asked(url, "POST", json=TOPIC, Accept="application/json", **KEY)
        assert answer.json() == VALUE
        assert await value(f"{service.url}/streams", {"schema": "ideas", **TOPIC}, **KEY) == first
        assert len(provider.exchanges) == 1
        assert (await value(url, Idempotency_Key="other"))[0] != first[0]
        assert (await value(url))[0] != first[0]
        assert len(provider.exchanges) == 3


async def test_the_key_may_stand_in_the_query_where_no_header_can_be_set() -> None:
    async with (
        upstream(saying(GOOD)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        url = f"{service.url}/ideas"
        async with connected(f"{url}?topic=figs&idempotency_key=a%20k") as stream:
            first = stream.stream, (await stream.rest())[-1].data
        async with connected(f"{url}?topic=figs&view=delta&idempotency_key=a+k") as stream:
            assert (stream.stream, (await stream.rest())[-1].data) == first
        assert await value(f"{url}?idempotency_key=a%20k") == first
        assert await value(f"{url}?idempotency_key=other", Idempotency_Key="a k") == first
        assert len(provider.exchanges) == 1
        conflict = f"{url}?topic=nuts&idempotency_key=a%20k"
        assert await code(conflict) == (409, "idempotency_conflict")


@pytest.mark.parametrize("key", ["", "a" * 256, "%C3%A9", "a%0A", "%00"])
async def test_a_key_in_the_query_that_is_none_is_refused(key: str) -> None:
    async with running() as service:
        answer = await asked(f"{service.url}/ideas?topic=figs&idempotency_key={key}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["path"] == "/idempotency_key"


async def test_while_it_runs_they_attach_and_share_it() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        url = f"{service.url}/ideas?interval_ms=0"
        first = asyncio.create_task(value(url, **KEY))
        exchange = await provider.next()
        await exchange.send(HEAD, text('{"items": ['))
        second = asyncio.create_task(value(url, **KEY))
        await eventually(lambda: readers(service) == 2)
        await exchange.send(text(ANSWER.removeprefix('{"items": [')), end())
        assert await first == await second
        assert len(provider.exchanges) == 1


async def test_many_at_once_before_the_provider_has_answered_are_one_stream() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        url = f"{service.url}/ideas"
        calls = [asyncio.create_task(value(url, **KEY)) for _ in range(8)]
        exchange = await provider.next()
        await eventually(lambda: readers(service) == 8)
        await exchange.send(GOOD)
        ended = await asyncio.gather(*calls)
        assert len({id for id, _ in ended}) == 1
        assert all(found == VALUE for _, found in ended)
        assert len(provider.exchanges) == 1


async def test_a_key_implies_that_the_stream_is_resumable() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        url = f"{service.url}/ideas?interval_ms=0&resumable=false"
        opening = asyncio.create_task(opens(provider))
        async with connected(url, "POST", json=TOPIC, **KEY) as first:
            exchange = await opening
            await first.next()
        await eventually(lambda: not service.connections)
        await exchange.send(text(ANSWER.removeprefix('{"items": [')), end())
        await eventually(lambda: not len(service.streams))
        assert await value(url, **KEY) == (first.stream, VALUE)
        assert await code(f"{service.url}/streams/{first.stream}", "DELETE") == (204, "")
        assert (await value_again(url, provider)) != first.stream


async def opens(provider: Upstream) -> Exchange:
    """The next request to the provider, whose answer has begun."""
    exchange = await provider.next()
    await exchange.send(HEAD, text('{"items": ['))
    return exchange


async def value_again(url: str, provider: Upstream) -> str:
    """The stream of a call with the key, which the provider answers."""
    call = asyncio.create_task(value(url, **KEY))
    await (await provider.next()).send(GOOD)
    return (await call)[0]


async def test_who_leaves_before_the_provider_has_answered_finds_the_stream_again() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        url = f"{service.url}/ideas"
        call = asyncio.create_task(value(url, **KEY))
        exchange = await provider.next()
        call.cancel()
        await asyncio.wait({call})
        await eventually(lambda: not service.connections)
        assert not exchange.closed.is_set()
        again = asyncio.create_task(value(url, **KEY))
        await eventually(lambda: readers(service) == 1)
        await exchange.send(GOOD)
        assert (await again)[1] == VALUE
        assert len(provider.exchanges) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TOPIC, {"topic": "figs", "count": 5}),
        ({"topic": "figs", "count": 5}, TOPIC),
        (TOPIC, {"topic": "  figs "}),
        ({"topic": "figs", "count": 2}, {"count": 2, "topic": "figs"}),
    ],
)
async def test_what_means_the_same_is_the_same(first: Any, second: Any) -> None:
    async with (
        upstream(saying(GOOD)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        url = f"{service.url}/ideas"
        assert await value(url, first, **KEY) == await value(url, second, **KEY)
        assert len(provider.exchanges) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/ideas", {"topic": "nuts"}),
        ("/ideas", {"topic": "figs", "count": 4}),
        ("/ideas?model=n", TOPIC),
        ("/recipes", TOPIC),
        ("/streams", {"schema": "movies", "topic": "figs"}),
    ],
)
async def test_another_request_with_the_same_key_is_a_conflict(path: str, body: Any) -> None:
    async with upstream() as provider:
        settings: Any = {"openai_base_url": provider.base_url, "models": "m,n"}
        async with running(**settings) as service:
            call = asyncio.create_task(value(f"{service.url}/ideas", **KEY))
            exchange = await provider.next()
            conflict = (409, "idempotency_conflict")
            assert await code(service.url + path, "POST", json=body, **KEY) == conflict
            await exchange.send(GOOD)
            assert (await call)[1] == VALUE
            assert await code(service.url + path, "POST", json=body, **KEY) == conflict
            assert len(provider.exchanges) == 1


async def test_a_conflict_does_not_say_what_the_other_request_was() -> None:
    async with (
        upstream(saying(GOOD)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        await value(f"{service.url}/ideas", **KEY)
        answer = await asked(f"{service.url}/ideas", "POST", json={"topic": "nuts"}, **KEY)
        assert answer.json() == {
            "type": "about:blank",
            "title": "Conflict",
            "status": 409,
            "detail": "This idempotency key was used for a different request.",
            "code": "idempotency_conflict",
            "error": "This idempotency key was used for a different request.",
            "retryable": False,
            "request_id": "R",
        }


async def test_another_caller_may_have_the_same_key() -> None:
    async with (
        upstream(saying(GOOD)) as provider,
        running(openai_base_url=provider.base_url, middleware=Owners) as service,
    ):
        url = f"{service.url}/ideas"
        mine = await value(url, X_Owner="me", **KEY)
        theirs = await value(url, {"topic": "nuts"}, X_Owner="you", **KEY)
        assert mine[0] != theirs[0]
        assert await value(url, X_Owner="me", **KEY) == mine


# -- keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["k", "inner space", "~!@#$%^&*()[]{}", "x" * 255])
async def test_a_key_is_any_printable_ascii(key: str) -> None:
    async with (
        upstream(saying(GOOD)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        url = f"{service.url}/ideas"
        assert await value(url, Idempotency_Key=key) == await value(url, Idempotency_Key=key)
        assert len(provider.exchanges) == 1


@pytest.mark.parametrize(
    "headers",
    [
        b"Idempotency-Key: " + b"x" * 256,
        b"Idempotency-Key:",
        b"Idempotency-Key:   ",
        b"Idempotency-Key: caf\xe9",
        "Idempotency-Key: café".encode(),
        b"Idempotency-Key: a\tb",
        b"Idempotency-Key: a\r\nIdempotency-Key: a",
    ],
)
async def test_what_is_no_key_is_refused_and_begins_nothing(headers: bytes) -> None:
    async with (
        upstream(saying(GOOD)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        body = json.dumps(TOPIC).encode()
        request = b"\r\n".join(
            [
                b"POST /ideas HTTP/1.1",
                b"Host: localhost",
                b"Connection: close",
                b"Content-Type: application/json",
                b"Content-Length: %d" % len(body),
                headers,
                b"",
                body,
            ]
        )
        answer = await raw(service.url, request)
        assert answer.startswith(b"HTTP/1.1 422 ")
        assert b'"code":"invalid_request"' in answer
        assert not provider.exchanges


async def test_get_ignores_the_header() -> None:
    async with (
        upstream(saying(GOOD)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        url = f"{service.url}/ideas?topic=figs"
        ids = []
        for key in ("k", "k", "x" * 300):
            async with connected(url, Idempotency_Key=key) as stream:
                assert (await stream.rest())[-1].data == VALUE
                ids.append(stream.stream)
        assert len(set(ids)) == 3
        await eventually(lambda: not len(service.streams))
        assert await code(f"{service.url}/streams/{ids[0]}") == (410, "stream_expired")


# -- what frees a key -------------------------------------------------------------------------


LATER = {"Retry_After": "60"}


@pytest.mark.parametrize(
    "refusal", [status(401), status(400), status(503, **LATER), status(429, **LATER)]
)
async def test_a_call_that_is_refused_before_its_200_frees_its_key_at_once(refusal: bytes) -> None:
    async with (
        upstream(saying(refusal, refusal, refusal, GOOD)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        url = f"{service.url}/ideas"
        for _ in range(3):
            answer = await asked(url, "POST", json=TOPIC, **KEY)
            assert answer.status_code >= 500
        assert (await value(url, {"topic": "another"}, **KEY))[1] == VALUE
        assert len(provider.exchanges) == 4


async def test_those_who_waited_for_a_refused_call_are_refused_alike() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        url = f"{service.url}/ideas"
        calls = [asyncio.create_task(code(url, "POST", json=TOPIC, **KEY)) for _ in range(3)]
        exchange = await provider.next()
        await eventually(lambda: readers(service) == 3)
        await exchange.send(status(401))
        assert await asyncio.gather(*calls) == [(502, "provider_rejected")] * 3
        assert len(provider.exchanges) == 1


@pytest.mark.parametrize(
    "said",
    [text("{") + event({"error": {}}), text('{"items": [{"title": 7}')],
    ids=["provider_protocol", "output_invalid"],
)
async def test_a_retryable_error_frees_the_key(said: bytes) -> None:
    async with (
        upstream(saying(HEAD + said, GOOD)) as provider,
        running(openai_base_url=provider.base_url, max_attempts=1) as service,
    ):
        url = f"{service.url}/ideas"
        failed, error = await value(url, **KEY)
        assert error["retryable"] is True
        again, found = await value(url, **KEY)
        assert (again != failed, found) == (True, VALUE)
        # What has failed is still there under its id.
        async with connected(f"{service.url}/streams/{failed}") as late:
            assert (await late.rest())[-1].data["code"] == error["code"]


@pytest.mark.parametrize("said", [text("{") + end("length"), delta(refusal="No.") + end()])
async def test_an_error_that_is_not_keeps_it(said: bytes) -> None:
    async with (
        upstream(saying(HEAD + said, GOOD)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        url = f"{service.url}/ideas"
        failed, error = await value(url, **KEY)
        assert error["retryable"] is False
        again, same = await value(url, **KEY)
        assert (again, same["code"]) == (failed, error["code"])
        assert len(provider.exchanges) == 1


async def test_a_refusal_after_the_200_is_the_end_of_a_stream_that_is_there() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, open_timeout=0.05) as service,
    ):
        url = f"{service.url}/ideas"
        async with connected(url, "POST", json=TOPIC, **KEY) as stream:
            start = await stream.next()
            await (await provider.next()).send(status(401))
            assert (await stream.rest())[-1].data["code"] == "provider_rejected"
        await eventually(lambda: not len(service.streams))
        again, error = await value(url, **KEY)
        assert (again, error["code"]) == (stream.stream, "provider_rejected")
        async with connected(f"{service.url}/streams/{again}", Last_Event_ID=start.id) as back:
            assert [event.event for event in await back.rest()] == ["start", "error"]
        assert len(provider.exchanges) == 1


async def test_after_the_retention_the_key_begins_another() -> None:
    async with (
        upstream(saying(GOOD)) as provider,
        running(openai_base_url=provider.base_url, retention_seconds=0.05) as service,
    ):
        url = f"{service.url}/ideas"
        first, _ = await value(url, **KEY)
        async with asyncio.timeout(10):
            while (await value(url, **KEY))[0] == first:
                pass
        assert len(provider.exchanges) >= 2


async def test_a_call_that_is_not_valid_does_not_use_its_key_up() -> None:
    async with (
        upstream(saying(GOOD)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        url = f"{service.url}/ideas"
        invalid = (422, "invalid_request")
        assert await code(url, "POST", json={"topic": ""}, **KEY) == invalid
        assert await code(f"{url}?model=none", "POST", json=TOPIC, **KEY) == invalid
        assert (await value(url, **KEY))[1] == VALUE
