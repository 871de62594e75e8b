"""`python -m app` in its own process, with environment variables that the test chooses."""

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
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SCHEMAS = Path(__file__).parent / "schemas"
SECONDS = 60
"""How long a test waits for a process, which may start slowly on a busy machine."""

HOUR = "3600"
"""A value for a time that must not pass in a test. A test that waits for it fails, as `SECONDS`
are over earlier."""


def environment(**settings: str) -> dict[str, str]:
    """These settings and no others, with the tests' own schemas. Warnings are errors."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    defaults = {"PYTHONWARNINGS": "error", "PORT": "0", "SCHEMAS": str(SCHEMAS)}
    return {**kept, **defaults, **settings}


async def start(
    *arguments: str, before: tuple[str, ...] = (), stderr: int = PIPE, **settings: str
) -> asyncio.subprocess.Process:
    """Start `python -m app`.

    before: a command that executes the command after it, as `setpriv` does
    """
    return await asyncio.create_subprocess_exec(
        *(*before, sys.executable, "-m", "app", *arguments),
        cwd=ROOT,
        env=environment(NO_COLOR="1", COLUMNS="200", **settings),
        stdout=PIPE,
        stderr=stderr,
    )


class Ended(NamedTuple):
    code: int
    out: str
    said: str


async def ended(*arguments: str, **settings: str) -> Ended:
    """The output and the exit code of a process that ends by itself."""
    process = await start(*arguments, **settings)
    try:
        out, said = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), said.decode())


class Process:
    """A process that serves at `url`. lines: what it has written to stdout and stderr."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.url = ""
        self.lines: list[str] = []
        self._process = process
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def line(self, part: str, seconds: float = SECONDS) -> str:
        """The first line that contains this text."""
        async with asyncio.timeout(seconds):
            while True:
                for line in self.lines:
                    if part in line:
                        return line
                assert not self._reading.done(), "\n".join(self.lines)
                self._news.clear()
                await self._news.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    def signal(self, number: int = signal.SIGTERM) -> None:
        self._process.send_signal(number)

    async def exit_code(self) -> int:
        """Its exit code, once it has ended."""
        async with asyncio.timeout(SECONDS):
            code = await self._process.wait()
            await self._reading
        return code

    async def kill(self) -> None:
        """End it, if it hasn't ended."""
        if self.is_running:
            self._process.kill()
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.lines.append(line.decode().rstrip("\n"))
            self._news.set()
        self._news.set()


@asynccontextmanager
async def process(
    *arguments: str, before: tuple[str, ...] = (), seconds: float = SECONDS, **settings: str
) -> AsyncIterator[Process]:
    """A process that serves on a free port. Its log is JSON, unless the settings say otherwise.

    seconds: how long it may take to start
    """
    settings = {"LOG_FORMAT": "json", **settings}
    serving = Process(await start(*arguments, before=before, stderr=STDOUT, **settings))
    try:
        found = re.search(r"http://[\d.]+:\d+", await serving.line("http://", seconds))
        assert found
        serving.url = found[0]
        yield serving
    finally:
        await serving.kill()
