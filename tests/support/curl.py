"""curl: a reader of streams that speaks TLS and HTTP/2, as a process of its own."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.client import SECONDS, shown
from tests.support.front import Front


class Curl:
    """status: such as `HTTP/2 200`. headers: their names in lower case."""

    def __init__(self, process: Process) -> None:
        assert process.stdout is not None
        self.status = ""
        self.headers: dict[str, str] = {}
        self._process = process
        self._out = process.stdout

    async def head(self) -> None:
        """Take the status and the headers."""
        self.status, *lines = (await self._until(b"\r\n\r\n")).split("\r\n")
        self.status = self.status.strip()
        self.headers = {n.lower(): v for n, v in (line.split(": ", 1) for line in lines)}

    async def next(self) -> str:
        """The next message, or heartbeat."""
        return shown(await self._until(b"\n\n"))

    async def until(self, start: str) -> str:
        """The next message with this beginning."""
        while not (message := await self.next()).startswith(start):
            pass
        return message

    async def rest(self) -> str:
        """All that is still to come."""
        return (await asyncio.wait_for(self._out.read(), SECONDS)).decode()

    async def exit_code(self) -> int:
        """curl's exit code: 0 after a complete response."""
        return await asyncio.wait_for(self._process.wait(), SECONDS)

    def leave(self) -> None:
        """Break the connection."""
        self._process.kill()

    async def _until(self, mark: bytes) -> str:
        found = await asyncio.wait_for(self._out.readuntil(mark), SECONDS)
        return found.removesuffix(mark).decode()


@asynccontextmanager
async def curl(front: Front, path: str, *options: str) -> AsyncIterator[Curl]:
    """A request to the proxy in front of the service. Its status and headers have come."""
    process = await asyncio.create_subprocess_exec(
        *("curl", "--silent", "--no-buffer", "--include", "--cacert", str(front.ca)),
        *options,
        front.url + path,
        stdout=PIPE,
    )
    try:
        answer = Curl(process)
        await answer.head()
        yield answer
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()  # read to the end, otherwise the pipe stays open
