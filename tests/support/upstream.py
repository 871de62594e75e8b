"""A provider that a test scripts, byte by byte, on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


class Exchange:
    """One request to the provider. `closed` is set when the service has closed its connection."""

    def __init__(
        self, body: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.body = body
        self.writer = writer
        self.closed = asyncio.Event()
        self._reader = reader
        self._watch = asyncio.create_task(self._until_closed())

    async def send(self, data: bytes) -> None:
        """Send raw bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def event(self, data: Any) -> None:
        """Send one event, JSON or a string as it is."""
        text = data if isinstance(data, str) else json.dumps(data)
        await self.send(f"data: {text}\n\n".encode())

    async def text(self, piece: str) -> None:
        """Send a piece of the answer, as a tool call's arguments."""
        call = {"index": 0, "function": {"arguments": piece}}
        await self.event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})

    async def finish(self, reason: str = "stop", usage: tuple[int, int] | None = None) -> None:
        """Send a finish reason, the usage and `[DONE]`."""
        await self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        if usage:
            tokens = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
            await self.event({"choices": [], "usage": tokens})
        await self.event("[DONE]")

    async def _until_closed(self) -> None:
        with suppress(OSError):
            while await self._reader.read(65536):
                pass
        self.closed.set()

    def drop(self) -> None:
        """Break the connection."""
        self.writer.transport.abort()


Script = Callable[[Exchange], Awaitable[None]]


class Upstream:
    """`base_url` is the provider's; `exchanges` are the requests so far, `next` awaits another."""

    def __init__(self, script: Script) -> None:
        self.base_url = ""
        self.exchanges: list[Exchange] = []
        self._script = script
        self._arrived: asyncio.Queue[Exchange] = asyncio.Queue()

    async def next(self) -> Exchange:
        """The next request that has not been awaited yet."""
        return await asyncio.wait_for(self._arrived.get(), 10)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        exchange = Exchange(json.loads(await reader.readexactly(length)), reader, writer)
        self.exchanges.append(exchange)
        self._arrived.put_nowait(exchange)
        with suppress(OSError):
            await self._script(exchange)
            if writer.can_write_eof():
                writer.write_eof()
            await exchange.closed.wait()
        writer.close()


@asynccontextmanager
async def upstream(script: Script) -> AsyncIterator[Upstream]:
    """A provider that answers each request by `script` (which sends the head, too: `HEAD`)."""
    provider = Upstream(script)
    listener = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    provider.base_url = f"http://127.0.0.1:{port}/v1"
    try:
        yield provider
    finally:
        listener.close()
        for exchange in provider.exchanges:
            exchange.drop()
