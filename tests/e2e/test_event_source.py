"""The native views, read by the packages that read event streams in Node."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.clients import client
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
