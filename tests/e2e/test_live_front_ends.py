"""The front ends' own clients against the real service, and its demo model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

from app.demo.reasoning import FORMS
from app.demo.reasoning import reasoning as thoughts
from tests.browsers.site import sample
from tests.e2e.clients import client, front_ends
from tests.e2e.scripted_server import serving
from tests.support.callers import KEYED, ticket
from tests.support.chromium import chromium
from tests.support.http_client import http_client
from tests.support.program import printed
from tests.support.service import running

PACE = 400.0  # tokens a second: several messages, and soon over


async def final(url: str) -> Any:
    """The value that the demo model gives for the same request."""
    async with http_client(timeout=60) as http:
        body = {"topic": "tea", "count": 3}
        response = await http.post(url, json=body, headers={"Accept": "application/json"})
        return response.json()


async def test_use_object_reads_the_text_view() -> None:
    async with running(demo_tokens_per_second=PACE) as service:
        url = f"{service.url}/ideas"
        found = await client("use-object", f"{url}?view=text", parameters={"count": 3})
        assert found == {"object": await final(url), "error": None}


async def test_use_object_knows_that_a_text_was_cut_off() -> None:
    async with running(demo_tokens_per_second=PACE) as service:
        found = await client("use-object", f"{service.url}/ideas?view=text&model=demo-truncated")
        assert found == {"error": "terminated"}


async def test_use_chat_shows_the_value_as_one_part_that_grows() -> None:
    async with running(demo_tokens_per_second=PACE) as service:
        url = f"{service.url}/ideas"
        found = await client("use-chat", f"{url}?view=ui-message", parameters={"count": 3})
        assert (found["status"], found["error"]) == ("ready", None)
        [part] = found["messages"][1]["parts"]
        assert (part["type"], part["data"]) == ("data-ideas", await final(url))
        states = [state["data"] for state in found["states"]]
        assert len(states) > 2
        assert [len(state) for state in states] == sorted(len(state) for state in states)


async def test_use_chat_is_told_of_a_restart_and_of_an_error() -> None:
    async with running(demo_tokens_per_second=PACE) as service:
        url = f"{service.url}/ideas?view=ui-message&model="
        found = await client("use-chat", f"{url}demo-invalid", parameters={"count": 3})
        assert found["messages"][1]["metadata"]["restart"]["code"] == "output_invalid"
        assert len(found["messages"][1]["parts"][0]["data"]) == 3
        found = await client("use-chat", f"{url}demo-truncated", parameters={"count": 3})
        assert found["error"] == "The model's answer was cut off at its length limit."


async def test_use_chat_has_what_the_model_reasons_as_a_part_before_the_value() -> None:
    async with running(model="", demo_tokens_per_second=PACE) as service:
        url = f"{service.url}/ideas?view=ui-message&model="
        for found in await asyncio.gather(
            *(client("use-chat", f"{url}{model}&reasoning=true") for model in FORMS)
        ):
            assert (found["status"], found["error"]) == ("ready", None)
            reasoned, value = found["messages"][1]["parts"]
            assert (reasoned["type"], reasoned["state"]) == ("reasoning", "done")
            assert reasoned["text"].strip() == thoughts("tea")
            assert (value["type"], len(value["data"])) == ("data-ideas", 5)
        found = await client("use-chat", f"{url}demo-thinks")
        assert [part["type"] for part in found["messages"][1]["parts"]] == ["data-ideas"]


async def test_an_agent_has_what_the_model_reasons_as_a_message() -> None:
    async with running(model="", demo_tokens_per_second=PACE) as service:
        url = f"{service.url}/ideas?view=ag-ui&model="
        for found in await asyncio.gather(
            *(client("http-agent", f"{url}{model}&reasoning=true") for model in FORMS)
        ):
            assert (found["error"], found["failure"], found["warnings"]) == (None, None, [])
            types = [event["type"] for event in found["events"]]
            assert types[1:3] == ["REASONING_START", "REASONING_MESSAGE_START"]
            assert types.index("REASONING_END") == types.index("STATE_SNAPSHOT") - 1
            [message] = [it for it in found["messages"] if it["role"] == "reasoning"]
            assert message["content"].strip() == thoughts("tea")
            assert len(found["state"]) == 5
        found = await client("http-agent", f"{url}demo-thinks")
        assert "REASONING_START" not in [event["type"] for event in found["events"]]


async def test_an_agent_has_the_value_as_its_state() -> None:
    async with running(demo_tokens_per_second=PACE) as service:
        url = f"{service.url}/ideas"
        found = await client("http-agent", f"{url}?view=ag-ui", parameters={"count": 3})
        assert (found["error"], found["failure"], found["warnings"]) == (None, None, [])
        assert found["state"] == found["result"] == await final(url)
        assert found["events"][0]["type"] == "RUN_STARTED"
        assert {found["events"][0]["threadId"], found["events"][-1]["threadId"]} == {"t1"}


async def test_an_agent_is_told_of_a_restart_and_of_an_error() -> None:
    async with running(demo_tokens_per_second=PACE) as service:
        url = f"{service.url}/ideas?view=ag-ui&model="
        found = await client("http-agent", f"{url}demo-invalid", parameters={"count": 3})
        snapshots = [e for e in found["events"] if e["type"] == "STATE_SNAPSHOT"]
        assert snapshots[-1]["metadata"]["restart"]["code"] == "output_invalid"
        assert len(found["state"]) == 3
        found = await client("http-agent", f"{url}demo-truncated", parameters={"count": 3})
        assert found["events"][-1]["code"] == "output_truncated"


@asynccontextmanager
async def shown(hook: str, path: str) -> AsyncIterator[tuple[Any, str]]:
    """What a page with a hook has shown of the service, which is on another origin."""
    async with (
        serving() as pages,
        running(demo_tokens_per_second=PACE, cors_origins=(pages.url,)) as service,
    ):
        query = {
            "hook": hook,
            "api": f"{service.url}{path}",
            "options": json.dumps({"parameters": {"count": 3}}),
            "report": "/report",
        }
        async with chromium(f"{pages.url}/index.html?{urlencode(query)}"):
            yield await asyncio.wait_for(pages.reported, 60), service.url


async def test_use_object_in_a_page() -> None:
    async with shown("useObject", "/ideas?view=text") as (found, url):
        assert (found["error"], found["finished"]) == (None, True)
        assert found["rendered"][-1] == found["object"] == await final(f"{url}/ideas")
        assert len(found["rendered"]) > 2


async def test_use_chat_in_a_page() -> None:
    async with shown("useChat", "/ideas?view=ui-message") as (found, url):
        assert (found["status"], found["error"]) == ("ready", None)
        assert found["rendered"][-1] == await final(f"{url}/ideas")
        assert len(found["rendered"]) > 2


async def test_the_documents_lines_with_a_ticket_open_a_stream() -> None:
    line = sample("docs/callers.md", "js", "${ticket}")
    assert line.count("https://api.example/") == 1
    done = "event => { source.close(); console.log(event.data); }"
    async with (
        running(**KEYED, demo_tokens_per_second=PACE) as service,
        http_client(timeout=60, base_url=service.url) as calls,
    ):
        code = (
            'import { EventSource } from "eventsource";\n'
            f"const ticket = {json.dumps(await ticket(calls))};\n"
            f"{line.replace('https://api.example', service.url)}"
            f'source.addEventListener("done", {done});'
        )
        told = await printed("node", "--input-type=module", "-e", code, cwd=front_ends)
    assert len(json.loads(told)) == 5
