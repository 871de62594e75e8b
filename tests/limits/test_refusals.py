"""Whatever is refused has counted nowhere: no limit, ticket, slot or budget has less left.

All counts are in a Redis that the test reads by itself, in the tickets, and in the slots.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from redis.asyncio import Redis

from tests.support.callers import CRON, KEYED, WEB, bearer, code, ticket
from tests.support.http_client import http_client
from tests.support.redis import redis
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, Upstream, end, saying, text, upstream

ANSWER = HEAD + text('{"items": [{"title": "Figs", "blurb": "Sweet."}]}')
STREAM = "/ideas?topic=figs&count=1"
ORIGIN = {"Origin": "https://evil.example"}

asynchronous = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Place:
    """A service whose counts are in a Redis, and a client of it."""

    service: Service
    client: httpx.AsyncClient
    redis: Redis
    provider: Upstream
    used_up: str
    expired: str
    narrow: str

    async def counted(self) -> Any:
        """Everything that is counted anywhere."""
        keys = sorted([key async for key in self.redis.scan_iter()])
        values = {key: await self.redis.get(key) for key in keys}
        admission = self.service.app.state.admission
        return (
            {key: int(value) for key, value in values.items() if value and int(value)},
            self.service.app.state.ticket_uses.here,
            (admission.slots.taken, admission.slots.waiting, dict(admission.streams)),
            len(self.provider.exchanges),
        )

    async def get(self, path: str = STREAM, key: str = WEB, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers={**bearer(key), **headers})


@asynccontextmanager
async def patient() -> AsyncIterator[None]:
    """On a busy machine, the store may take its time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.limits.limit_store.STORE_SECONDS", 20)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place() -> AsyncIterator[Place]:
    """`web` has streams and budgets left, and `cron` has used up its budgets."""
    limits = {
        "caller_streams": 2,
        "caller_streams_per_minute": 500,
        "caller_tokens_per_day": 1000,
        "max_streams": 3,
        "max_queued": 0,
    }
    async with (
        redis() as url,
        patient(),
        upstream(
            saying(ANSWER + end("stop", (100, 900)), ANSWER + end("stop", (1, 1)))
        ) as provider,
        running(
            **{**KEYED, **limits},
            openai_base_url=provider.base_url,
            limits_store=SecretStr(url),
            ticket_secret=SecretStr("s" * 32),
        ) as service,
        http_client(base_url=service.url, timeout=20) as client,
        Redis.from_url(url) as store,
    ):
        made = [await ticket(client) for _ in range(2)]
        narrow = await ticket(client, schemas=["movies"])
        found = Place(service, client, store, provider, made[0], made[1], narrow)
        assert (await found.get(key=CRON)).status_code == 200  # which uses up its tokens
        assert (await client.get(STREAM, headers=bearer(made[0]))).status_code == 200
        await eventually(lambda: not len(service.streams))
        await asyncio.sleep(0)
        yield found


Refusal = Callable[[Place], Awaitable[httpx.Response]]


def get(path: str = STREAM, key: str = WEB, **headers: str) -> Refusal:
    return lambda place: place.get(path, key, **headers)


def post(body: Any, **headers: str) -> Refusal:
    async def refused(place: Place) -> httpx.Response:
        content = body if isinstance(body, bytes) else None
        return await place.client.post(
            "/ideas",
            json=None if content else body,
            content=content,
            headers={**bearer(WEB), **headers},
        )

    return refused


def by_ticket(name: str) -> Refusal:
    return lambda place: place.client.get(STREAM, headers=bearer(getattr(place, name)))


async def draining(place: Place) -> httpx.Response:
    place.service.streams.draining = True
    try:
        return await place.get()
    finally:
        place.service.streams.draining = False


def full(slots: int, caller: str) -> Refusal:
    """So many slots are taken, by streams of this caller."""

    async def refused(place: Place) -> httpx.Response:
        admission = place.service.app.state.admission
        taken = [admission.slots.ask() for _ in range(slots)]
        admission.streams[caller] += slots
        try:
            return await place.get()
        finally:
            for slot in taken:
                admission.leave(caller, slot)

    return refused


async def conflict(place: Place) -> httpx.Response:
    """The key of a stream that runs, with another topic. The stream itself is no refusal."""
    return await place.client.post(
        "/ideas", json={"topic": "dates"}, headers={**bearer(WEB), "Idempotency-Key": "known"}
    )


