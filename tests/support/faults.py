"""What may happen to the connection to a provider in the middle of a chunk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from tests.support.upstream import HEAD, Exchange, event


class Answer(NamedTuple):
    """A body around the chunk in which the fault is."""

    before: bytes
    chunk: bytes
    after: bytes

    @property
    def broken(self) -> bytes:
        """The body up to the middle of the chunk."""
        return self.before + self.chunk[: len(self.chunk) // 2]

    @property
    def whole(self) -> bytes:
        return b"".join(self)


async def cut(exchange: Exchange, answer: Answer) -> None:
    await exchange.send(answer.broken)
    exchange.eof()


async def reset(exchange: Exchange, answer: Answer) -> None:
    await exchange.send(answer.broken)
    exchange.drop()


async def stall(exchange: Exchange, answer: Answer) -> None:
    await exchange.send(answer.broken)


async def garbage(exchange: Exchange, answer: Answer) -> None:
    await exchange.send(answer.before, b"data: {oops\n\n", answer.chunk, answer.after)


async def error(exchange: Exchange, answer: Answer) -> None:
    await exchange.send(answer.before, event({"error": {"message": "canary"}}))


async def flood(exchange: Exchange, answer: Answer) -> None:
    await exchange.send(answer.before, b"data: ")
    with suppress(OSError):
        for _ in range(160):
            await exchange.send(b"x" * 65536)


async def trickle(exchange: Exchange, answer: Answer) -> None:
    await exchange.send(answer.before)
    for byte in answer.chunk + answer.after:
        await exchange.send(bytes([byte]))
        await asyncio.sleep(0)
    exchange.eof()


async def too_short(exchange: Exchange, answer: Answer) -> None:
    """Send more bytes than `Content-Length` says. The rest does not belong to the answer."""
    await exchange.send(answer.whole)


class Fault(NamedTuple):
    """code: the stream's error; None: `done`. length: its `Content-Length`, or None."""

    act: Callable[[Exchange, Answer], Awaitable[None]]
    code: str | None
    length: Callable[[Answer], int] | None = None
    schema: str = "words"

    def head(self, answer: Answer) -> bytes:
        length = f"Content-Length: {self.length(answer)}\r\n".encode() if self.length else b""
        return HEAD.replace(b"Connection", length + b"Connection")


FAULTS = {
    "cut": Fault(cut, "provider_interrupted"),
    "reset": Fault(reset, "provider_interrupted"),
    "stall": Fault(stall, "provider_timeout", schema="hasty"),
    "garbage": Fault(garbage, "provider_protocol"),
    "error object": Fault(error, "provider_protocol"),
    "10 MB without a line break": Fault(flood, "provider_protocol"),
    "byte by byte": Fault(trickle, None),
    "longer than it is": Fault(cut, "provider_interrupted", lambda a: len(a.whole) + 1000),
    "shorter than it is": Fault(too_short, "provider_interrupted", lambda a: len(a.broken)),
}
