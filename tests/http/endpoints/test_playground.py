"""The playground page: all of it ours, under a strict policy, and nothing beside it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from urllib.parse import urljoin

import httpx
import pytest
from fastapi import FastAPI

from app.http.endpoints.playground import CLIENT, FOLDER, mount_playground
from tests.http.endpoints.test_docs import Links
from tests.support.http_client import http_client

ROOT = "http://page.test/"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(openapi_url=None, docs_url=None)
    mount_playground(app)
    transport = httpx.ASGITransport(app)
    async with http_client(timeout=60, transport=transport, base_url=ROOT) as client:
        yield client


async def test_the_page_has_a_strict_policy_and_nothing_inline(http: httpx.AsyncClient) -> None:
    page = await http.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["x-content-type-options"] == "nosniff"
    policy = dict(
        part.split(" ", 1) for part in page.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert Links(page.text).inline == []


async def test_all_that_the_page_loads_is_served_and_there_is_nothing_that_it_does_not_load(
    http: httpx.AsyncClient,
) -> None:
    page = await http.get("/")
    own = [link for link in Links(page.text).addresses if link.startswith("web/")]
    waiting, seen = [urljoin(ROOT, link) for link in own], set[str]()
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        found = await http.get(address)
        assert found.status_code == 200, address
        assert found.headers["cache-control"] == "no-cache"
        assert found.headers["x-content-type-options"] == "nosniff"
        again = await http.get(address, headers={"If-None-Match": found.headers["etag"]})
        assert again.status_code == 304
        if address.endswith(".js"):
            imported = re.findall(
                r'^(?:import|export)\b[^;]*? from ["\'](.+?)["\']', found.text, re.M
            )
            waiting += [urljoin(address, path) for path in imported]
    served = {path.name for path in FOLDER.iterdir()} - {"index.html", "README.md"}
    assert {path.rsplit("/", 1)[1] for path in seen if "/web/playground/" in path} == served
    modules = {path.name for path in CLIENT.glob("*.js")}
    assert {path.rsplit("/", 1)[1] for path in seen if "/web/client/" in path} == modules


@pytest.mark.parametrize(
    "path",
    ["web/client/", "web/client/../package.json", "web/client/%2e%2e/package.json", "web/nothing"],
)
async def test_there_is_nothing_else(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 404


def test_modules_are_short() -> None:
    for path in FOLDER.glob("*.js"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 250, path.name
