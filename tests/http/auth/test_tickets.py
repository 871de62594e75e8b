"""Tickets: what a browser has in place of a key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from pydantic import SecretStr
from redis.asyncio import Redis

from app.errors import Forbidden, Overloaded
from app.http.auth.keys import make_key, mark_of
from app.http.auth.ticket_uses import LEEWAY_SECONDS, TicketUses
from app.http.auth.tickets import Ticket, TicketRequest, Tickets
from app.limits.limit_store import LimitStore
from app.redis.address import Address
from tests.support.callers import CRON, KEYED, WEB, bearer, code, ticket
from tests.support.client import SECONDS
from tests.support.connection import connected
from tests.support.http_client import http_client
from tests.support.redis import redis
from tests.support.service import Service, running
from tests.support.upstream import HEAD, end, saying, status, text, upstream

asynchronous = pytest.mark.asyncio(loop_scope="module")

STREAM = "/ideas?topic=tea&count=1"
SECRET = "s" * 64
PAGE = "http://localhost:3000"
ANSWER = HEAD + text('{"items": [{"title": "Tea", "blurb": "Hot."}]}') + end()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service() -> AsyncIterator[Service]:
    async with running(**KEYED, ticket_secret=SecretStr(SECRET)) as service:
        yield service


def signed(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """A ticket as a forger would write it, or as it will be."""
    default = {
        "caller": "web",
        "key": mark_of(CRON if claims.get("caller") == "cron" else WEB),
        "sub": "me",
        "jti": "j",
        "exp": int(time.time()) + 60,
        "streams": 99,
    }
    return jwt.encode({**default, **claims}, secret, algorithm)


@asynchronous
async def test_a_ticket_begins_as_many_streams_as_it_says(client: httpx.AsyncClient) -> None:
    given = await ticket(client, streams=2)
    assert (await client.get(STREAM, headers=bearer(given))).status_code == 200
    assert (await client.get(f"{STREAM}&ticket={given}")).status_code == 200
    for refused in (
        await client.get(f"{STREAM}&ticket={given}"),
        await client.post("/ideas", json={"topic": "tea"}, headers=bearer(given)),
        await client.post(f"/streams?ticket={given}", json={"schema": "ideas", "topic": "tea"}),
    ):
        assert code(refused) == (403, "forbidden")
        assert given not in refused.text


@asynchronous
async def test_what_is_given_says_for_how_long_and_for_whom(client: httpx.AsyncClient) -> None:
    wanted = {"subject": "visitor-17", "minutes": 7}
    answer = await client.post("/tickets", json=wanted, headers={"X-API-Key": WEB})
    given = answer.json()
    claims = jwt.decode(given.pop("ticket"), SECRET, algorithms=["HS256"])
    assert given == {"subject": "visitor-17", "expires_in": 420}
    assert answer.headers["cache-control"] == "no-store"
    assert abs(claims["exp"] - time.time() - 420) < 10
    assert (claims["caller"], claims["sub"], claims["streams"]) == ("web", "visitor-17", 1)


WRONG: list[tuple[Any, str]] = [
    ({"minutes": 0}, "/minutes"),
    ({"minutes": 61}, "/minutes"),
    ({"minutes": "5"}, "/minutes"),
    ({"streams": 0}, "/streams"),
    ({"streams": 1001}, "/streams"),
    ({"subject": ""}, "/subject"),
    ({"subject": "c4n4ry c4n4ry"}, "/subject"),
    ({"subject": "c" * 129}, "/subject"),
    ({"schemas": []}, "/schemas"),
    ({"schemas": ["c4n4ry"]}, "/schemas"),
    ({"schemas": "ideas"}, "/schemas"),
    ({"origin": "c4n4ry"}, "/origin"),
    ({"origin": "https://a.example/c4n4ry"}, "/origin"),
    ({"c4n4ry": 1}, ""),
]


@asynchronous
@pytest.mark.parametrize(("wanted", "place"), WRONG)
async def test_a_wrong_wish_is_refused_and_told_where(
    client: httpx.AsyncClient, wanted: Any, place: str
) -> None:
    answer = await client.post("/tickets", json=wanted, headers=bearer(WEB))
    assert code(answer) == (422, "invalid_request")
    assert [detail["path"] for detail in answer.json()["errors"]] in ([place], [f"{place}/0"])
    assert "c4n4ry" not in answer.text


@asynchronous
async def test_only_a_key_gets_a_ticket(client: httpx.AsyncClient) -> None:
    given = await ticket(client)
    assert code(await client.post("/tickets", json={})) == (401, "unauthorized")
    answer = await client.post("/tickets", json={}, headers=bearer(given))
    assert code(answer) == (403, "forbidden")
    answer = await client.post(f"/tickets?ticket={given}", json={})
    assert code(answer) == (403, "forbidden")
    answer = await client.post("/tickets?a=b", json={}, headers=bearer(WEB))
    assert code(answer) == (422, "invalid_request")
    async with running() as open_, http_client(timeout=60, base_url=open_.url) as other:
        assert code(await other.post("/tickets", json={})) == (403, "forbidden")


@asynchronous
@pytest.mark.parametrize(
    "forged",
    [
        signed("x" * 64),
        signed("", "none"),
        signed(SECRET, "HS512"),
        signed(caller="nobody"),
        signed(streams="many"),
        signed(sub=None),
        signed().rsplit(".", 1)[0] + ".",
        signed() + "x",
        signed().replace("e", "f", 1),
        "a.b.c",
        "..",
        "x" * 5000,
        "é",
    ],
)
async def test_a_forged_one_is_none(client: httpx.AsyncClient, forged: str) -> None:
    headers = {"Authorization": f"Bearer {forged}".encode()}
    for answer in (
        await client.get(STREAM, headers=headers),  # type: ignore[arg-type]
        await client.get(STREAM, params={"topic": "tea", "ticket": forged}),
        await client.get(STREAM, headers={"X-API-Key": signed()}),
    ):
        assert code(answer) == (401, "unauthorized")
    assert (await client.get(STREAM, headers=bearer(signed()))).status_code == 200


@asynchronous
async def test_it_is_for_its_schemas_and_its_pages_alone(client: httpx.AsyncClient) -> None:
    given = await ticket(client, schemas=["movies", "briefs"], streams=9)
    assert code(await client.get(STREAM, headers=bearer(given))) == (403, "forbidden")
    body = {"schema": "ideas", "topic": "tea"}
    answer = await client.post("/streams", json=body, headers=bearer(given))
    assert code(answer) == (403, "forbidden")
    assert (await client.get("/briefs?topic=tea", headers=bearer(given))).status_code == 200

    given = await ticket(client, origin=PAGE, streams=9)
    url = f"{STREAM}&ticket={given}"
    assert (await client.get(url, headers={"Origin": PAGE})).status_code == 200
    for headers in ({}, {"Origin": str(client.base_url)}, {"Origin": "https://evil.example"}):
        assert code(await client.get(url, headers=headers)) == (403, "forbidden")
    # A page of the service's own host: its GET carries no Origin, its POST does.
    given = await ticket(client, origin=str(client.base_url).rstrip("/"), streams=9)
    assert (await client.get(f"{STREAM}&ticket={given}")).status_code == 200


@asynchronous
async def test_its_stream_is_its_subjects_and_coming_back_costs_no_use_even_when_expired(
    client: httpx.AsyncClient, service: Service
) -> None:
    mine, theirs = await ticket(client, subject="me"), await ticket(client, subject="you")
    begun = await client.get(f"{STREAM}&resumable=true&ticket={mine}")
    path = begun.headers["location"]
    event = f"{path.removeprefix('/streams/')}-0"
    expired = signed(exp=int(time.time()) - 1)
    for again in (mine, mine, expired):
        assert (await client.get(f"{path}?ticket={again}")).content == begun.content
        headers = {**bearer(again), "Last-Event-ID": event}
        assert (await client.get(STREAM, headers=headers)).status_code == 200
    for other in (theirs, WEB, CRON, signed(caller="cron"), await ticket(client)):
        assert code(await client.get(path, headers=bearer(other))) == (404, "stream_not_found")
        headers = {**bearer(other), "Last-Event-ID": event}
        assert code(await client.get(STREAM, headers=headers)) == (404, "stream_not_found")
        answer = await client.delete(path, headers=bearer(other))
        assert code(answer) == (404, "stream_not_found")
    assert code(await client.get(STREAM, headers=bearer(expired))) == (401, "unauthorized")
    assert (await client.delete(path, headers=bearer(expired))).status_code == 204


@asynchronous
async def test_an_idempotency_key_costs_one_use_however_often_it_is_sent(
    client: httpx.AsyncClient,
) -> None:
    headers = {**bearer(await ticket(client)), "Idempotency-Key": "k"}
    body = {"topic": "tea", "count": 1}
    asked = [client.post("/ideas", json=body, headers=headers) for _ in range(4)]
    answers = await asyncio.gather(*asked)
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.headers["location"] for answer in answers}) == 1


async def test_what_is_refused_is_no_use_but_what_a_reader_leaves_is() -> None:
    script = saying(status(500), status(401), ANSWER)
    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url, open_timeout=0.2, **KEYED) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        given = await ticket(client)
        url = f"{STREAM}&ticket={given}"
        assert (await client.get(f"{STREAM}&view=c4n4ry&ticket={given}")).status_code == 422
        assert code(await client.get(url)) == (502, "provider_unavailable")
        assert code(await client.get(url)) == (502, "provider_rejected")
        async with connected(service.url + url):
            pass
        assert code(await client.get(url)) == (403, "forbidden")


# How uses are counted


def a_ticket(jti: str = "j", *, minutes: float = 5, streams: int = 1) -> Ticket:
    exp = int(time.time() + 60 * minutes)
    return Ticket(caller="web", key="mark", sub="me", jti=jti, exp=exp, streams=streams)


async def test_uses_are_forgotten_with_their_tickets_and_their_number_has_a_bound() -> None:
    uses = TicketUses(limit=3)
    over = [a_ticket(str(number), minutes=-2) for number in range(3)]
    for one in over:
        await uses.use(one)
    live = [a_ticket(str(number), streams=2) for number in range(4)]
    for one in live[:3]:
        await uses.use(one)
    with pytest.raises(Overloaded):
        await uses.use(live[3])
    give_back = await uses.use(live[0])
    with pytest.raises(Forbidden):
        await uses.use(live[0])
    give_back()
    await uses.use(live[0])


async def test_uses_count_over_all_processes_that_share_a_store_and_here_where_it_is_lost() -> None:
    async with redis() as url, AsyncExitStack() as stack:
        one, other, third = [await counting(stack, url) for _ in range(3)]
        given = a_ticket(streams=3)
        give_back = await one.use(given)
        await asyncio.gather(one.use(given), other.use(given))
        for uses in (one, other, third):
            with pytest.raises(Forbidden):
                await uses.use(given)
        give_back()
        await one.aclose()
        await third.use(given)
        async with Redis.from_url(url) as client:
            [key] = await client.keys()
            assert 300 < await client.ttl(key) <= 300 + LEEWAY_SECONDS
            await client.flushall()
        # `one` and `other` have used it once each, and may do so twice more.
        for uses in (one, other, one):
            await uses.use(given)
        with pytest.raises(Forbidden):
            await one.use(given)


async def test_uses_count_in_each_process_while_the_store_is_not_there() -> None:
    async with AsyncExitStack() as stack:
        uses = await counting(stack, "unix:///nowhere/redis")
        give_back = await uses.use(a_ticket())
        with pytest.raises(Forbidden):
            await uses.use(a_ticket())
        give_back()
        await uses.use(a_ticket())


async def counting(stack: AsyncExitStack, url: str) -> TicketUses:
    """Counts as one more process does."""
    store = LimitStore(Address(url), SECONDS, lambda is_down: None)
    stack.push_async_callback(store.aclose)
    uses = TicketUses(store)
    stack.push_async_callback(uses.aclose)
    return uses


async def test_a_ticket_is_used_up_in_each_service_that_shares_a_store() -> None:
    settings = {**KEYED, "ticket_secret": SecretStr(SECRET)}
    async with (
        redis() as url,
        running(streams_store=url, **settings) as one,
        running(limits_store=url, **settings) as other,
        http_client(timeout=60) as client,
    ):
        asked = await client.post(f"{one.url}/tickets", json={"streams": 2}, headers=bearer(WEB))
        headers = bearer(asked.json()["ticket"])
        for service in (one, other):
            assert (await client.get(service.url + STREAM, headers=headers)).status_code == 200
        for service in (one, other):
            refused = await client.get(service.url + STREAM, headers=headers)
            assert code(refused) == (403, "forbidden")


def test_a_secret_that_is_shared_makes_tickets_good_in_every_worker() -> None:
    secret = SecretStr(SECRET)
    token = Tickets(secret).issue("web", "mark", TicketRequest(subject="me"))["ticket"]
    read = Tickets(secret).read(token)
    assert read is not None
    assert (read.caller, read.sub) == ("web", "me")
    assert Tickets(None).read(token) is None


async def test_a_ticket_ends_with_the_key_that_it_was_got_with(tmp_path: Path) -> None:
    """A key may have leaked. Its caller has another one by then."""
    file = tmp_path / "keys"
    (leaked, one), (_, other) = make_key("web"), make_key("web")
    file.write_text(f"{one}\n{other}\n")
    async with (
        running(api_keys_file=str(file), ticket_secret=SecretStr(SECRET)) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        asked = await client.post("/tickets", json={"streams": 9}, headers={"X-API-Key": leaked})
        given = bearer(asked.json()["ticket"])
        assert (await client.get(STREAM, headers=given)).status_code == 200
        file.write_text(f"{other}\n")
        service.app.state.keys.reread()
        assert code(await client.get(STREAM, headers=given)) == (401, "unauthorized")


@asynchronous
@pytest.mark.parametrize(("ahead", "status"), [(10, 200), (3600, 401)])
async def test_a_clock_may_be_some_seconds_ahead(
    client: httpx.AsyncClient, ahead: int, status: int
) -> None:
    given = signed(iat=int(time.time()) + ahead, jti=f"ahead-{ahead}")
    assert (await client.get(STREAM, headers=bearer(given))).status_code == status
