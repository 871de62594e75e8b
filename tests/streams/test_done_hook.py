"""A schema's own `done`: called once with the value, and never in a stream's way."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.support.events import messages
from tests.support.http_client import http_client
from tests.support.schema_files import schema, write
from tests.support.service import Service, eventually, running

SOURCE = """
import asyncio
from app.schema import Deadlines, StreamInfo

CALLS = []
HOLD = asyncio.Event()

async def done(value, parameters, info: StreamInfo) -> None:
    CALLS.append((value, parameters, info))
    if parameters.topic == "broken":
        raise OSError("no place for s3cret")
    if parameters.topic in ("slow", "stuck"):
        await HOLD.wait()
"""
OK = 'done_hooks_total{outcome="ok",schema="words"} 1.0'


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    hooked = schema(more="done=done, deadlines=Deadlines(done=0.5)")
    write(tmp_path, "words.py", SOURCE + hooked)
    async with running(schemas=(str(tmp_path),)) as found:
        yield found


def kept() -> Any:
    """The module of the schema that runs."""
    return sys.modules["schemas.words"]


async def post(service: Service, topic: str, query: str = "") -> Any:
    async with http_client(base_url=service.url, timeout=30) as client:
        answer = await client.post(f"/words{query}", json={"topic": topic, "count": 2})
    return messages(answer.content)[-1]


async def exposed(service: Service) -> str:
    async with http_client(timeout=60, base_url=service.url) as client:
        return (await client.get("/metrics")).text


async def test_it_gets_the_value_the_parameters_and_the_facts_once(service: Service) -> None:
    end = await post(service, "tea", "?resumable=true")
    await eventually(lambda: kept().CALLS)
    async with http_client(timeout=60, base_url=service.url) as client:
        stream = str(end.id).split("-")[0]
        assert (await client.get(f"/streams/{stream}")).status_code == 200  # one more reader
    [(value, parameters, info)] = kept().CALLS
    assert (end.event, value) == ("done", end.data)
    assert (parameters.topic, parameters.count) == ("tea", 2)
    assert (info.stream, info.schema, info.model) == (stream, "words", "demo")
    assert (info.caller, info.subject, info.attempts) == ("", "", 1)
    assert info.output_tokens > 0
    assert info.duration_ms >= 0
    assert OK in await exposed(service)


@pytest.mark.parametrize(("topic", "outcome"), [("broken", "failed"), ("slow", "late")])
async def test_a_failure_is_logged_and_counted_and_the_stream_is_done(
    service: Service, topic: str, outcome: str
) -> None:
    with structlog.testing.capture_logs() as logged:
        assert (await post(service, topic)).event == "done"
        told = f'done_hooks_total{{outcome="{outcome}",schema="words"}} 1.0'
        async with asyncio.timeout(10):
            while told not in await exposed(service):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    [line] = [line for line in logged if line["log_level"] == "error"]
    assert line["schema"] == "words"
    assert "s3cret" not in line["event"]


async def test_a_stream_that_ends_otherwise_calls_nothing(service: Service) -> None:
    assert (await post(service, "tea", "?model=demo-truncated")).event == "error"
    await eventually(lambda: not len(service.streams))
    assert kept().CALLS == []


async def test_draining_waits_for_it_and_no_longer_than_its_deadline(service: Service) -> None:
    assert (await post(service, "stuck")).event == "done"
    await eventually(lambda: kept().CALLS)
    draining = asyncio.create_task(service.streams.drain(0))
    await asyncio.sleep(0)
    assert not draining.done()
    kept().HOLD.set()
    await asyncio.wait_for(draining, 10)
    assert OK in await exposed(service)


async def test_draining_ends_though_it_hangs(service: Service) -> None:
    assert (await post(service, "stuck")).event == "done"
    await asyncio.wait_for(service.streams.drain(0), 10)
    assert 'outcome="late"' in await exposed(service)
