"""What a signal to stop does to the streams, under any ASGI server.

A server that gets SIGTERM or SIGINT waits for the responses that run. Left to itself, it would
wait for as long as a stream may take, or cut the stream. So a signal also begins to drain: no
stream begins any more, and those that run have some seconds, and then end in `draining`.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sse_starlette.sse import AppStatus

from app.streams.registry import Streams

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def keep_streams_at_signals() -> None:
    """Streams of sse-starlette would otherwise all end at once when uvicorn gets a signal."""
    AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]


@contextmanager
def draining_at_signals(streams: Streams, seconds: float) -> Iterator[None]:
    """Drain at a signal, and then do what the server does at it.

    seconds: those that running streams have
    Only a process's main thread has signals. A signal that the server doesn't handle stays as it
    is.
    """
    keep_streams_at_signals()
    loop = asyncio.get_running_loop()
    draining: set[asyncio.Task[None]] = set()

    def drain() -> None:
        if not draining:
            draining.add(asyncio.create_task(streams.drain(seconds)))

    def on_signal(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(drain)
        before[signal.Signals(number)](number, frame)

    is_main = threading.current_thread() is threading.main_thread()
    handled = {number: signal.getsignal(number) for number in SIGNALS} if is_main else {}
    before = {number: handler for number, handler in handled.items() if callable(handler)}
    for number in before:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
