"""Several processes that share one port: uvicorn's supervisor with our own servers.

The supervisor binds the port, starts the processes, replaces a process that dies, and passes
signals on. Streams are kept in each process's memory, and a later call may reach another process.
So without a store that they share, calls that must find an existing stream are refused:
`resumable`, `Idempotency-Key`, `/streams/…`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from multiprocessing import parent_process
from socket import socket
from threading import Thread
from typing import Any

import uvicorn
from uvicorn.supervisors import multiprocess

from app.http.server.server import SECOND_SIGNAL_SECONDS, Server, server, settle, url_of
from app.settings import Settings
from app.telemetry.logs import configure_logging

START_SECONDS = 60
"""The processes have this time to get ready. When all are ready, one log line says so."""


class _Worker(multiprocess.Process):
    """A process that makes its own settings, app and server."""

    def target(self, sockets: list[socket] | None = None) -> None:
        settings = Settings()
        configure_logging(settings.log_format, settings.log_level)
        app: Any = self.config.app
        self._server: Server = server(app(settings), settings, lambda url: settle())
        Thread(target=_end_with_the_supervisor, daemon=True).start()
        super().target(sockets)


def _end_with_the_supervisor() -> None:
    """End this process when the supervisor has been killed. Otherwise it would keep the port."""
    if supervisor := parent_process():
        supervisor.join()
        os.kill(os.getpid(), signal.SIGTERM)


class _Supervisor(multiprocess.Multiprocess):
    """uvicorn's supervisor. A signal a second or more after the first ends the draining."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket], on_start: Any) -> None:
        super().__init__(config, sockets)
        self._on_start = on_start
        self._signalled: list[float] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: Any) -> None:
        self._signalled.append(time.monotonic())
        self.signal_queue.append(number)

    def _is_in_haste(self) -> bool:
        return any(at - self._signalled[0] >= SECOND_SIGNAL_SECONDS for at in self._signalled)

    def init_processes(self) -> None:
        super().init_processes()
        until = time.monotonic() + START_SECONDS
        while not self.should_exit.is_set() and time.monotonic() < until:
            if all(process.is_ready(timeout=1) for process in self.processes):
                self._on_start()
                return
            self.should_exit.wait(0.05)
            self.handle_signals()
            self.keep_subprocess_alive()

    def join_all(self) -> None:
        told = time.monotonic()
        while any(process.process.is_alive() for process in self.processes):
            # The processes also ignore a signal that comes within a second after the first one.
            if self._is_in_haste() and time.monotonic() - told > SECOND_SIGNAL_SECONDS:
                told = float("inf")
                self._end_all()
            time.sleep(0.05)
        super().join_all()

    def _end_all(self) -> None:
        for process in self.processes:
            if process.process.is_alive() and process.pid:
                os.kill(process.pid, signal.SIGTERM)


def serve_workers(
    settings: Settings,
    on_start: Callable[[str], None],
    factory: Callable[[Settings], Any],
) -> None:
    """Serve in `settings.workers` processes until a signal ends them.

    on_start: called with the URL once all processes are ready
    factory: makes the app from settings. Each process imports it and reads its own settings, so
        it must be a module-level function
    Raises `SystemExit` if the port can't be bound.
    """
    config = uvicorn.Config(
        factory,
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=None,
    )
    listener = config.bind_socket()
    # uvicorn's supervisor has no parameter for the class of its processes.
    multiprocess.Process = _Worker  # type: ignore[misc]
    with listener:
        _Supervisor(config, [listener], lambda: on_start(url_of(listener))).run()
