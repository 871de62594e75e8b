"""`python -m app` as a process of its own, with an environment that the test chooses."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SECONDS = 60
"""How long a test waits for a process: what starts on a busy machine takes its time."""


class Ended(NamedTuple):
    code: int
    out: str
    said: str


async def start(*arguments: str, **settings: str) -> Process:
    """Start `python -m app` with these settings and no others."""
    environment = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    environment |= {"PYTHONWARNINGS": "error", "PORT": "0", "NO_COLOR": "1", "COLUMNS": "200"}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app",
        *arguments,
        cwd=ROOT,
        env=environment | settings,
        stdout=PIPE,
        stderr=PIPE,
    )


async def ended(*arguments: str, **settings: str) -> Ended:
    """What a process says that ends by itself."""
    process = await start(*arguments, **settings)
    try:
        out, said = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), said.decode())


class Started(NamedTuple):
    """A process that serves: its address, and what it has said until it did."""

    process: Process
    url: str
    said: str


@asynccontextmanager
async def started(*arguments: str, **settings: str) -> AsyncIterator[Started]:
    """A process that serves, which is killed at the end where it still runs."""
    process = await start(*arguments, **settings)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        stream = process.stdout if arguments else process.stderr
        said = (await asyncio.wait_for(stream.readline(), SECONDS)).decode()
        url = re.search(r"http://[^/\s]+", said)
        assert url, said + (await process.stderr.read()).decode()
        yield Started(process, url[0], said)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
