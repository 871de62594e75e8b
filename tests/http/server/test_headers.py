"""The headers of answers, and the methods that are none of ours."""

from __future__ import annotations

import re

import httpx
import pytest
from fastapi.routing import APIRoute

from tests.support.events import messages
from tests.support.http_client import http_client
from tests.support.raw import exchange
from tests.support.service import Service, running
from tests.support.upstream import HEAD, end, saying, status, text, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

STREAM = "/ideas?topic=tea&count=1"
SERVERS = {"date", "connection", "transfer-encoding", "content-length", "vary"}
"""What the server, or CORS, adds to each answer."""


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "text/event-stream; charset=utf-8"),
        ("text/event-stream", "text/event-stream; charset=utf-8"),
        ("application/x-ndjson", "application/x-ndjson"),
    ],
)
async def test_a_response_that_streams_has_exactly_these_headers(
    client: httpx.AsyncClient, accept: str, content_type: str
) -> None:
    answer = await client.get(STREAM, headers={"Accept": accept, "X-Request-ID": "R"})
    own = {name: value for name, value in answer.headers.items() if name not in SERVERS}
    location = own.pop("location")
    assert own == {
        "content-type": content_type,
        "cache-control": "no-cache, no-transform",
        "x-content-type-options": "nosniff",
        "x-accel-buffering": "no",
        "x-request-id": "R",
    }
    assert re.fullmatch(r"/streams/[0-9A-Za-z]{22}", location)
    assert f'"stream":"{location.removeprefix("/streams/")}"' in answer.text


@pytest.mark.parametrize(
    ("view", "content_type", "more"),
    [
        ("snapshot", "text/event-stream; charset=utf-8", {}),
        ("delta", "text/event-stream; charset=utf-8", {}),
        ("items", "text/event-stream; charset=utf-8", {}),
        ("text", "text/plain; charset=utf-8", {}),
        ("ag-ui", "text/event-stream; charset=utf-8", {}),
        (
            "ui-message",
            "text/event-stream; charset=utf-8",
            {"x-vercel-ai-ui-message-stream": "v1"},
        ),
    ],
)
async def test_so_has_each_view_when_it_begins_and_when_it_is_come_back_to(
    client: httpx.AsyncClient, view: str, content_type: str, more: dict[str, str]
) -> None:
    begun = await client.get(f"{STREAM}&view={view}&resumable=true")
    location = begun.headers["location"]
    again = await client.get(f"{location}?view={view}")
    first = {"Last-Event-ID": f"{location.removeprefix('/streams/')}-0"}
    resumed = await client.get(f"{STREAM}&view={view}", headers=first)
    for answer in (begun, again, resumed):
        own = {name: value for name, value in answer.headers.items() if name not in SERVERS}
        assert own.pop("x-request-id")
        assert own == {
            "content-type": content_type,
            "cache-control": "no-cache, no-transform",
            "x-content-type-options": "nosniff",
            "x-accel-buffering": "no",
            "location": location,
            **more,
        }


async def test_an_answer_without_content_says_only_its_request(client: httpx.AsyncClient) -> None:
    kept = await client.get(f"{STREAM}&resumable=true", headers={"X-Request-ID": "R"})
    last = {"Last-Event-ID": str(messages(kept.content)[-1].id), "X-Request-ID": "R"}
    for answer in (
        await client.get(kept.headers["location"], headers=last),
        await client.get(STREAM, headers=last),
        await client.post("/ideas", headers=last),
        await client.delete(kept.headers["location"], headers={"X-Request-ID": "R"}),
    ):
        assert (answer.status_code, answer.content) == (204, b"")
        own = {name: value for name, value in answer.headers.items() if name not in SERVERS}
        assert own == {"x-content-type-options": "nosniff", "x-request-id": "R"}
        assert "content-length" not in answer.headers


async def test_each_stream_has_an_id_of_its_own(client: httpx.AsyncClient) -> None:
    locations = {(await client.get(STREAM)).headers["location"] for _ in range(5)}
    assert len(locations) == 5


async def test_a_value_alone_has_no_stream_to_come_back_to(client: httpx.AsyncClient) -> None:
    answer = await client.get(STREAM, headers={"Accept": "application/json"})
    own = {name: value for name, value in answer.headers.items() if name not in SERVERS}
    assert own.pop("x-request-id")
    assert own == {
        "content-type": "application/json",
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
    }


async def test_a_connection_that_is_to_be_closed_is_not_said_to_be_kept(service: Service) -> None:
    request = f"GET {STREAM} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = await exchange(service.url, request.encode())
    assert re.findall(rb"\r\nconnection: ([^\r]*)", answer.lower()) == [b"close"]


