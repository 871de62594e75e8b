"""A prompt that is a coroutine: it may look something up first, and has a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from tests.support.events import messages
from tests.support.http_client import http_client
from tests.support.schema_files import schema, write
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, saying, text, upstream
from tests.support.upstream import end as finish

SOURCE = """
import asyncio
from app.schema import Deadlines

CALLS = []

async def prompt(p):
    CALLS.append(p.topic)
    await asyncio.sleep(0)
    if p.topic == "broken":
        raise OSError("no table s3cret")
    if p.topic == "own":
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
    if p.topic in ("slow", "left"):
        await asyncio.Event().wait()
    return Prompt("Words.", f"Looked up for {p.count}.\\n{quote('topic', p.topic)}")
"""


def source(seconds: float) -> str:
    return SOURCE + schema(more=f"deadlines=Deadlines(prompt={seconds})")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    write(tmp_path, "words.py", source(0.2))
    async with running(schemas=(str(tmp_path),)) as found:
        yield found


async def end(service: Service, topic: str) -> tuple[str, str]:
    async with http_client(base_url=service.url, timeout=30) as client:
        answer = await client.post("/words", json={"topic": topic})
    if answer.status_code != 200:
        return "error", answer.json()["code"]
    last = messages(answer.content)[-1]
    return str(last.event), last.data["code"] if last.event == "error" else ""


async def test_its_prompt_is_asked_with(tmp_path: Path) -> None:
    write(tmp_path, "words.py", source(5))
    async with (
        upstream(saying(HEAD + text('{"items": [{"text": "Fig"}]}') + finish())) as provider,
        running(schemas=(str(tmp_path),), openai_base_url=provider.base_url) as service,
    ):
        assert await end(service, "tea") == ("done", "")
        exchange = (await provider.next()).body
    assert exchange["messages"][-1]["content"].startswith("Looked up for 5.\n<topic>\ntea")


@pytest.mark.parametrize("topic", ["broken", "slow", "own"])
async def test_where_it_fails_or_is_late_the_stream_ends_in_an_error_of_ours(
    service: Service, topic: str
) -> None:
    with structlog.testing.capture_logs() as logged:
        assert await end(service, topic) == ("error", "internal")
        await eventually(lambda: any(line["event"] == "stream ended" for line in logged))
    ended = next(line for line in logged if line["event"] == "stream ended")
    broke = [line for line in logged if line["event"] == "a generation broke"]
    assert (ended.get("cause") == "prompt") == (topic == "slow")
    assert len(broke) == (topic != "slow")


async def test_a_reader_that_leaves_ends_it(tmp_path: Path) -> None:
    write(tmp_path, "words.py", source(3600))
    async with running(schemas=(str(tmp_path),)) as service:
        reading = asyncio.create_task(end(service, "left"))
        await eventually(lambda: len(service.streams) == 1)
        reading.cancel()
        await eventually(lambda: not len(service.streams))


async def test_where_the_streams_own_time_runs_out_first_that_is_told_and_no_model_is_blamed(
    tmp_path: Path,
) -> None:
    write(tmp_path, "words.py", source(3600))
    table = "[models.{}]\nmodel = 'm'\nbase_url = 'http://127.0.0.1:9/v1'\n"
    (models := tmp_path / "models.toml").write_text(
        f"{table.format('a')}fallbacks = ['b']\n{table.format('b')}"
    )
    async with running(
        schemas=(str(tmp_path),),
        models_file=str(models),
        model="",
        total_timeout=0.1,
        circuit_failures=1,
    ) as service:
        with structlog.testing.capture_logs() as logged:
            assert await end(service, "slow") == ("error", "provider_timeout")
            await eventually(lambda: any(line["event"] == "stream ended" for line in logged))
        assert [it["cause"] for it in logged if it["event"] == "stream ended"] == ["total"]
        assert service.streams.passed_over == ()
