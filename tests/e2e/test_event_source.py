"""The native views, read by the packages that read event streams in Node."""

from __future__ import annotations

import json
from typing import Any

import jsonpatch
import pytest
from httpx_sse import aconnect_sse

from tests.e2e.clients import client
from tests.support.http_client import http_client
from tests.support.service import running


def ends(events: list[Any]) -> tuple[str, str]:
    return events[0]["event"], events[-1]["event"]


async def test_eventsource_reads_a_stream_to_its_end() -> None:
    async with running() as service:
        found = await client("eventsource", f"{service.url}/ideas?topic=tea&count=3")
    assert (found["ended"], found["lost"]) == ("done", 0)
    assert ends(found["events"]) == ("start", "done")
    partials = [event["data"] for event in found["events"] if event["event"] == "message"]
    assert partials[-1] == found["events"][-1]["data"]
    assert len(partials[-1]) == 3


async def test_eventsource_is_refused() -> None:
    async with running() as service:
        found = await client("eventsource", f"{service.url}/ideas?topic=tea&count=99")
    assert found == {"events": [], "ended": 422, "lost": 1}


async def test_eventsource_parser_finds_nothing_to_complain_of() -> None:
    async with running() as service:
        found = await client("eventsource-parser", f"{service.url}/ideas?topic=tea&count=3")
    assert (found["error"], found["comments"], found["retries"]) == (None, [], [2000])
    assert ends(found["events"]) == ("start", "done")
    assert len(json.loads(found["events"][-1]["data"])) == 3
    assert all(event["id"] for event in found["events"] if event["event"] is not None)


@pytest.mark.parametrize("view", ["snapshot", "delta", "items"])
async def test_every_native_view_is_read_by_eventsource(view: str) -> None:
    async with running() as service:
        url = f"{service.url}/ideas?topic=tea&count=3&view={view}"
        found = await client("eventsource", url)
    assert (found["ended"], found["lost"], ends(found["events"])) == ("done", 0, ("start", "done"))
    assert shown(view, [(e["event"], e["data"]) for e in found["events"]]) == final(found)


@pytest.mark.parametrize("view", ["snapshot", "delta", "items"])
async def test_every_native_view_is_read_by_eventsource_parser(view: str) -> None:
    async with running() as service:
        url = f"{service.url}/ideas?topic=tea&count=3&view={view}"
        found = await client("eventsource-parser", url)
    assert (found["error"], found["comments"]) == (None, [])
    events = [(e["event"] or "message", json.loads(e["data"])) for e in found["events"]]
    assert shown(view, events) == events[-1][1]


@pytest.mark.parametrize("view", ["snapshot", "delta", "items"])
async def test_every_native_view_is_read_by_httpx_sse(view: str) -> None:
    url = f"/ideas?topic=tea&count=3&view={view}"
    async with (
        running() as service,
        http_client(timeout=60, base_url=service.url) as http,
        aconnect_sse(http, "GET", url) as source,
    ):
        events = [(event.event, event.json()) async for event in source.aiter_sse()]
    assert [events[0][0], events[-1][0]] == ["start", "done"]
    assert shown(view, events) == events[-1][1]


def final(found: Any) -> Any:
    return found["events"][-1]["data"]


def shown(view: str, events: list[tuple[str, Any]]) -> Any:
    """The value that a view's own events have come to."""
    if view == "items":
        return [data for event, data in events if event == "item"]
    if view == "snapshot":
        return [data for event, data in events if event == "message"][-1]
    state: Any = None
    for event, operations in events:
        for operation in operations if event == "patch" else ():
            state = applied(state, operation)
    return state


def applied(state: Any, operation: Any) -> Any:
    """An operation's effect; `append` is ours, the others are RFC 6902's."""
    if operation["op"] == "append":
        old = jsonpatch.JsonPointer(operation["path"]).resolve(state)
        operation = {**operation, "op": "replace", "value": old + operation["value"]}
    return jsonpatch.apply_patch(state, [operation])
