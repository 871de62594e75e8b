"""Where calls come from: no page that nobody has allowed may spend, not even unseen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.callers import KEYED, WEB, bearer, code
from tests.support.http_client import http_client
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, Upstream, end, holding, saying, status, text, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

STREAM = "/ideas?topic=tea&count=1"
PAGE = "http://localhost:3000"
EVIL = "https://evil.example"
CALLS: list[tuple[str, str, Any]] = [
    ("GET", STREAM, None),
    ("POST", "/ideas", {"topic": "tea"}),
    ("POST", "/streams", {"schema": "ideas", "topic": "tea"}),
    ("POST", "/tickets", {}),
]
ANSWER = HEAD + text('{"items": [{"title": "Tea", "blurb": "Hot."}]}') + end()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider() -> AsyncIterator[Upstream]:
    async with upstream(saying(ANSWER)) as provider:
        yield provider


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(provider: Upstream) -> AsyncIterator[Service]:
    async with running(openai_base_url=provider.base_url, **KEYED) as service:
        yield service


FOREIGN: list[dict[str, str]] = [
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://localhost:3001"},
    {"Origin": "https://localhost:3000"},
    {"Origin": f"{PAGE}.evil.example"},
    {"Origin": f"{PAGE}, {EVIL}"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": EVIL, "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-User": "?1"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    {"Sec-Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch;prerender"},
    {"Purpose": "prefetch"},
    {"X-Moz": "prefetch"},
    {"Origin": PAGE, "Sec-Purpose": "prefetch"},
    {"Host": "evil.example"},
    {"Host": "localhost.evil.example:8000"},
    {"Host": "evil.example", "Origin": "http://evil.example"},  # DNS rebinding
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "0.0.0.0"},
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_what_comes_from_elsewhere_costs_nothing(
    client: httpx.AsyncClient, provider: Upstream, method: str, path: str, body: Any
) -> None:
    before = len(provider.exchanges)
    for headers in FOREIGN:
        for key in ({}, bearer(WEB)):
            answer = await client.request(method, path, json=body, headers=headers | key)
            assert code(answer) == (403, "forbidden"), headers
            assert "evil" not in answer.text
            allowed = answer.headers.get("access-control-allow-origin")
            assert allowed == (PAGE if headers.get("Origin") == PAGE else None)
    assert len(provider.exchanges) == before


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_what_comes_from_our_own_and_from_no_browser_is_served(
    client: httpx.AsyncClient, service: Service, method: str, path: str, body: Any
) -> None:
    port = service.url.rsplit(":", 1)[1]
    for headers in (
        {},
        {"Origin": PAGE, "Sec-Fetch-Site": "cross-site"},
        {"Origin": service.url, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"},
        {"Host": "LOCALHOST", "Origin": "http://localhost"},
        {"Host": "localhost:80", "Origin": "http://localhost"},
        {"Host": f"[::1]:{port}", "Origin": f"http://[::1]:{port}"},
        {"Host": "[::1]"},
    ):
        answer = await client.request(method, path, json=body, headers=headers | bearer(WEB))
        assert answer.status_code == 200, (headers, answer.text)


@pytest.mark.parametrize("path", ["/healthz", "/schemas", "/docs"])
async def test_what_costs_nothing_is_answered_whoever_asks(
    client: httpx.AsyncClient, path: str
) -> None:
    for headers in FOREIGN:
        assert (await client.get(path, headers=headers)).status_code == 200


async def test_names_of_the_service_are_its_own_to_tell() -> None:
    async with (
        running(allowed_hosts=("api.example",)) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        for host, origin, expected in (
            ("api.example", None, 200),
            ("API.example:443", "https://api.example", 200),
            ("api.example", "https://api.example", 200),
            ("localhost", None, 200),
            ("other.example", None, 403),
            ("api.example", "https://other.example", 403),
        ):
            headers = {"Host": host} | ({"Origin": origin} if origin else {})
            assert (await client.get(STREAM, headers=headers)).status_code == expected, headers


async def test_a_service_for_the_world_is_called_by_any_name_unless_it_knows_its_own() -> None:
    for names, expected in (((), 200), (("api.example",), 403)):
        async with (
            running(host="0.0.0.0", allow_open=True, allowed_hosts=names) as service,
            http_client(timeout=60) as client,
        ):
            url = service.url.replace("0.0.0.0", "127.0.0.1") + STREAM
            answer = await client.get(url, headers={"Host": "other.example"})
            assert answer.status_code == expected
            assert (await client.get(url)).status_code == 200


async def test_a_wildcard_allows_pages_that_say_where_they_are() -> None:
    async with (
        running(cors_origins=("*",)) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        for origin in (EVIL, "null"):
            headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
            assert (await client.get(STREAM, headers=headers)).status_code == 200
        assert (
            await client.get(STREAM, headers={"Sec-Fetch-Site": "cross-site"})
        ).status_code == 403


# What a page may read, whatever the answer


@pytest.mark.usefixtures("new_minute")
async def test_an_allowed_page_may_read_each_refusal_and_no_other_may() -> None:
    """401, 403, 404, 422, 429, 502, 503: each of them to each kind of origin."""
    script = holding(status(401), HEAD)
    limits = {"caller_streams_per_minute": 2, "max_streams": 1, "max_queued": 0}
    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url, **KEYED, **limits) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        key = bearer(WEB)

        async def seen(expected: int, path: str = STREAM, **headers: str) -> None:
            answer = await client.get(path, headers={"Origin": PAGE, **headers})
            assert answer.status_code == expected, answer.text
            assert answer.headers["access-control-allow-origin"] == PAGE
            exposed = answer.headers["access-control-expose-headers"]
            assert {"X-Request-ID", "Retry-After"} <= set(exposed.split(", "))
            assert ("retry-after" in answer.headers) == (expected in (429, 503))
            for origin in (EVIL, "null"):
                other = await client.get(path, headers={"Origin": origin, **headers})
                assert other.status_code == 403
                assert "access-control-allow-origin" not in other.headers

        await seen(401)
        await seen(403, **key, **{"Sec-Purpose": "prefetch"})
        await seen(404, "/streams/x", **key)
        await seen(422, "/ideas", **key)
        await seen(502, **key)
        async with client.stream("GET", STREAM, headers=key) as running_one:
            assert running_one.status_code == 200
            await seen(503, **key)
        await eventually(lambda: not len(service.streams))
        await seen(429, **key)
        preflight = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
        asked = {"Access-Control-Request-Headers": "authorization,x-api-key"}
        answer = await client.options("/tickets", headers=preflight | asked)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == PAGE
        answer = await client.options("/tickets", headers={**preflight, **asked, "Origin": EVIL})
        assert answer.status_code == 400
        assert "access-control-allow-origin" not in answer.headers
