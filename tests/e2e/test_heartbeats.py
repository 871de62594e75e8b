"""A model that is silent for three heartbeats: every reader that the documents show goes on."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structured_streams import stream, stream_sync

from tests.browsers.site import CLIENTS, at, sample
from tests.e2e.clients import front_ends
from tests.support.program import printed
from tests.support.silence import VALUE, silence

READING, GUIDE = "docs/reading.md", "docs/front-ends.md"

PYTHON = {
    "httpx-sse": (READING, "connect_sse"),
    "sseclient-py": (GUIDE, "sseclient"),
    "requests-sse": (GUIDE, "requests_sse"),
}
NODE = {
    "the simplest reader": (READING, "getReader"),
    "eventsource": (GUIDE, 'from "eventsource"'),
    "fetch-event-source": (GUIDE, "fetchEventSource"),
}
PRELUDE = """
const show = () => {};
const finish = value => console.log(JSON.stringify(value));
const fail = error => console.error(error);
const addEventListener = () => {}; // Node has no page that could be left
globalThis.window = globalThis; // where fetch-event-source finds fetch and timers
globalThis.document = new EventTarget(); // and whether the page is hidden
"""


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """The URL of a service whose model is silent for three heartbeats, and is asked once."""
    async with silence() as service:
        yield service.url
        assert service.heartbeats >= 3
        assert service.asked == 1  # nobody has come back and begun another one


@pytest.mark.parametrize("name", PYTHON)
async def test_a_sample_in_python_goes_on(name: str) -> None:
    async with silent() as url:
        code = at(sample(PYTHON[name][0], "python", PYTHON[name][1]), url)
        told = await printed(sys.executable, "-c", code)
    assert told.splitlines()[-1] == f"done {VALUE}"


@pytest.mark.parametrize("name", NODE)
async def test_a_sample_in_node_goes_on(name: str) -> None:
    async with silent() as url:
        code = at(sample(NODE[name][0], "js", NODE[name][1]), url)
        command = ("node", "--input-type=module", "-e", PRELUDE + code)
        assert json.loads(await printed(*command, cwd=front_ends)) == VALUE


async def test_our_client_in_node_goes_on() -> None:
    async with silent() as url:
        module = (CLIENTS / "js" / "src" / "index.js").as_uri()
        code = f"""import {{ stream }} from "{module}";
          finish(await stream("{url}/ideas", {{ topic: "figs", count: 1 }}).final);"""
        command = ("node", "--input-type=module", "-e", PRELUDE + code)
        assert json.loads(await printed(*command)) == VALUE


@pytest.mark.parametrize("way", ["asyncio", "threads"])
async def test_our_client_in_python_goes_on(way: str) -> None:
    async with silent() as url:
        if way == "asyncio":
            assert await stream(url, "ideas", topic="figs", count=1).final() == VALUE
        else:
            reading = stream_sync(url, "ideas", topic="figs", count=1)
            assert await asyncio.to_thread(reading.final) == VALUE
