"""A server that answers as it is told, for what the service would never say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Answers:
    """url: the server's. heads: of the requests that it has had."""

    left: list[bytes]
    url: str = ""
    heads: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(self.left.pop(0) if len(self.left) > 1 else self.left[0])
            await writer.drain()
            writer.write_eof()
            await reader.read()
        writer.close()


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[Answers]:
    """Each request has the next of these answers, the last one again and again."""
    server = Answers(list(answers))
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()


def answer(status: int, kind: str, body: str, **headers: str) -> bytes:
    """A response that ends with its connection."""
    lines = [f"HTTP/1.1 {status} Such", f"Content-Type: {kind}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", body]).encode()


def events(text: str) -> bytes:
    """A stream of these events."""
    return answer(200, "text/event-stream", text, Location="/streams/S")
