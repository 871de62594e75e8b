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
from tests.support.proxy import proxy
from tests.support.service import running
from tests.support.upstream import HEAD, Exchange, end, text, upstream

FIRST, SECOND = '{"items": [{"title": "Figs", "blurb": "Sw', 'eet."}]}'
VALUE = [{"title": "Figs", "blurb": "Sweet."}]
READING, GUIDE = "docs/reading.md", "docs/front-ends.md"

PYTHON = {
    "httpx-sse": (READING, "connect_sse"),
    "sseclient-py": (GUIDE, "sseclient"),
    "requests-sse": (GUIDE, "requests_sse"),
}
NODE = {
    "the simplest reader": (READING, "getReader"),
    "eventsource": (GUIDE, 'from "eventsource"'),
}
PRELUDE = """
const show = () => {};
const finish = value => console.log(JSON.stringify(value));
const fail = error => console.error(error);
const addEventListener = () => {}; // Node has no page that could be left
"""


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """A service whose model falls silent in a word until three heartbeats have been sent."""

    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD, text(FIRST))
        await between.has_passed(b"event: ping\n", 3)
        await exchange.send(text(SECOND) + end())

    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url, heartbeat_seconds=0.2) as service,
        proxy(service.url) as between,
    ):
        yield between.url
        assert between.passed.count(b"event: ping\n") >= 3
        assert len(provider.exchanges) == 1  # nobody has come back and begun another one


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
