"""API keys: who has one may call, from one moment to the next."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from app.http.auth.keys import make_key
from tests.support.callers import CRON, CRON_PAIR, KEYED, WEB, WEB_PAIR, bearer, code
from tests.support.http_client import http_client
from tests.support.process import process
from tests.support.service import Service, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

STREAM = "/ideas?topic=tea&count=1"
OTHER, OTHER_PAIR = make_key("web")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service() -> AsyncIterator[Service]:
    async with running(**KEYED) as service:
        yield service


NEEDING = [
    ("GET", STREAM, None),
    ("POST", "/ideas", {"topic": "tea"}),
    ("POST", "/streams", {"schema": "ideas", "topic": "tea"}),
    ("GET", "/streams/x", None),
    ("DELETE", "/streams/x", None),
    ("POST", "/streams/x/cancel", None),
    ("POST", "/tickets", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), NEEDING)
async def test_what_streams_needs_a_key_whatever_else_is_wrong(
    client: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    for sent in (body, {"c4n4ry": 1}):
        answer = await client.request(method, path, json=sent)
        assert code(answer) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
        with_key = await client.request(method, path, json=sent, headers=bearer(WEB))
        assert with_key.status_code != 401


@pytest.mark.parametrize(
    "path", ["/schemas", "/schemas/ideas", "/docs", "/openapi.json", "/healthz", "/readyz"]
)
async def test_what_costs_nothing_needs_none(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {WEB}"},
        {"Authorization": f"bearer  {WEB}"},
        {"X-API-Key": CRON},
        {"Authorization": "Basic dXNlcjpwYXNz", "X-API-Key": WEB},  # a proxy's own
    ],
)
async def test_a_key_is_taken_from_either_header(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    assert (await client.get(STREAM, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": WEB},
        {"Authorization": f"Basic {WEB}"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {WEB[:-1]}"},
        {"Authorization": f"Bearer {WEB}x"},
        {"Authorization": f"Bearer {WEB.upper()}"},
        {"Authorization": f"Bearer {WEB_PAIR.split('=')[1]}"},
        {"Authorization": f"Bearer {WEB_PAIR}"},
        {"Authorization": "Bearer wrong", "X-API-Key": WEB},
        {"Authorization": f"Bearer {'é' * 9}".encode()},
        {"X-API-Key": f"Bearer {WEB}"},
        {"X-API-Key": ""},
        {"Cookie": f"key={WEB}"},
    ],
)
async def test_nothing_else_is_a_key(client: httpx.AsyncClient, headers: Any) -> None:
    assert code(await client.get(STREAM, headers=headers)) == (401, "unauthorized")


@pytest.mark.parametrize("name", ["api_key", "key", "token", "access_token", "X-API-Key", "ticket"])
async def test_a_key_in_the_query_is_no_key_and_is_not_echoed(
    client: httpx.AsyncClient, name: str
) -> None:
    answer = await client.get(f"{STREAM}&{name}={WEB}")
    assert code(answer) == (401, "unauthorized")
    assert WEB not in answer.text + str(answer.headers)
    if name != "ticket":
        answer = await client.get(f"{STREAM}&{name}={WEB}", headers=bearer(WEB))
        assert code(answer) == (422, "invalid_request")
        assert WEB not in answer.text + str(answer.headers)


async def test_another_callers_stream_cannot_be_told_from_none(client: httpx.AsyncClient) -> None:
    mine = await client.get(f"{STREAM}&resumable=true", headers=bearer(WEB))
    path, event = mine.headers["location"], f"{mine.headers['location'].split('/')[2]}-0"
    never = "/streams/" + "0" * 22

    async def seen(
        path: str, method: str = "GET", **more: str
    ) -> tuple[int, bytes, dict[str, str]]:
        headers = {**bearer(CRON), "X-Request-ID": "R", **more}
        answer = await client.request(method, path, headers=headers)
        return answer.status_code, answer.content, {**answer.headers, "date": ""}

    assert (await seen(path))[0] == 404
    assert await seen(path) == await seen(never)
    assert await seen(path, "DELETE") == await seen(never, "DELETE")
    for call in (path, STREAM):
        here, there = call, call.replace(path, never)
        other = {"Last-Event-ID": event.replace(path.split("/")[2], "0" * 22)}
        assert await seen(here, **{"Last-Event-ID": event}) == await seen(there, **other)
    assert (await client.get(path, headers=bearer(WEB))).status_code == 200


async def test_the_same_idempotency_key_of_two_callers_is_two(client: httpx.AsyncClient) -> None:
    body = {"topic": "tea", "count": 1}
    ids = [
        (
            await client.post("/ideas", json=body, headers={**bearer(key), "Idempotency-Key": "k"})
        ).headers["location"]
        for key in (WEB, CRON, WEB)
    ]
    assert ids[0] == ids[2] != ids[1]


async def test_two_keys_of_one_caller_are_one_caller() -> None:
    settings = {"api_keys": (WEB_PAIR, OTHER_PAIR)}
    async with (
        running(**settings) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        mine = await client.get(f"{STREAM}&resumable=true", headers=bearer(WEB))
        again = await client.get(mine.headers["location"], headers=bearer(OTHER))
        assert again.status_code == 200


async def test_refusals_are_counted_and_not_logged(client: httpx.AsyncClient) -> None:
    async def count() -> float:
        for line in (await client.get("/metrics")).text.splitlines():
            if line.startswith('calls_refused_total{code="unauthorized"}'):
                return float(line.split()[1])
        return 0

    before = await count()
    with capture_logs() as logs:
        await client.get(STREAM)
    assert (await count(), logs) == (before + 1, [])


# What is told of them


async def test_a_key_is_in_no_line_of_the_log_at_any_level(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{WEB_PAIR}\n")
    async with (
        process(
            API_KEYS=CRON_PAIR, API_KEYS_FILE=str(file), LOG_LEVEL="debug", TICKET_SECRET="s" * 40
        ) as service,
        http_client(base_url=service.url, timeout=30) as client,
    ):
        said = await service.line("to those who have a key of 2 callers")
        issued = await client.post("/tickets", json={}, headers=bearer(WEB))
        ticket = issued.json()["ticket"]
        answers = [
            issued,
            await client.get(STREAM, headers={"X-API-Key": CRON}),
            await client.get(f"{STREAM}&ticket={ticket}"),
            await client.get(f"{STREAM}&ticket={ticket}"),
            await client.get(f"{STREAM}&api_key={WEB}", headers=bearer(WEB)),
            await client.get(STREAM, headers=bearer(WEB + "x")),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 403, 422, 401]
        service.signal()
        assert await service.exit_code() == 0
        begun = [json.loads(line) for line in service.lines if "stream started" in line]
        assert [line["caller"] for line in begun] == ["cron", "web"]
        told = said + "".join(service.lines)
    for secret in (WEB, CRON, ticket, "s" * 40, WEB_PAIR.split("=")[1], CRON_PAIR.split("=")[1]):
        assert secret not in told
        for answer in answers[1:]:
            assert secret not in answer.text + str(answer.headers)