REFUSALS: dict[str, tuple[Refusal, tuple[int, str]]] = {
    "unknown schema": (get("/nothing?topic=figs"), (404, "unknown_schema")),
    "no topic": (get("/ideas"), (422, "invalid_request")),
    "unknown key": (get(f"{STREAM}&x=1"), (422, "invalid_request")),
    "unknown model": (get(f"{STREAM}&model=x"), (422, "invalid_request")),
    "unknown view": (get(f"{STREAM}&view=x"), (422, "invalid_request")),
    "no such format": (get(Accept="image/png"), (406, "not_acceptable")),
    "broken body": (
        post(b"{", **{"Content-Type": "application/json"}),
        (400, "invalid_request"),
    ),
    "no JSON": (post(b"topic", **{"Content-Type": "text/plain"}), (415, "unsupported_media_type")),
    "wrong body": (post({"topic": 5}), (422, "invalid_request")),
    "large body": (post({"topic": "x" * 70_000}), (413, "payload_too_large")),
    "long idempotency key": (
        post({"topic": "figs"}, **{"Idempotency-Key": "k" * 256}),
        (422, "invalid_request"),
    ),
    "another's key": (conflict, (409, "idempotency_conflict")),
    "coming back": (get(**{"Last-Event-ID": "abc-1"}), (404, "stream_not_found")),
    "wrong key": (get(key="sk_wrong"), (401, "unauthorized")),
    "foreign page": (get(**ORIGIN), (403, "forbidden")),
    "ticket that is used up": (by_ticket("used_up"), (403, "forbidden")),
    "ticket for another schema": (by_ticket("narrow"), (403, "forbidden")),
    "budget that is used up": (get(key=CRON), (429, "rate_limited")),
    "streams at once": (full(2, "web"), (429, "rate_limited")),
    "no room": (full(3, "other"), (503, "overloaded")),
    "draining": (draining, (503, "draining")),
}


@asynchronous
async def test_each_refusal_is_one_and_has_counted_nowhere(place: Place) -> None:
    known = {**bearer(WEB), "Idempotency-Key": "known"}
    assert (
        await place.client.post("/ideas", json={"topic": "figs"}, headers=known)
    ).status_code == 200
    await eventually(lambda: not len(place.service.streams))
    for name, (refused, expected) in REFUSALS.items():
        before = await place.counted()
        assert code(await refused(place)) == expected, name
        assert await place.counted() == before, name


@asynchronous
async def test_refusals_at_once_in_any_company_have_counted_nowhere(place: Place) -> None:
    """Calls that come together are refused as each is alone, whichever they are."""
    apart = {"draining", "streams at once", "no room"}  # they change what the others are told
    for seed in range(15):
        company = Random(seed).choices(sorted(REFUSALS.keys() - apart), k=6)
        before = await place.counted()
        answers = await asyncio.gather(*(REFUSALS[name][0](place) for name in company))
        assert [code(answer) for answer in answers] == [REFUSALS[name][1] for name in company]
        assert await place.counted() == before, company


@asynchronous
async def test_one_ticket_takes_one_place_in_the_queue_and_no_more_of_its_callers_minute(
    place: Place,
) -> None:
    """Of five calls at once, the ticket lets one begin. The others have counted nowhere."""
    one = await ticket(place.client)
    before = (await place.counted())[0]
    answers = await asyncio.gather(
        *(place.client.get(STREAM, headers=bearer(one)) for _ in range(5))
    )
    assert sorted(code(answer) for answer in answers) == [(200, "")] + [(403, "forbidden")] * 4
    await eventually(lambda: not len(place.service.streams))
    after = (await place.counted())[0]
    minute = {key: n for key, n in after.items() if key.endswith(b"/1/minute")}
    assert sum(minute.values()) - sum(before.get(key, 0) for key in minute) <= 1


@asynchronous
async def test_many_posts_at_once_with_one_key_count_once(place: Place) -> None:
    asked = len(place.provider.exchanges)
    headers = {**bearer(WEB), "Idempotency-Key": "fifty"}
    before = (await place.counted())[0]
    answers = await asyncio.gather(
        *(place.client.post("/ideas", json={"topic": "figs"}, headers=headers) for _ in range(50))
    )
    assert {code(answer) for answer in answers} == {(200, "")}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len(place.provider.exchanges) == asked + 1
    after = (await place.counted())[0]
    minute = [key for key in after if b"minute" in key]
    assert sum(after[key] - before.get(key, 0) for key in minute) == 1
