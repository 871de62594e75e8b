"""The demo endpoint by the messages API, over real sockets."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from app.demo import SECRET
from tests.demo.test_demo import MESSAGES, PROMPT, SCHEMA, Ideas, served

TOOL = {"name": "Ideas", "description": "Ideas.", "input_schema": SCHEMA}
FORMAT = {"type": "json_schema", "schema": SCHEMA}
MODES: dict[str, dict[str, Any]] = {
    "tools": {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "Ideas"}},
    "any tool": {"tools": [TOOL], "tool_choice": {"type": "any"}},
    "tools as it likes": {"tools": [TOOL], "tool_choice": {"type": "auto"}},
    "json_schema": {"output_config": {"format": FORMAT}},
    "json": {"system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": PROMPT}]},
}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


def body(model: str = "demo", mode: str = "tools", **more: Any) -> dict[str, Any]:
    asked = {"model": model, "max_tokens": 1000, "system": "Be brief.", "stream": True}
    return asked | {"messages": MESSAGES[1:]} | MODES[mode] | more


async def read(client: httpx.AsyncClient, request: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of an answer, whose names are those of their types."""
    response = await client.post("/messages", json=request)
    assert response.status_code == 200
    events = []
    for event in response.text.removesuffix("\n\n").split("\n\n"):
        name, data = event.split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events


def written(events: list[dict[str, Any]]) -> str:
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    return "".join(delta.get("partial_json", delta.get("text", "")) for delta in deltas)


@pytest.mark.parametrize("mode", MODES)
async def test_each_mode_streams_a_valid_answer_about_the_topic(mode: str) -> None:
    async with served() as client:
        events = await read(client, body(mode=mode))
    Ideas.model_validate_json(written(events))
    assert "arden parties & <tea>" in written(events)
    kinds = [event["type"] for event in events]
    assert kinds[:3] == ["message_start", "ping", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[3:-3]) == {"content_block_delta"}
    called = "tool" in mode
    assert events[2]["content_block"]["type"] == ("tool_use" if called else "text")
    assert events[-2]["delta"]["stop_reason"] == ("tool_use" if called else "end_turn")
    assert events[0]["message"]["usage"]["input_tokens"] > 50
    assert events[-2]["usage"]["output_tokens"] == len(kinds) - 6


@pytest.mark.parametrize("mode", ["tools", "json_schema"])
async def test_a_model_that_is_to_think_thinks_first(mode: str) -> None:
    async with served() as client:
        events = await read(client, body(mode=mode, **THINKING))
        whole = await client.post("/messages", json=body(mode=mode, stream=False, **THINKING))
    blocks = [e["content_block"]["type"] for e in events if e["type"] == "content_block_start"]
    assert blocks == ["thinking", "tool_use" if mode == "tools" else "text"]
    assert [block["type"] for block in whole.json()["content"]] == blocks
    Ideas.model_validate_json(written(events))


@pytest.mark.parametrize("mode", ["tools", "json_schema"])
async def test_a_whole_answer_is_the_streamed_one(mode: str) -> None:
    async with served() as client:
        events = await read(client, body(mode=mode))
        message = (await client.post("/messages", json=body(mode=mode, stream=False))).json()
    (block,) = message["content"]
    assert block.get("input", block.get("text")) in (
        written(events),
        json.loads(written(events)),
    )
    assert message["stop_reason"] == events[-2]["delta"]["stop_reason"]
    assert message["usage"]["output_tokens"] == events[-2]["usage"]["output_tokens"]


@pytest.mark.parametrize(
    ("model", "reason"), [("demo-truncated", "max_tokens"), ("demo-refusal", "refusal")]
)
async def test_an_answer_that_ends_early_says_why(model: str, reason: str) -> None:
    async with served() as client:
        events = await read(client, body(model))
    assert events[-2]["delta"]["stop_reason"] == reason
    assert len(written(events)) > 30


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("demo-filtered", "invalid_request_error"),
        ("demo-overloaded", "overloaded_error"),
        ("demo-error", "error"),
    ],
)
async def test_an_error_may_come_in_the_middle(model: str, kind: str) -> None:
    async with served() as client:
        *before, last = await read(client, body(model))
        whole = await client.post("/messages", json=body(model, stream=False))
    assert len(written(before)) > 20
    assert last["type"] == "error"
    assert last["error"]["type"] == kind
    assert whole.json() == last
    assert (SECRET in last["error"]["message"]) == (model != "demo-filtered")


@pytest.mark.parametrize(
    ("model", "status", "kind"),
    [
        ("demo-429", 429, "rate_limit_error"),
        ("demo-500", 500, "api_error"),
        ("demo-401", 401, "authentication_error"),
        ("demo-4", 404, "not_found_error"),
    ],
)
async def test_some_fail_with_a_status(model: str, status: int, kind: str) -> None:
    async with served() as client:
        response = await client.post("/messages", json=body(model))
    assert response.status_code == status
    assert response.json()["type"] == "error"
    assert response.json()["error"]["type"] == kind
    assert response.headers.get("retry-after") == ("1" if status == 429 else None)


@pytest.mark.parametrize(
    "request_",
    [
        b"{",
        b"[1]",
        {"max_tokens": None},
        {"messages": []},
        {"messages": "hello"},
        {"messages": MESSAGES},
        {"tools": 3},
        {"tool_choice": {"type": "tool", "name": "x"}},
        {"output_config": {"format": {"type": "json_schema"}}, "tools": []},
    ],
)
async def test_a_request_that_is_none_is_refused_in_anthropics_form(request_: Any) -> None:
    content = request_ if isinstance(request_, bytes) else json.dumps(body() | request_).encode()
    async with served() as client:
        response = await client.post("/messages", content=content)
    assert response.status_code == 400
    assert response.json().keys() == {"type", "error"}
    assert response.json()["error"].keys() == {"type", "message"}
    assert response.json()["error"]["type"] == "invalid_request_error"


async def test_the_same_request_has_the_same_answer_by_both_interfaces() -> None:
    chat = {"model": "demo", "messages": [{"role": "system", "content": "Be brief."}, MESSAGES[1]]}
    answer_format = {"type": "json_schema", "json_schema": {"name": "Ideas", "schema": SCHEMA}}
    async with served() as client:
        events = await read(client, body(mode="json_schema"))
        response = await client.post(
            "/chat/completions", json=chat | {"response_format": answer_format}
        )
    assert written(events) == response.json()["choices"][0]["message"]["content"]
