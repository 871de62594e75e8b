"""A provider that a test scripts, byte by byte, on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.support.process import SECONDS
from tests.support.sockets import reset_when_closed

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def status(code: int, **headers: str) -> bytes:
    """A whole answer with another status than 2xx. `_` in a header's name stands for `-`."""
    lines = [f"HTTP/1.1 {code} No", "Content-Length: 2", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", "{}"]).encode()


def refusal(code: int, body: Any) -> bytes:
    """As `status`, with this JSON as its body."""
    told = json.dumps(body).encode()
    head = f"HTTP/1.1 {code} No\r\nContent-Length: {len(told)}\r\nConnection: close\r\n\r\n"
    return head.encode() + told


def event(data: Any) -> bytes:
    """One event, JSON or a string as it is."""
    text = data if isinstance(data, str) else json.dumps(data)
    return f"data: {text}\n\n".encode()


def delta(finish: str | None = None, **delta: Any) -> bytes:
    """The event of one choice."""
    return event({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def text(piece: str) -> bytes:
    """The event of a piece of the answer, as a tool call's arguments."""
    return delta(tool_calls=[{"index": 0, "function": {"arguments": piece}}])


def end(reason: str = "stop", usage: tuple[int, int] | None = None) -> bytes:
    """A finish reason, the usage and `[DONE]`."""
    told = b""
    if usage:
        tokens = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
        told = event({"choices": [], "usage": tokens})
    return delta(reason) + told + event("[DONE]")


class Exchange:
    """One request to the provider. `closed` is set when the service has closed its connection."""

    def __init__(
        self,
        head: bytes,
        body: dict[str, Any],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.head = head.decode()
        self.body = body
        self.writer = writer
        self.closed = asyncio.Event()
        self._reader = reader
        self._watch = asyncio.create_task(self._until_closed())

    async def send(self, *pieces: bytes) -> None:
        """Send raw bytes. Raises ConnectionError where the connection is closed."""
        if self.writer.transport.is_closing():  # here uvloop would raise a RuntimeError
            raise ConnectionResetError
        self.writer.write(b"".join(pieces))
        await self.writer.drain()

    async def event(self, data: Any) -> None:
        """Send one event, JSON or a string as it is."""
        await self.send(event(data))

    async def text(self, piece: str) -> None:
        """Send a piece of the answer, as a tool call's arguments."""
        await self.send(text(piece))

    async def finish(self, reason: str = "stop", usage: tuple[int, int] | None = None) -> None:
        """Send a finish reason, the usage and `[DONE]`."""
        await self.send(end(reason, usage))

    def eof(self) -> None:
        """End the body properly."""
        if self.writer.can_write_eof():
            self.writer.write_eof()

    def drop(self) -> None:
        """Break the connection: it is reset."""
        connection = self.writer.get_extra_info("socket")
        if not self.writer.transport.is_closing():
            reset_when_closed(connection)
        self.writer.transport.abort()

    async def is_closed(self, seconds: float = 1) -> None:
        """Wait until the service has closed the connection, at most one second."""
        async with asyncio.timeout(seconds):
            await self.closed.wait()

    async def _until_closed(self) -> None:
        with suppress(OSError):
            while await self._reader.read(65536):
                pass
        self.closed.set()


Script = Callable[[Exchange], Awaitable[None]]


async def by_hand(exchange: Exchange) -> None:
    """A script that does nothing: the test answers the requests of `Upstream.next` itself."""
    await exchange.closed.wait()


def saying(*answers: bytes) -> Script:
    """A script that gives each request the next of these answers, and repeats the last one."""
    left = list(answers)

    async def script(exchange: Exchange) -> None:
        await exchange.send(left.pop(0) if len(left) > 1 else left[0])

    return script


def holding(*answers: bytes) -> Script:
    """Like `saying`, but the connection then stays open, and the provider is silent."""
    say = saying(*answers)

    async def script(exchange: Exchange) -> None:
        await say(exchange)
        await exchange.closed.wait()

    return script


class Upstream:
    """base_url: that of the provider. exchanges: the requests so far. `next` awaits another one."""

    def __init__(self, script: Script) -> None:
        self.base_url = ""
        self.exchanges: list[Exchange] = []
        self._script = script
        self._arrived: asyncio.Queue[Exchange] = asyncio.Queue()

    async def next(self) -> Exchange:
        """The next request that has not been awaited yet."""
        return await asyncio.wait_for(self._arrived.get(), SECONDS)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:  # a connection that was closed without a request
            writer.close()
            return
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        body = json.loads(await reader.readexactly(length))
        exchange = Exchange(head, body, reader, writer)
        self.exchanges.append(exchange)
        self._arrived.put_nowait(exchange)
        with suppress(OSError, RuntimeError):
            await self._script(exchange)
            exchange.eof()
            await exchange.closed.wait()
        writer.close()


@asynccontextmanager
async def upstream(script: Script = by_hand, *, port: int = 0) -> AsyncIterator[Upstream]:
    """A provider that answers each request by `script` (which sends the head, too: `HEAD`)."""
    provider = Upstream(script)
    listener = await asyncio.start_server(provider.serve, "127.0.0.1", port)
    port = listener.sockets[0].getsockname()[1]
    provider.base_url = f"http://127.0.0.1:{port}/v1"
    try:
        yield provider
    finally:
        listener.close()
        for exchange in provider.exchanges:
            exchange.drop()
