"""Which format an `Accept` header gets."""

from __future__ import annotations

import httpx
import pytest

from app.errors import NotAcceptable
from app.http.endpoints.negotiation import negotiate
from app.views.format import NDJSON, SSE, Format

JSON = None  # the value alone


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        ("", SSE),
        (" , ", SSE),
        ("*/*", SSE),
        ("text/event-stream", SSE),
        ("application/x-ndjson", NDJSON),
        ("application/json", JSON),
        ("Application/JSON", JSON),
        ("application/json; charset=utf-8", JSON),
        ("text/*", SSE),
        ("application/*", NDJSON),
    ],
)
def test_each_format_has_its_name_and_no_wish_is_for_events(
    accept: str, format: Format | None
) -> None:
    assert negotiate(accept) is format


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        ("text/event-stream;q=0.5, application/json;q=0.9, application/x-ndjson;q=0.8", JSON),
        ("text/event-stream;q=0.5,application/json", JSON),
        ("application/json;q=0.001, text/event-stream;q=0.002", SSE),
        ("application/json;Q=0.1, application/x-ndjson;Q=0.2", NDJSON),
        ("application/json;version=2;q=0.1, application/x-ndjson;q=0.2", NDJSON),
        ("application/json;q=0.5, */*", SSE),
        ("*/*;q=0.1, application/x-ndjson;q=0.2", NDJSON),
    ],
)
def test_the_highest_q_wins(accept: str, format: Format | None) -> None:
    assert negotiate(accept) is format


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        ("application/json, text/event-stream", JSON),
        ("text/event-stream, application/json", SSE),
        ("application/json;q=0.3, application/x-ndjson;q=0.3", JSON),
        ("application/json, text/plain, */*", JSON),
        ("*/*, application/json", SSE),
        ("text/html, application/xhtml+xml, */*;q=0.8", SSE),
    ],
)
def test_ties_go_by_order(accept: str, format: Format | None) -> None:
    assert negotiate(accept) is format


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        ("text/event-stream;q=0, */*", NDJSON),
        ("*/*, text/event-stream;q=0, application/x-ndjson;q=0", JSON),
        ("*/*, text/*;q=0", NDJSON),
        ("*/*, application/*;q=0", SSE),
        ("application/x-ndjson;q=0, application/*", JSON),
        ("*/*;q=0, application/json", JSON),
        ("text/*;q=0, text/event-stream", SSE),
        ("text/event-stream;q=much, application/json;q=0.1", JSON),
        ("text/event-stream;q=2, application/json;q=0.1", JSON),
        ("text/event-stream;q=nan, application/json;q=0.1", JSON),
    ],
)
def test_q_0_refuses_a_format_where_no_narrower_range_asks_for_it(
    accept: str, format: Format | None
) -> None:
    assert negotiate(accept) is format


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        ("text/event-stream;q=0.1, */*", NDJSON),
        ("*/*, text/event-stream;q=0.1", NDJSON),
        ("text/*;q=0.2, */*;q=0.1", SSE),
        ("application/*;q=0.9, application/x-ndjson;q=0.1, */*;q=0.5", JSON),
        ("text/event-stream;q=0.1, text/*;q=0.9, application/json;q=0.5", JSON),
    ],
)
def test_the_most_specific_range_says_how_much_a_format_is_wanted(
    accept: str, format: Format | None
) -> None:
    assert negotiate(accept) is format


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "image/*",
        "application/xml, text/plain;q=0.5",
        "*/*;q=0",
        "application/json;q=0",
        "text/event-stream;q=0, text/*",
        "application/x-ndjson;q=0, application/json;q=0, application/*",
        "application/*;q=0, text/event-stream;q=0, */*",
        "*",
        ";;;",
    ],
)
def test_what_is_not_served_is_not_acceptable(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        negotiate(accept)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (["text/html", "application/json"], "application/json"),
        (["application/json;q=0.5", "application/x-ndjson"], "application/x-ndjson"),
    ],
)
async def test_several_headers_are_one_list(
    client: httpx.AsyncClient, accept: list[str], content_type: str
) -> None:
    headers = [("Accept", value) for value in accept]
    answer = await client.get("/ideas?topic=tea&count=1", headers=headers)
    assert answer.headers["content-type"] == content_type


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("call", ["GET /ideas?topic=tea", "POST /ideas", "POST /streams"])
async def test_not_acceptable_is_a_problem_that_says_what_is_served(
    client: httpx.AsyncClient, call: str
) -> None:
    method, path = call.split()
    answer = await client.request(
        method, path, headers={"Accept": "text/html"}, json={"schema": "ideas", "topic": "tea"}
    )
    assert answer.status_code == 406
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_acceptable"
    for served in ("text/event-stream", "application/x-ndjson", "application/json"):
        assert served in answer.json()["detail"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("accept", ["text/html", "application/json", "application/x-ndjson", "*/*"])
@pytest.mark.parametrize(
    ("view", "content_type", "start"),
    [
        ("text", "text/plain; charset=utf-8", "[{"),
        ("ui-message", "text/event-stream; charset=utf-8", 'data: {"type":"start",'),
        ("ag-ui", "text/event-stream; charset=utf-8", 'data: {"type":"RUN_STARTED",'),
    ],
)
async def test_a_view_with_a_format_of_its_own_ignores_what_is_accepted(
    client: httpx.AsyncClient, accept: str, view: str, content_type: str, start: str
) -> None:
    headers = {"Accept": accept}
    body = {"schema": "ideas", "topic": "tea", "count": 1}
    posted = await client.post(f"/streams?view={view}&resumable=true", headers=headers, json=body)
    attached = await client.get(f"{posted.headers['location']}?view={view}", headers=headers)
    for answer in (posted, attached):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == content_type
        assert answer.text.startswith(start)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("view", ["snapshot", "delta", "items"])
async def test_json_ignores_the_view_where_that_has_none_of_its_own(
    client: httpx.AsyncClient, view: str
) -> None:
    headers = {"Accept": "application/json"}
    kept = (await client.get("/briefs?topic=tea&resumable=true")).headers["location"]
    for path in (kept + "?", "/briefs?topic=tea&"):
        answer = await client.get(f"{path}view={view}", headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json().keys() > {"title", "sections"}
        assert "location" not in answer.headers


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_kept_is_not_acceptable_either(client: httpx.AsyncClient) -> None:
    kept = (await client.get("/ideas?topic=tea&count=1&resumable=true")).headers["location"]
    answer = await client.get(kept, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
    assert (await client.get(kept)).status_code == 200
