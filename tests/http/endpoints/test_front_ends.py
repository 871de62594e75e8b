"""Calls take what other front ends post, in their views alone."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.support.front_ends import posted, run_agent_input, said

pytestmark = pytest.mark.asyncio(loop_scope="module")

USE_CHAT = posted(said("tea"), count=1)
AG_UI = run_agent_input({"id": "m", "role": "user", "content": "tea"}, forwardedProps={"count": 1})


@pytest.mark.parametrize("path", ["/ideas", "/streams"])
@pytest.mark.parametrize(
    ("view", "body"),
    [("ui-message", USE_CHAT), ("ag-ui", AG_UI)]
    + [(view, {"topic": "tea", "count": 1}) for view in ("ui-message", "ag-ui", "text")],
)
async def test_a_call_takes_what_a_front_end_posts_and_the_plain_body(
    client: httpx.AsyncClient, path: str, view: str, body: dict[str, Any]
) -> None:
    named = body | ({"schema": "ideas"} if path == "/streams" else {})
    key = {"Idempotency-Key": "the same as from a query string"}
    answer = await client.post(f"{path}?view={view}", json=named, headers=key)
    plain = await client.post("/ideas", json={"topic": "tea", "count": 1}, headers=key)
    assert answer.status_code == 200
    assert answer.headers["location"] == plain.headers["location"]


@pytest.mark.parametrize("view", ["snapshot", "delta", "items", "text"])
@pytest.mark.parametrize("body", [USE_CHAT, AG_UI])
async def test_in_the_other_views_a_front_ends_body_is_no_parameters(
    client: httpx.AsyncClient, view: str, body: dict[str, Any]
) -> None:
    answer = await client.post(f"/ideas?view={view}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_run_has_the_ids_that_were_posted(client: httpx.AsyncClient) -> None:
    answer = await client.post("/ideas?view=ag-ui", json=AG_UI)
    first = json.loads(answer.text.split("\n\n")[0].removeprefix("data: "))
    assert (first["threadId"], first["runId"]) == ("t1", "u1")


async def test_a_run_without_ids_gets_some(client: httpx.AsyncClient) -> None:
    posted = await client.post("/ideas?view=ag-ui", json={"topic": "tea"})
    got = await client.get("/ideas?view=ag-ui&topic=tea")
    ids = [
        json.loads(answer.text.split("\n\n")[0].removeprefix("data: "))[key]
        for answer in (posted, got)
        for key in ("threadId", "runId")
    ]
    assert len(set(map(UUID, ids))) == 4


@pytest.mark.parametrize(
    ("view", "body", "path"),
    [
        ("ui-message", {**USE_CHAT, "count": 0}, "/count"),
        ("ui-message", {**USE_CHAT, "messages": 7}, "/messages"),
        ("ag-ui", {**AG_UI, "forwardedProps": {"count": 0}}, "/count"),
        ("ag-ui", {**AG_UI, "runId": 7}, "/runId"),
    ],
)
async def test_what_is_wrong_with_a_front_ends_body_is_told(
    client: httpx.AsyncClient, view: str, body: dict[str, Any], path: str
) -> None:
    answer = await client.post(f"/ideas?view={view}", json=body)
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == [path]
