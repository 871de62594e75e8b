"""The server: uvicorn, with signals of ours, and an end to readers who don't read."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from typing import Protocol as Protocol_

import structlog
import uvicorn
from fastapi import FastAPI
from sse_starlette.sse import AppStatus
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.server.connection import Connection
from app.settings import Settings
from app.streams.registry import Streams

CONNECTION = "structured_streams.connection"
"""The key in the ASGI scope of the connection, a `Protocol`."""

REST = "structured_streams.rest"
"""The key in the ASGI scope of a list: what is put there runs when the app has returned."""

SECOND_SIGNAL_SECONDS = 1
"""A signal that follows the first sooner is the same one: `make` passes it on twice."""

CLOSE_SECONDS = 0.3
"""How long connections have to take what was written to them, at the end."""

LOOKS = 8
"""How often to look whether a reader reads, in the time that it has."""

_log = structlog.get_logger("http")


def nothing() -> None:
    """What a connection calls where nobody wants to know."""


class Protocol(Connection):
    """A connection; a reader that takes nothing for `send_timeout` seconds is cut off.

    Whatever the response: a transport that is merely closed would wait for such a reader for
    ever. And nothing is buffered but the rest of one write (uvicorn lets 64 KiB gather), so
    that a slow reader skips to what is newest.

    is_lost: whether the connection has gone; on_lost: called when it goes
    """

    __slots__ = ("_send_timeout", "_watch", "is_lost", "on_lost")

    def __init__(self, *args: Any, send_timeout: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._send_timeout = send_timeout
        self._watch: asyncio.TimerHandle | None = None
        self.is_lost = False
        self.on_lost: Callable[[], None] = nothing

    def close(self) -> None:
        """Close the connection, whatever is left to say."""
        self.transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[CONNECTION] = self  # type: ignore[literal-required]

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watching()
        super().connection_lost(exc)
        self.is_lost = True
        self.on_lost()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look(self.transport.get_write_buffer_size(), self.loop.time())

    def resume_writing(self) -> None:
        self._stop_watching()
        super().resume_writing()

    def _look(self, before: int, since: float) -> None:
        """Does the reader read? It had left `before` bytes, and taken its last at `since`."""
        left, now = self.transport.get_write_buffer_size(), self.loop.time()
        if left < before:
            since = now
        if now - since >= self._send_timeout:
            _log.info("a reader did not read")
            self.transport.abort()
        else:
            self._watch = self.loop.call_later(self._send_timeout / LOOKS, self._look, left, since)

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.cancel()


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


class Rest(Protocol_):
    """The rest of a response. One of the two is called."""

    async def run(self, receive: Receive, send: Send) -> None: ...

    def abandon(self) -> None: ...


def _with_rest(app: ASGIApp) -> ASGIApp:
    """The app, and then what it has left in `REST`."""

    async def with_rest(scope: Scope, receive: Receive, send: Send) -> None:
        rest: list[Rest] = []
        known = dict(scope)
        scope[REST] = rest
        try:
            await app(scope, receive, send)
        except BaseException:
            for left in rest:
                left.abandon()
            raise
        if rest:  # what the app has put there would live as long
            scope.clear()
            scope.update(known)
        del known
        for left in rest:
            await left.run(receive, send)

    return with_rest


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
        _with_rest(app),
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
