"""What a chunk costs: from the provider's bytes to the snapshot view's bytes, without sockets.

    python -m bench.chain

A list of small objects of 3, 12 and 49 KB, in chunks of 4 characters as tool calls, through
the real SDK's seam, Instructor, the decoder, the run, one follower at 50 ms and the SSE
encoding. Prints µs of CPU a chunk, for reads of one chunk each and of 16 KB, and how the
cost grows with the length.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import uvloop

from app.generation import Generation
from app.http.response import encoded
from app.providers.openai import OpenAIProvider
from app.registry import load
from app.request import Request
from app.run import Run, follow
from app.settings import Settings
from app.wire import sse
from app.wire.snapshot import Snapshot

CHUNK = 4
READ = 16 * 1024
ROUNDS = 5


def document(elements: int) -> str:
    """The text of an answer with so many ideas."""
    return json.dumps(
        {
            "items": [
                {
                    "title": f"Idea number {n} of many",
                    "blurb": f"A blurb for the idea, it is {n}. " * 3,
                }
                for n in range(elements)
            ]
        }
    )


def frames(text: str) -> list[bytes]:
    """The text as the events of a stream."""
    pieces = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
    deltas = [
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]},
                    "finish_reason": None,
                }
            ]
        }
        for piece in pieces
    ]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    events = [
        json.dumps({"id": "c", "object": "chat.completion.chunk", **d}) for d in [*deltas, end]
    ]
    return [f"data: {event}\n\n".encode() for event in [*events, "[DONE]"]]


def reads(parts: list[bytes], size: int) -> list[bytes]:
    """The frames as they are read: each by itself, or up to `size` bytes at once."""
    if not size:
        return parts
    whole = b"".join(parts)
    return [whole[at : at + size] for at in range(0, len(whole), size)]


def canned(parts: list[bytes]) -> Any:
    """The SDK's call for a streamed response, without a socket."""

    async def iter_bytes() -> AsyncIterator[bytes]:
        for index, part in enumerate(parts):
            if not index % 64:
                await asyncio.sleep(0)  # as a socket would, now and then
            yield part

    @asynccontextmanager
    async def create(**_: Any) -> AsyncIterator[Any]:
        yield SimpleNamespace(iter_bytes=iter_bytes)

    return create


async def stream(provider: OpenAIProvider, request: Request, settings: Settings) -> bytes:
    """One whole stream; its last bytes."""
    run = Run("0", "ideas", "m")
    generation = Generation(request, run, provider, settings)
    generation.begin()
    batches = follow(run, Snapshot("r"), interval=0.05, heartbeat=15)
    last = b""
    async for data in encoded(batches, sse):
        last = data
    return last


async def measure(elements: int, size: int) -> tuple[int, float]:
    """Bytes of the document, and CPU seconds of one stream (the least of some rounds)."""
    entry = load().get("ideas")
    settings = Settings(openai_api_key="x")
    text = document(elements)
    provider = OpenAIProvider(settings)
    provider._open = canned(reads(frames(text), size))
    parameters = entry.schema.parameters.model_construct(topic="t", count=elements)
    request = _Unbounded(entry, parameters, "m")
    best = float("inf")
    for _ in range(ROUNDS):
        before = time.process_time()
        last = await stream(provider, request, settings)
        best = min(best, time.process_time() - before)
        assert b"event: done" in last, last[-300:]
    return len(text), best


class _Unbounded(Request):
    """A request for more elements than the schema allows."""

    __slots__ = ()

    def ask(self, messages: list[dict[str, Any]]) -> Any:
        bounded = Request(self.entry, self.parameters.model_copy(update={"count": 20}), self.model)
        return bounded.ask(messages)


def main() -> None:
    print("| read at once | document | µs a chunk | ms a stream | growth for 4 x |")
    print("|---|---|---|---|---|")
    for size in (0, READ):
        before = None
        for elements in (20, 80, 320):
            length, seconds = uvloop.run(measure(elements, size))
            micro = seconds / (length / CHUNK) * 1e6
            growth = f"{seconds / before:.2f}" if before else ""
            what = "16 KB" if size else "a chunk"
            cells = (
                what,
                f"{length / 1000:.1f} KB",
                f"{micro:.1f}",
                f"{seconds * 1e3:.1f}",
                growth,
            )
            print(f"| {' | '.join(cells)} |")
            before = seconds


if __name__ == "__main__":
    main()
