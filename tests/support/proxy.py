"""A TCP proxy whose connections a test can cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Proxy:
    """url: its own URL. connections: how many connections there have been.

    limits: after how many bytes of the target's the next connections are reset, one by one
    passed: what has come from the target so far
    """

    def __init__(self, target: str) -> None:
        self.url = ""
        self.connections = 0
        self.limits: list[int] = []
        self.passed = b""
        self._news = asyncio.Event()
        self._target = urlsplit(target)
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Break all connections, on both sides."""
        for writer in self._writers:
            writer.transport.abort()

    async def has_passed(self, part: bytes, times: int) -> None:
        """Wait until this has come from the target so often."""
        async with asyncio.timeout(30):
            while self.passed.count(part) < times:
                self._news.clear()
                await self._news.wait()

    def _note(self, data: bytes) -> None:
        self.passed += data
        self._news.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        host, port = self._target.hostname, self._target.port
        other_reader, other_writer = await asyncio.open_connection(host, port)
        both = {writer, other_writer}
        self._writers |= both
        limit = self.limits.pop(0) if self.limits else None
        try:
            back = _copy(other_reader, writer, limit, self._note)
            await asyncio.gather(_copy(reader, other_writer), back)
        finally:
            self._writers -= both
            for end in both:
                end.close()


async def _copy(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    limit: int | None = None,
    note: Callable[[bytes], object] = bytes,
) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            note(data)
            writer.write(data[:limit])
            await writer.drain()
            if limit is not None and (limit := limit - len(data)) <= 0:
                writer.transport.abort()
                return
        writer.close()


@asynccontextmanager
async def proxy(target: str) -> AsyncIterator[Proxy]:
    """A proxy in front of a service."""
    between = Proxy(target)
    listener = await asyncio.start_server(between.serve, "127.0.0.1", 0)
    between.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield between
    finally:
        listener.close()
        between.cut()
