"""The views for other front ends, read by the front ends' own clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.e2e.clients import client
from tests.e2e.scripted_server import BEGUN, DETAILS, VALUE, Server, serving
from tests.support.chromium import chromium


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as running:
        yield running


def parts(found: Any) -> list[Any]:
    """The data of the part in each state of the message."""
    return [part["data"] for message in found["messages"] for part in message["parts"]]


# useObject


async def test_use_object_reads_text(server: Server) -> None:
    found = await client("use-object", f"{server.url}/text/done", parameters={"count": 3})
    assert found == {"object": VALUE, "error": None}
    assert server.asked == {"topic": "tea", "count": 3}


async def test_use_object_fails_where_text_would_have_to_be_taken_back(server: Server) -> None:
    found = await client("use-object", f"{server.url}/text/restart")
    assert found == {"error": "terminated"}


# useChat


async def test_chat_shows_one_part_as_it_grows(server: Server) -> None:
    found = await client("use-chat", f"{server.url}/ui-message/done", parameters={"count": 3})
    assert server.asked == {"topic": "tea", "count": 3}
    assert (found["status"], found["error"]) == ("ready", None)
    [finish] = found["finishes"]
    assert finish["finishReason"] == "stop"
    assert not finish["isError"]
    question, answer = found["messages"]
    assert question["role"] == "user"
    assert answer == {
        "id": "m1",
        "role": "assistant",
        "parts": [{"type": "data-ideas", "id": "r1", "data": VALUE}],
        "metadata": {
            "stream": "r1",
            "schema": "ideas",
            "schema_version": "0123456789ab",
            "model": "demo",
            "usage": {"inputTokens": 20, "outputTokens": 30, "totalTokens": 50},
            "attempts": 1,
        },
    }
    states = [part["data"] for part in found["states"]]
    assert len(states) > 10
    assert states[-1] == VALUE


async def test_chat_shows_an_empty_part_after_a_restart(server: Server) -> None:
    found = await client("use-chat", f"{server.url}/ui-message/restart")
    states = [part["data"] for part in found["states"]]
    assert [] in states[1:]
    assert states[-1] == VALUE
    assert {(part["type"], part["id"]) for part in found["states"]} == {("data-ideas", "r1")}
    answer = found["messages"][1]
    assert answer["parts"] == [{"type": "data-ideas", "id": "r1", "data": VALUE}]
    assert answer["metadata"]["restart"] == {
        "attempt": 2,
        "code": "output_invalid",
        "errors": DETAILS,
    }
    assert (found["status"], found["error"]) == ("ready", None)


async def test_chat_knows_all_of_an_error(server: Server) -> None:
    found = await client("use-chat", f"{server.url}/ui-message/failed")
    assert found["status"] == "error"
    assert found["error"] == "The model's answer does not satisfy the schema."
    assert found["finishes"][0]["isError"]
    answer = found["messages"][1]
    assert answer["parts"][0]["data"] == found["states"][-1]["data"] != []
    assert answer["metadata"]["attempts"] == 3
    assert answer["metadata"]["error"] == {
        "code": "output_invalid",
        "retryable": True,
        "request_id": "q1",
        "errors": DETAILS,
    }


async def test_a_ui_message_stream_is_read(server: Server) -> None:
    found = await client("ui-message-stream", f"{server.url}/ui-message/done")
    assert found["errors"] == []
    assert parts(found)[-1] == VALUE
    assert all(len(message["parts"]) <= 1 for message in found["messages"])


async def test_a_ui_message_stream_is_read_to_its_error(server: Server) -> None:
    found = await client("ui-message-stream", f"{server.url}/ui-message/failed")
    assert found["errors"] == ["The model's answer does not satisfy the schema."]
    assert found["messages"][-1]["metadata"]["error"]["code"] == "output_invalid"


# AG-UI


async def test_an_agent_has_the_value_as_its_state(server: Server) -> None:
    found = await client("http-agent", f"{server.url}/ag-ui/done", parameters={"count": 3})
    assert server.asked == {"topic": "tea", "count": 3}
    assert (found["error"], found["failure"], found["warnings"]) == (None, None, [])
    assert found["state"] == found["result"] == VALUE
    first, second, *deltas, last = found["events"]
    assert {first["threadId"], last["threadId"]} == {"t1"}
    assert {first["runId"], last["runId"]} == {"r1"}
    assert (first["type"], second["type"]) == ("RUN_STARTED", "STATE_SNAPSHOT")
    assert {event["type"] for event in deltas} == {"STATE_DELTA"}
    assert last["type"] == "RUN_FINISHED"
    assert last["usage"] == [
        {"model": "demo", "inputTokens": 20, "outputTokens": 30, "totalTokens": 50}
    ]
    assert last["metadata"] == {"attempts": 1}


async def test_an_agent_starts_again_after_a_restart(server: Server) -> None:
    found = await client("http-agent", f"{server.url}/ag-ui/restart")
    assert (found["error"], found["failure"], found["warnings"]) == (None, None, [])
    assert found["state"] == VALUE
    assert [] in found["states"][1:]
    again = found["events"][1 + len([batch for batch in BEGUN if batch])]
    assert again["type"] == "STATE_SNAPSHOT"
    assert again["metadata"]["restart"]["code"] == "output_invalid"


async def test_an_agent_knows_all_of_an_error(server: Server) -> None:
    found = await client("http-agent", f"{server.url}/ag-ui/failed")
    assert (found["failure"], found["warnings"]) == (None, [])
    assert found["error"] == "The model's answer does not satisfy the schema."
    assert found["result"] is None
    error = found["events"][-1]
    assert (error["type"], error["code"]) == ("RUN_ERROR", "output_invalid")
    assert error["metadata"] == {
        "retryable": True,
        "request_id": "q1",
        "errors": DETAILS,
        "attempts": 3,
    }


# In a page


async def shown(server: Server, hook: str, path: str) -> Any:
    options = json.dumps({"parameters": {"count": 3}})
    query = {"hook": hook, "api": path, "options": options, "report": "/report"}
    async with chromium(f"{server.url}/index.html?{urlencode(query)}"):
        return await asyncio.wait_for(server.reported, 30)


async def test_use_object_in_a_page(server: Server) -> None:
    found = await shown(server, "useObject", "/text/done")
    assert server.asked == {"topic": "tea", "count": 3}
    assert (found["object"], found["error"], found["finished"]) == (VALUE, None, True)
    assert found["rendered"][-1] == VALUE


async def test_use_chat_in_a_page(server: Server) -> None:
    found = await shown(server, "useChat", "/ui-message/restart")
    assert server.asked == {"topic": "tea", "count": 3}
    assert (found["status"], found["error"]) == ("ready", None)
    # Not what came before: React takes together what comes at once. (The live tests see it grow.)
    assert found["rendered"][-1] == VALUE


async def test_use_chat_in_a_page_knows_of_an_error(server: Server) -> None:
    found = await shown(server, "useChat", "/ui-message/failed")
    assert found["status"] == "error"
    assert found["error"] == "The model's answer does not satisfy the schema."
    assert found["messages"][1]["metadata"]["error"]["code"] == "output_invalid"
