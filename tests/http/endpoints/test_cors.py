"""Pages of other origins: which may call, and what they may read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import ValidationError
from structlog.testing import capture_logs

from app.http.auth.origins import MAX_TOLD
from app.settings import Settings
from tests.support.callers import KEYED, WEB, bearer
from tests.support.http_client import http_client
from tests.support.service import running

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS = "http://localhost:3000"
STREAM = "/ideas?topic=tea&count=1"

answers = {
    STREAM: 200,
    f"{STREAM}&model=demo-truncated": 200,
    "/schemas": 200,
    "/docs": 200,
    "/sonnets": 404,
    "/a/b": 404,
    "/streams": 405,
    "/ideas": 422,
    f"{STREAM}&model=demo-401": 502,
}
foreign = [
    "https://evil.example",
    "http://192.168.1.5:3000",
    "http://localhost:3000.evil.example",
    "http://localhost.evil.example:3000",
    "http://evil-localhost:3000",
    "http://127.0.0.1.evil.example",
    "http://1127.0.0.1:3000",
    "http://localhost:3000/",
    "http://localhost@evil.example",
    "http://LOCALHOST:3000",
    "file://localhost",
    "null",
    "*",
]
local = [
    "http://localhost:5173",
    "https://localhost:3000",
    "http://localhost",
    "http://127.0.0.1:4173",
    "http://127.1.2.3:80",
    "http://[::1]:3001",
    "http://app.localhost:5173",
]


@pytest.mark.parametrize(("path", "status"), answers.items())
async def test_a_page_of_an_allowed_origin_may_read_every_answer(
    client: httpx.AsyncClient, path: str, status: int
) -> None:
    answer = await client.get(path, headers={"Origin": OURS})
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == OURS
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert set(exposed) == {"X-Request-ID", "Location", "Retry-After"}


@pytest.mark.parametrize("path", ["/ideas", "/streams"])
async def test_so_with_a_post(client: httpx.AsyncClient, path: str) -> None:
    body = {"schema": "ideas", "topic": "tea"}
    answer = await client.post(path, json=body, headers={"Origin": OURS})
    assert answer.headers["access-control-allow-origin"] == OURS


@pytest.mark.parametrize("origin", foreign)
@pytest.mark.parametrize("path", [STREAM, "/schemas", "/sonnets"])
async def test_a_page_of_any_other_may_read_none(
    client: httpx.AsyncClient, path: str, origin: str
) -> None:
    answer = await client.get(path, headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers
    assert "Origin" in answer.headers["vary"]


async def test_without_an_origin_there_is_nothing_to_allow_but_caches_are_told(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get(STREAM)
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["vary"] == "Origin"


# A service that is open, and that only this machine reaches


@pytest.mark.parametrize("origin", local)
async def test_a_page_of_this_machine_may_call_whatever_its_port(
    client: httpx.AsyncClient, origin: str
) -> None:
    assert (await preflight(client, origin, "POST", "content-type")).status_code == 200
    for answer in (
        await client.post("/ideas", json={"topic": "tea"}, headers={"Origin": origin}),
        await client.get(STREAM, headers={"Origin": origin, "Sec-Fetch-Site": "cross-site"}),
    ):
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin


@pytest.mark.parametrize(
    "settings", [KEYED, {"host": "0.0.0.0", "allow_open": True}], ids=["with keys", "reachable"]
)
async def test_it_may_not_where_keys_are_needed_or_others_reach_the_service(
    settings: dict[str, Any],
) -> None:
    async with (
        running(**settings) as service,
        http_client(timeout=60, base_url=service.url.replace("0.0.0.0", "127.0.0.1")) as client,
    ):
        for origin in local:
            headers = {"Origin": origin, **bearer(WEB)}
            assert (await client.get(STREAM, headers=headers)).status_code == 403
            assert (await preflight(client, origin, "POST")).status_code == 400
        headers = {"Origin": OURS, **bearer(WEB)}
        assert (await client.get(STREAM, headers=headers)).status_code == 200


async def test_each_refusal_is_logged_once_with_the_setting_that_allows_it() -> None:
    async with (
        running() as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        with capture_logs() as said:
            for origin in ("https://a.example", "https://b.example", "null", "no origin"):
                await preflight(client, origin, "POST", "content-type")
                await client.get(STREAM, headers={"Origin": origin})
                await client.get("/schemas", headers={"Origin": origin})
            for _ in range(2):
                await client.get(STREAM, headers={"Host": "rebound.example:8000"})
            for own in ({}, {"Origin": service.url}, {"Origin": local[0]}):
                await client.get(STREAM, headers=own)
        page, host = (
            "a page of another origin was refused",
            "a call by another host name was refused",
        )
        assert [line for line in said if "allowed_by" in line] == [
            *(
                {
                    "event": page,
                    "origin": told,
                    "allowed_by": "CORS_ORIGINS",
                    "log_level": "warning",
                }
                for told in ("https://a.example", "https://b.example", "null", "unreadable")
            ),
            {
                "event": host,
                "host": "rebound.example:8000",
                "allowed_by": "ALLOWED_HOSTS",
                "log_level": "warning",
            },
        ]
        with capture_logs() as said:
            for number in range(2 * MAX_TOLD):
                await client.get("/healthz", headers={"Origin": f"https://{number}.example"})
        assert len([line for line in said if "allowed_by" in line]) == MAX_TOLD - 5


# Preflight


async def preflight(
    client: httpx.AsyncClient, origin: str, method: str, headers: str | None = None
) -> httpx.Response:
    sent = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers is not None:
        sent["Access-Control-Request-Headers"] = headers
    return await client.options("/ideas", headers=sent)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_allowed_origin_may_use_our_methods_and_headers(
    client: httpx.AsyncClient, method: str
) -> None:
    asked = "content-type,authorization,x-api-key,idempotency-key,last-event-id"
    answer = await preflight(client, OURS, method, asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == OURS
    assert answer.headers["access-control-allow-methods"] == "GET, POST, DELETE"
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert set(asked.split(",")) <= set(allowed)
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_preflight_without_headers_of_its_own_is_answered(
    client: httpx.AsyncClient,
) -> None:
    assert (await preflight(client, OURS, "GET")).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "HEAD", "TRACE", "get"])
async def test_no_other_method(client: httpx.AsyncClient, method: str) -> None:
    assert (await preflight(client, OURS, method)).status_code == 400


@pytest.mark.parametrize("header", ["x-c4n4ry", "cookie", "content-type, x-c4n4ry"])
async def test_no_other_header(client: httpx.AsyncClient, header: str) -> None:
    answer = await preflight(client, OURS, "POST", header)
    assert answer.status_code == 400
    assert "c4n4ry" not in answer.text


@pytest.mark.parametrize("origin", foreign)
async def test_no_other_origin(client: httpx.AsyncClient, origin: str) -> None:
    answer = await preflight(client, origin, "POST", "content-type")
    assert answer.status_code == 400
    assert "access-control-allow-origin" not in answer.headers


# Other settings


@pytest_asyncio.fixture(loop_scope="module")
async def open_to_all() -> AsyncIterator[httpx.AsyncClient]:
    async with (
        running(cors_origins=("*",)) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        yield client


async def test_a_wildcard_allows_every_origin(open_to_all: httpx.AsyncClient) -> None:
    for origin in (OURS, *foreign, *local):
        for path in (STREAM, "/sonnets"):
            answer = await open_to_all.get(path, headers={"Origin": origin})
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in answer.headers
        assert (await preflight(open_to_all, origin, "POST")).status_code == 200


async def test_several_origins_are_each_told_their_own_and_may_send_cookies() -> None:
    origins = ("https://a.example", "https://b.example")
    async with (
        running(cors_origins=origins, cors_credentials=True) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        for origin in origins:
            answer = await client.get(STREAM, headers={"Origin": origin})
            assert answer.headers["access-control-allow-origin"] == origin
            assert answer.headers["access-control-allow-credentials"] == "true"
        other = await client.get(STREAM, headers={"Origin": "https://c.example"})
        assert "access-control-allow-origin" not in other.headers


async def test_no_origins_allow_none() -> None:
    async with (
        running(cors_origins=(), **KEYED) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        answer = await client.get("/schemas", headers={"Origin": OURS})
        assert "access-control-allow-origin" not in answer.headers


async def test_a_wildcard_with_credentials_is_refused_at_start_up() -> None:
    for origins in ("*", "https://a.example,*"):
        with pytest.raises(ValidationError, match=r"CORS_ORIGINS: \* can't be used"):
            Settings(cors_origins=origins, cors_credentials=True)  # type: ignore[arg-type]
