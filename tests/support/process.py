"""The service as a process of its own: `python -m app`."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SECONDS = 30


class Process:
    """url: where it serves. lines: what it has written to stdout and stderr."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.url = ""
        self.lines: list[str] = []
        self._process = process
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def line(self, part: str, seconds: float = SECONDS) -> str:
        """The first line that holds this."""
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

    def signal(self, number: int = signal.SIGTERM) -> None:
        self._process.send_signal(number)

    async def exit_code(self, seconds: float) -> int:
        """Its exit code, once it has ended: within so many seconds."""
        async with asyncio.timeout(seconds):
            code = await self._process.wait()
        await self._reading
        return code

    async def kill(self) -> None:
        """End it, if it hasn't ended."""
        if self._process.returncode is None:
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
async def process(*before: str, **environment: str) -> AsyncIterator[Process]:
    """The service with this environment, on a free port, serving.

    before: a command that becomes the one that follows it, as `setpriv` does
    """
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    started = Process(
        await asyncio.create_subprocess_exec(
            *(*before, sys.executable, "-W", "error", "-m", "app"),
            cwd=ROOT,
            env={**clean, "PORT": "0", "LOG_FORMAT": "json", **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    )
    try:
        found = re.search(r"http://[\d.]+:\d+", await started.line("http://"))
        assert found
        started.url = found[0]
        yield started
    finally:
        await started.kill()
