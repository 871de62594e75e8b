"""A fake OpenAI-compatible provider, cheap enough to feed a thousand streams from one core.

    python -m bench.upstream

The model's name says which document comes and how fast: `list-20.flood` as fast as it is read,
`list-20.50` at 50 chunks a second. A request with tools is answered by a tool call, any other
by content. Frames are made beforehand, each in its own HTTP chunk, as providers send them. Only
the frame with the stamp is made for each answer, because it holds the time.

Paced answers share one timer wheel for each pace. Its slots are a millisecond apart, and the
answers in a slot get their next frames together. The frames up to the stamp are sent with the
response's head. The n-th chunk after the stamp is due n intervals after the stamp's time.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import uvloop

from bench.documents import STAMP, document

HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
)
BLOCK: Final = 64 * 1024
SLOT_SECONDS: Final = 0.001

_length = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Frames:
    """All frames of an answer.

    stamped: the index of the frame with the stamp
    end: the index of the first frame without text
    """

    def __init__(self, name: str, tool: str | None, usage: bool) -> None:
        answer = document(name)
        deltas = [_first(tool), *(_delta(tool, piece) for piece in answer.pieces)]
        choices = [[_choice(delta)] for delta in deltas] + [[_choice({}, "stop")]]
        chunks = [_chunk(name, choices=choice) for choice in choices]
        if usage:
            tokens = {"prompt_tokens": 100, "completion_tokens": 900, "total_tokens": 1000}
            chunks.append(_chunk(name, choices=[], usage=tokens))
        self.stamped = answer.preamble + 1
        self.end = len(answer.pieces) + 1
        self.all = [_frame(json.dumps(chunk, separators=(",", ":"))) for chunk in chunks]
        self.all += [_frame("[DONE]") + b"0\r\n\r\n"]
        after = b"".join(self.all[self.stamped + 1 :])
        self.blocks = [after[at : at + BLOCK] for at in range(0, len(after), BLOCK)]

    def opening(self, stamp: float) -> bytes:
        """The head and the frames up to the stamp."""
        written = f"t{round(stamp * 1e6):015d}".encode()
        frame = self.all[self.stamped].replace(STAMP.encode(), written)
        return b"".join([HEAD, *self.all[: self.stamped], frame])


frames = cache(Frames)


def _first(tool: str | None) -> dict[str, Any]:
    if tool is None:
        return {"role": "assistant", "content": ""}
    call = {"id": "call_1", "type": "function", "function": {"name": tool, "arguments": ""}}
    return {"role": "assistant", "content": None, "tool_calls": [{"index": 0, **call}]}


def _delta(tool: str | None, piece: str) -> dict[str, Any]:
    if tool is None:
        return {"content": piece}
    return {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def _choice(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _chunk(model: str, **rest: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": model,
        "system_fingerprint": "fp_1",
        **rest,
    }


def _frame(data: str) -> bytes:
    event = f"data: {data}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(event), event)


class Wheel:
    """A timer wheel that steps every answer once an interval. It runs only if there are answers."""

    def __init__(self, interval: float) -> None:
        self._slots: list[set[Exchange]] = [set() for _ in range(round(interval / SLOT_SECONDS))]
        self._count = 0
        self._turning = False
        self._ticks = 0
        self._began = 0.0

    def add(self, exchange: Exchange) -> float:
        """Step an answer from now on. Returns the time from which its intervals are counted."""
        if not self._turning:
            self._turning = True
            self._began, self._ticks = time.monotonic(), 0
            self._sleep()
        self._count += 1
        self._slots[self._ticks % len(self._slots)].add(exchange)
        return self._began + self._ticks * SLOT_SECONDS

    def remove(self, exchange: Exchange) -> None:
        for slot in self._slots:
            if exchange in slot:
                slot.remove(exchange)
                self._count -= 1

    def _sleep(self) -> None:
        due = self._began + (self._ticks + 1) * SLOT_SECONDS
        asyncio.get_running_loop().call_later(max(due - time.monotonic(), 0), self._turn)

    def _turn(self) -> None:
        while self._began + (self._ticks + 1) * SLOT_SECONDS <= time.monotonic():
            self._ticks += 1
            for exchange in list(self._slots[self._ticks % len(self._slots)]):
                exchange.step()
        self._turning = self._count > 0
        if self._turning:
            self._sleep()


class Exchange(asyncio.Protocol):
    """A connection, and the answer that it gets."""

    def __init__(self, wheels: dict[float, Wheel]) -> None:
        self._wheels = wheels
        self._wheel: Wheel | None = None
        self._received = b""
        self._frames: Frames
        self._next = 0
        self._flooding = False
        self._paused = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=4 * BLOCK)

    def connection_lost(self, exc: Exception | None) -> None:
        self._flooding = False
        self._stop()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        found = _length.search(head)
        if separator and len(body) >= int(found[1] if found else 0):
            self._received = b""
            self._answer(head, json.loads(body) if body else {})

    def _answer(self, head: bytes, body: dict[str, Any]) -> None:
        query = parse_qs(urlsplit(head.split(b" ", 2)[1].decode()).query)
        name, pace = (query["model"][0] if "model" in query else body["model"]).split(".")
        tools = [{"function": {"name": "Direct"}}] if query else body.get("tools")
        tool = tools[0]["function"]["name"] if tools else None
        self._frames = frames(name, tool, "stream_options" in body)
        if pace == "flood":
            self._transport.write(self._frames.opening(time.monotonic()))
            self._next, self._flooding = 0, True
            self._flood()
            return
        interval = 1 / float(pace)
        wheel = self._wheels.get(interval)
        if wheel is None:
            wheel = self._wheels[interval] = Wheel(interval)
        self._transport.write(self._frames.opening(wheel.add(self)))
        self._wheel, self._next = wheel, self._frames.stamped + 1

    def step(self) -> None:
        """Send the next frame of a paced answer; after the last text, all others at once."""
        frames = self._frames
        self._transport.write(frames.all[self._next])
        self._next += 1
        if self._next >= frames.end:
            self._transport.write(b"".join(frames.all[frames.end :]))
            self._stop()

    def _stop(self) -> None:
        if self._wheel is not None:
            self._wheel.remove(self)
            self._wheel = None

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._flood()

    def _flood(self) -> None:
        while self._flooding and not self._paused:
            if self._next == len(self._frames.blocks):
                self._flooding = False
                return
            self._next += 1
            self._transport.write(self._frames.blocks[self._next - 1])


async def main() -> None:
    wheels: dict[float, Wheel] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Exchange(wheels), "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
