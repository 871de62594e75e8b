"""The server: uvicorn, with signals of ours."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI
from sse_starlette.sse import AppStatus

from app.http.server.protocol import Protocol
from app.settings import Settings
from app.streams.registry import Streams

SECOND_SIGNAL_SECONDS = 1
"""A signal that follows the first sooner is the same one: `make` passes it on twice."""

CLOSE_SECONDS = 0.3
"""How long connections have to take what was written to them, at the end."""


class Server(uvicorn.Server):
    """uvicorn's server; SIGTERM and SIGINT drain it.

    The first signal: no new streams, but an answer to those who ask; the running ones have
    `drain_seconds`. Another one, a second or more later: the end.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        streams: Streams,
        drain_seconds: float,
        on_start: Callable[[str], None],
    ) -> None:
        super().__init__(config)
        self._on_start = on_start
        self._streams = streams
        self._drain_seconds = drain_seconds
        self._signalled: float | None = None
        self._draining: asyncio.Task[None] | None = None
        # sse-starlette would cut streams at once.
        AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start(url_of(sockets[0] if sockets else self.servers[0].sockets[0]))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
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
        await self._streams.drain(seconds)
        self.should_exit = True


def settle() -> None:
    """Spare the collector what is there at the start: a process calls it once it serves.

    It would go through half a million objects that stay, 0.1 s each time; and as it waits for
    a quarter more of them, what streams leave in cycles would lie about that long.
    """
    gc.collect()
    gc.freeze()


def url_of(listener: Any) -> str:
    """The address of a socket that listens."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server(
    app: FastAPI, settings: Settings, on_start: Callable[[str], None] = lambda url: None
) -> Server:
    """A server for the app. `on_start` is told its URL; port 0 is a free one."""
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
    return Server(config, app.state.streams, settings.drain_seconds, on_start)
