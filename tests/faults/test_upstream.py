"""A provider's connection that fails: at the first, a middle and the last chunk of an answer.

Beside it another stream goes on, and misses nothing.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.schemas.registry import load
from tests.support.connection import code
from tests.support.faults import FAULTS, Answer, Fault
from tests.support.schema_files import schema, write
from tests.support.service import Service, running
from tests.support.stream import streaming
from tests.support.upstream import HEAD, Upstream, delta, saying, text, upstream

VALUE = [{"text": f"Wörter {n}"} for n in range(5)]
ANSWER = json.dumps({"items": VALUE}, ensure_ascii=False)
CHUNKS = [*(text(ANSWER[at : at + 9]) for at in range(0, len(ANSWER), 9)), delta("stop")]
POSITIONS = {"first": 0, "middle": len(CHUNKS) // 2, "last": len(CHUNKS) - 1}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_fault_has_its_code_one_end_and_disturbs_no_other_stream(
    fault: Fault, tmp_path: Path
) -> None:
    async with serving(tmp_path) as (service, provider), witness(service, provider):
        for at in POSITIONS.values():
            answer = Answer(b"".join(CHUNKS[:at]), CHUNKS[at], b"".join(CHUNKS[at + 1 :]))
            path = f"/{fault.schema}?topic=figs&count=6&interval_ms=0"
            async with streaming(service, provider, path, fault.head(answer)) as (reader, exchange):
                acting = asyncio.create_task(fault.act(exchange, answer))
                stream = await reader.rest()
                await exchange.is_closed()
                await acting
            ends = [m for m in stream.split("\n\n") if m.startswith(("event: done", "event: err"))]
            assert len(ends) == 1
            assert stream.endswith(ends[0] + "\n\n")
            if fault.code is None:
                assert json.loads(ends[0].split("data: ")[1]) == VALUE
            else:
                assert ends[0].startswith("event: error")
                assert f'"code":"{fault.code}"' in ends[0]
            assert "canary" not in stream
            assert len(service.streams) == 1


@pytest.mark.parametrize("head", [HEAD, HEAD.replace(b"close", b"keep-alive")])
async def test_more_than_its_length_along_with_its_head_is_no_http(head: bytes) -> None:
    sent = head.replace(b"Connection", b"Content-Length: 10\r\nConnection") + b"".join(CHUNKS)
    async with (
        upstream(saying(sent)) as provider,
        running(openai_base_url=provider.base_url, max_attempts=2) as service,
    ):
        assert await code(service.url + "/ideas?topic=figs") == (502, "provider_protocol")
        assert len(provider.exchanges) == 2
        for exchange in provider.exchanges:
            await exchange.is_closed()


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Service, Upstream]]:
    """A service with two schemas, one of which does not wait for long."""
    write(folder, "words.py", schema())
    hasty = schema(more="deadlines=Deadlines(first_content=0.3, gap=0.3)")
    write(folder, "hasty.py", f"from app.schema import Deadlines\n{hasty}")
    async with (
        upstream() as provider,
        running(
            registry=load(folder), openai_base_url=provider.base_url, max_attempts=1
        ) as service,
    ):
        yield service, provider


@asynccontextmanager
async def witness(service: Service, provider: Upstream) -> AsyncIterator[None]:
    """A stream that is written to all the while, and has it all at its end."""
    path = "/words?topic=witness&count=1&interval_ms=0"
    async with streaming(service, provider, path) as (reader, exchange):
        written = ""
        over = asyncio.Event()

        async def write() -> None:
            nonlocal written
            await exchange.text('{"items": [{"text": "')
            while not over.is_set():
                await exchange.text("x")
                written += "x"
                await asyncio.sleep(0.005)
            await exchange.text('"}]}')
            await exchange.finish()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write())
            seen = tasks.create_task(reader.rest())
            yield
            over.set()
        *partials, done = re.findall(r'data: \[\{"text":"(x*)"', seen.result())
        assert done == written
        assert partials == sorted(partials)
        assert "event: done" in seen.result()
