"""A service behind a proxy that strips a prefix, and one whose proxy leaves it in place."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from urllib.parse import urljoin

import httpx
import pytest
import pytest_asyncio

from tests.support.http_client import http_client
from tests.support.service import running

pytestmark = pytest.mark.asyncio(loop_scope="module")

PREFIXES = ["", "/api"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def behind() -> AsyncIterator[httpx.AsyncClient]:
    async with (
        running(root_path="/api") as service,
        http_client(base_url=service.url, timeout=30) as client,
    ):
        yield client


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_every_path_works_stripped_or_not(behind: httpx.AsyncClient, prefix: str) -> None:
    for path in ("/schemas", "/schemas/ideas", "/healthz", "/readyz", "/metrics", "/docs"):
        assert (await behind.get(prefix + path)).status_code == 200, path
    assert (await behind.get(f"{prefix}/openapi.json")).status_code == 200


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_the_location_of_a_stream_carries_the_prefix(
    behind: httpx.AsyncClient, prefix: str
) -> None:
    for answer in (
        await behind.get(f"{prefix}/ideas?topic=tea"),
        await behind.post(f"{prefix}/ideas", json={"topic": "tea"}),
        await behind.post(f"{prefix}/streams", json={"schema": "ideas", "topic": "tea"}),
    ):
        assert answer.status_code == 200
        assert re.fullmatch(r"/api/streams/[0-9A-Za-z]{22}", answer.headers["location"])


@pytest.mark.parametrize("path", ["/docs/", "/api/docs/"])
async def test_a_slash_too_many_leads_to_the_docs_under_the_prefix(
    behind: httpx.AsyncClient, path: str
) -> None:
    answer = await behind.get(path)
    assert (answer.status_code, answer.headers["location"]) == (307, "/api/docs")


@pytest.mark.parametrize("path", ["/", "/api", "/api/"])
async def test_the_page_at_the_root_names_the_prefix(behind: httpx.AsyncClient, path: str) -> None:
    answer = await behind.get(path)
    assert answer.status_code == 200
    assert '<base href="/api/">' in answer.text


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("path", ["/docs", "/"])
async def test_all_that_a_page_links_to_is_there_for_a_browser(
    behind: httpx.AsyncClient, prefix: str, path: str
) -> None:
    page = (await behind.get(f"{prefix}{path}")).text
    links = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert links
    for link in links:
        seen = urljoin("https://example.org/api/docs", link).removeprefix("https://example.org")
        assert seen.startswith("/api/"), link
        there = prefix + seen.removeprefix("/api")
        assert (await behind.get(there)).status_code == 200, link


async def test_the_openapi_document_names_the_prefix(behind: httpx.AsyncClient) -> None:
    document = (await behind.get("/openapi.json")).json()
    assert document["servers"] == [{"url": "/api"}]
    assert "/ideas" in document["paths"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/sonnets", "unknown_schema"),
        ("/api/sonnets", "unknown_schema"),
        ("/apiideas", "unknown_schema"),
        ("/api/ideas/", "not_found"),
        ("/api/docs/assets/nothing", "not_found"),
        ("/docs/assets/nothing", "not_found"),
        ("/api/api/ideas", "not_found"),
        ("/api/favicon.ico", "not_found"),
    ],
)
async def test_what_is_not_there_is_not_there_stripped_or_not(
    behind: httpx.AsyncClient, path: str, code: str
) -> None:
    answer = await behind.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, code)


async def test_a_prefix_may_have_several_parts() -> None:
    async with (
        running(root_path="/team-a/v1.0") as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        for path in ("/ideas?topic=tea", "/team-a/v1.0/ideas?topic=tea"):
            location = (await client.get(path)).headers["location"]
            assert location.startswith("/team-a/v1.0/streams/")
        assert (await client.get("/team-a/ideas?topic=tea")).status_code == 404


async def test_without_a_prefix_none_is_made_up(client: httpx.AsyncClient) -> None:
    assert "<base" not in (await client.get("/")).text
    assert (await client.get("/ideas?topic=tea")).headers["location"].startswith("/streams/")
    assert "servers" not in (await client.get("/openapi.json")).json()
    assert (await client.get("/api/ideas?topic=tea")).status_code == 404
