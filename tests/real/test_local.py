"""`deploy/local.py`: the service, and llama.cpp's server beside it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support import tiny_model
from tests.support.connection import connected
from tests.support.process import ROOT, SECONDS, Process, environment
from tests.support.sockets import listens


@asynccontextmanager
async def local(file: Path) -> AsyncIterator[Process]:
    """The two processes, in a group of their own, as a terminal has it."""
    process = Process(
        await asyncio.create_subprocess_exec(
            *(sys.executable, ROOT / "deploy" / "local.py", file),
            env=environment(SCHEMAS=str(ROOT / "schemas")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )
    )
    try:
        yield process
    finally:
        await process.kill()


def port(line: str) -> int:
    found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
    assert found, line
    return int(found[1])


@pytest.mark.parametrize("how", ["Ctrl-C", "the service is killed"])
async def test_a_model_answers_through_the_service_and_ends_with_it(
    how: str, tmp_path: Path
) -> None:
    file = tmp_path / "tiny.gguf"
    tiny_model.write(file, seed=1)
    async with local(file) as process:
        model = port(await process.line("llama.cpp serves it at"))
        service = port(await process.line("serving on"))
        async with connected(f"http://127.0.0.1:{service}/ideas?topic=tea&count=1") as stream:
            assert (await stream.rest())[-1].event == "done"
        if how == "Ctrl-C":
            os.killpg(process.pid, signal.SIGINT)
            await process.exit_code()
        else:
            process.signal(signal.SIGKILL)
        async with asyncio.timeout(SECONDS):
            while await listens(model):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
