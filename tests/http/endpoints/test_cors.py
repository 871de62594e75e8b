"""Pages of other origins: which may call, and what they may read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from pydantic import ValidationError

from app.settings import Settings
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
    "http://localhost:3001",
    "https://localhost:3000",
    "http://localhost:3000.evil.example",
    "http://LOCALHOST:3000",
    "http://localhost",
    "null",
    "*",
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
        httpx.AsyncClient(base_url=service.url) as client,
    ):
        yield client


async def test_a_wildcard_allows_every_origin(open_to_all: httpx.AsyncClient) -> None:
    for origin in (OURS, *foreign):
        for path in (STREAM, "/sonnets"):
            answer = await open_to_all.get(path, headers={"Origin": origin})
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in answer.headers
        assert (await preflight(open_to_all, origin, "POST")).status_code == 200


async def test_several_origins_are_each_told_their_own_and_may_send_cookies() -> None:
    origins = ("https://a.example", "https://b.example")
    async with (
        running(cors_origins=origins, cors_credentials=True) as service,
        httpx.AsyncClient(base_url=service.url) as client,
    ):
        for origin in origins:
            answer = await client.get(STREAM, headers={"Origin": origin})
            assert answer.headers["access-control-allow-origin"] == origin
            assert answer.headers["access-control-allow-credentials"] == "true"
        other = await client.get(STREAM, headers={"Origin": OURS})
        assert "access-control-allow-origin" not in other.headers


async def test_no_origins_allow_none() -> None:
    async with (
        running(cors_origins=()) as service,
        httpx.AsyncClient(base_url=service.url) as client,
    ):
        answer = await client.get("/schemas", headers={"Origin": OURS})
        assert "access-control-allow-origin" not in answer.headers


async def test_a_wildcard_with_credentials_is_refused_at_start_up() -> None:
    for origins in ("*", "https://a.example,*"):
        with pytest.raises(ValidationError, match=r"CORS_ORIGINS: \* can't be used"):
            Settings(cors_origins=origins, cors_credentials=True)  # type: ignore[arg-type]
