"""What stands between the service and a Redis: it can be slow, or away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Between:
    """Passes on what it gets. seconds: how long each answer is held. url: where it listens."""

    def __init__(self, path: str) -> None:
        self.seconds = 0.0
        self.url = ""
        self._path = path
        self._port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen, where it has listened before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}"

    def close(self) -> None:
        """Refuse connections, and break those that there are."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there, back = await asyncio.open_unix_connection(self._path)
        try:
            with suppress(OSError, asyncio.CancelledError):
                async with asyncio.TaskGroup() as both:
                    both.create_task(_pass(reader, back, lambda: 0.0))
                    both.create_task(_pass(there, writer, lambda: self.seconds))
        finally:
            self._tasks.discard(task)
            back.close()
            writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wait: object) -> None:
    assert callable(wait)
    while data := await reader.read(65536):
        await asyncio.sleep(wait())
        writer.write(data)
    writer.close()


@asynccontextmanager
async def between(url: str) -> AsyncIterator[Between]:
    """A `Between` before the Redis of this `unix://` URL."""
    gate = Between(url.removeprefix("unix://"))
    await gate.open()
    try:
        yield gate
    finally:
        gate.close()