async def test_a_server_says_nothing_of_what_it_is(client: httpx.AsyncClient) -> None:
    for path in (STREAM, "/schemas", "/sonnets", "/docs"):
        assert "server" not in (await client.get(path)).headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/docs", 200),
        ("GET", "/docs/", 307),
        ("GET", "/docs/assets/start.js", 200),
        ("GET", "/web/client/index.js", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/schemas", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/metrics", 200),
        ("POST", "/ideas", 422),
        ("GET", "/sonnets", 404),
        ("PUT", "/streams", 405),
        ("GET", f"{STREAM}&model=demo-401", 502),
        ("OPTIONS", "/ideas", 200),
        ("GET", f"/{'x' * 65_530}", 431),
    ],
)
async def test_no_browser_may_guess_what_an_answer_is(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    page = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    answer = await client.request(method, path, headers=page, json={})
    assert answer.status_code == status
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


async def test_a_load_balancer_may_ask_for_the_head_alone(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert (
            answer.headers["content-length"] == (await client.get(path)).headers["content-length"]
        )


# X-Request-ID


@pytest.mark.parametrize(
    "given", ["R", "0", "a-b_c.D", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "x" * 64]
)
async def test_a_well_formed_request_id_is_taken_over(
    client: httpx.AsyncClient, given: str
) -> None:
    headers = {"X-Request-ID": given}
    assert (await client.get("/healthz", headers=headers)).headers["x-request-id"] == given
    assert (await client.get(STREAM, headers=headers)).headers["x-request-id"] == given
    problem = await client.get("/sonnets", headers=headers)
    assert problem.headers["x-request-id"] == problem.json()["request_id"] == given
    fault = await client.get(f"{STREAM}&model=demo-truncated", headers=headers)
    assert messages(fault.content)[-1].data["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a,b", "<b>", "a;b", "é".encode(), b"\xff"])
async def test_any_other_is_replaced_by_one_of_ours(
    client: httpx.AsyncClient, given: str | bytes
) -> None:
    raw = given if isinstance(given, bytes) else given.encode()
    answers = [await client.get("/sonnets", headers=[(b"X-Request-ID", raw)]) for _ in range(2)]
    made = [answer.headers["x-request-id"] for answer in answers]
    assert all(re.fullmatch(r"[0-9a-f]{16}", id) for id in made)
    assert [answer.json()["request_id"] for answer in answers] == made
    assert made[0] != made[1]


# Methods


paths = {
    "/ideas?topic=tea": {"GET", "POST"},
    "/streams": {"POST"},
    "/streams/5f0c6c1e9d3b4a7f8e2d1c0b9a786756": {"GET", "DELETE"},
    "/streams/5f0c6c1e9d3b4a7f8e2d1c0b9a786756/cancel": {"POST"},
    "/schemas": {"GET"},
    "/schemas/ideas": {"GET"},
    "/healthz": {"GET", "HEAD"},
    "/readyz": {"GET", "HEAD"},
    "/metrics": {"GET"},
    "/openapi.json": {"GET"},
}


@pytest.mark.parametrize("path", paths)
@pytest.mark.parametrize(
    "method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "POST", "GET"]
)
async def test_a_method_that_a_path_does_not_have_is_405_and_told_which_it_has(
    client: httpx.AsyncClient, path: str, method: str
) -> None:
    if method in paths[path]:
        return
    answer = await client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == paths[path]
    assert answer.headers["content-type"] == "application/problem+json"
    if method != "HEAD":
        assert answer.json()["code"] == "method_not_allowed"


async def test_no_such_method_reaches_the_provider() -> None:
    async with (
        upstream(
            saying(HEAD + text('{"items": [{"title": "a", "blurb": "b"}]}') + end())
        ) as provider,
        running(openai_base_url=provider.base_url) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "QUERY"):
            assert (await client.request(method, STREAM)).status_code == 405
            assert (await client.request(method, "/streams")).status_code == 405
        routes = [route.path for route in service.app.routes if isinstance(route, APIRoute)]
        assert {"/ideas", "/streams", "/streams/{id}", "/healthz"} <= set(routes)
        for path in routes:
            for method in ("HEAD", "OPTIONS"):
                for options in ({}, {"json": {"schema": "ideas", "topic": "tea"}}):
                    answer = await client.request(method, f"{path}?topic=tea", **options)
                    assert answer.status_code in (200, 405)
                    assert not answer.content or method == "OPTIONS"
        preflight = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
        assert (await client.options("/ideas?topic=tea", headers=preflight)).status_code == 200
        assert provider.exchanges == []
        await client.get(STREAM)
        assert len(provider.exchanges) == 1


async def test_a_method_that_is_no_http_is_refused_by_the_server(service: Service) -> None:
    answer = await exchange(
        service.url, b"BREW /ideas?topic=tea HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert len(service.streams) == 0


# Retry-After


async def test_retry_after_is_sent_where_it_is_known() -> None:
    async with (
        upstream(saying(status(429, Retry_After="30"))) as provider,
        running(openai_base_url=provider.base_url) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        for accept in ("text/event-stream", "application/json"):
            answer = await client.get(STREAM, headers={"Accept": accept})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert "retry-after" not in (await client.get("/sonnets")).headers
        service.streams.draining = True
        for answer in (
            await client.get(STREAM),
            await client.post("/ideas", json={"topic": "tea"}),
            await client.get("/readyz"),
        ):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
