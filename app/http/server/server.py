"""The server: uvicorn with our own handling of signals."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import uvicorn

from app.http.server.protocol import Protocol
from app.http.server.signals import keep_streams_at_signals
from app.settings import Settings

SECOND_SIGNAL_SECONDS = 1
"""A signal within this time after the first one is ignored, because `make` sends each twice."""

CLOSE_SECONDS = 0.3
"""At the end, clients have this time to read what was written to them."""

M_MMAP_THRESHOLD = -3
"""glibc's number of the option, in malloc.h."""

LARGE_BLOCK_BYTES = 128 * 1024
"""glibc's own default, which it raises up to 32 MB unless it is set."""

YOUNG_OBJECTS = 5000
"""After so many new objects the collector looks at them. Python's default is 700."""


Drain = Callable[[float], Awaitable[None]]
"""Begins no more streams, and ends those that still run after this number of seconds."""


class Server(uvicorn.Server):
    """uvicorn's server, which drains at SIGTERM and SIGINT.

    After the first signal, calls that would begin a stream are refused, and running streams have
    `drain_seconds` to end. Another signal, a second or more later, ends them at once. At SIGHUP it
    reads again what can be read again, and cuts nothing.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        drain: Drain,
        drain_seconds: float,
        on_start: Callable[[str], None],
        reread: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._on_start = on_start
        self._drain_streams = drain
        self._reread = reread
        self._drain_seconds = drain_seconds
        self._signalled: float | None = None
        self._draining: asyncio.Task[None] | None = None
        keep_streams_at_signals()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start(url_of(sockets[0] if sockets else self.servers[0].sockets[0]))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        loop.add_signal_handler(signal.SIGHUP, self._reread)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # a worker starts without it
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def _on_signal(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._signalled is None:
            self._signalled = now
            self._draining = asyncio.create_task(self._drain(self._drain_seconds))
        elif now - self._signalled >= SECOND_SIGNAL_SECONDS and self._draining:
            self._draining.cancel()
            self._draining = asyncio.create_task(self._drain(0))

    async def _drain(self, seconds: float) -> None:
        try:
            await self._drain_streams(seconds)
        finally:
            self.should_exit = True


def settle() -> None:
    """Set up memory for streams. A process calls this once it serves.

    All present objects are excluded from garbage collection. Half a million objects stay for the
    life of the process, and each full collection would spend 0.1 s on them. Without this, a full
    collection would begin only once there are a quarter more objects, and the cycles that streams
    leave behind would be kept until then. What most messages are made of is freed without the
    collector, so it looks at young objects less often than by default: that takes 3 % less CPU.

    From now on, large blocks are given back to the system as soon as they are free. Left to
    itself, glibc keeps tens of megabytes of them: see mallopt(3).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)


def url_of(listener: Any) -> str:
    """The address of a socket that listens."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server(
    app: Any,
    settings: Settings,
    on_start: Callable[[str], None] = lambda url: None,
    drain: Drain | None = None,
    reread: Callable[[], None] | None = None,
) -> Server:
    """A server for the app. Port 0 takes a free one.

    on_start: called with the URL once the server listens
    drain: None takes that of the app's streams
    reread: called at SIGHUP; None takes that of the app's keys
    """
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=partial(Protocol, send_timeout=settings.send_timeout),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=CLOSE_SECONDS,  # type: ignore[arg-type]
    )
    drain = drain or app.state.streams.drain
    reread = reread or app.state.keys.reread
    return Server(config, drain, settings.drain_seconds, on_start, reread)
