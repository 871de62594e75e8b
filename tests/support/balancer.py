"""What stands in front of several processes: each connection goes to the next that takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from urllib.parse import urlsplit


class Balancer:
    """url: its own URL. targets: says which URLs there are now."""

    def __init__(self, targets: Callable[[], Sequence[str]]) -> None:
        self.url = ""
        self._targets = targets
        self._next = count()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            other_reader, other_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(_copy(reader, other_writer), _copy(other_reader, writer))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the next target, or to the one behind it. Raises OSError."""
        targets = self._targets()
        first = next(self._next)
        for number in range(len(targets)):
            parts = urlsplit(targets[(first + number) % len(targets)])
            with suppress(OSError):
                return await asyncio.open_connection(parts.hostname, parts.port)
        raise ConnectionRefusedError


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All bytes up to the end. A connection that was reset is reset on the other side, too."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
    except OSError:
        writer.transport.abort()


@asynccontextmanager
async def balancer(targets: Callable[[], Sequence[str]]) -> AsyncIterator[Balancer]:
    """targets: says which URLs of the service there are now."""
    between = Balancer(targets)
    listener = await asyncio.start_server(between.serve, "127.0.0.1", 0)
    between.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield between
    finally:
        listener.close()
