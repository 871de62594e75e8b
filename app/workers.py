"""Several processes that share one port: uvicorn's supervisor, with servers of ours.

The supervisor binds the port, starts the processes, starts one anew that dies, and passes
signals on. Runs are kept in each process's memory, so what needs to find one again
(`resumable`, `Idempotency-Key`, `/streams/…`) is refused: the next call may reach another.
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

from app.http.server import SECOND_SIGNAL_SECONDS, Server, server, url_of
from app.main import create_app
from app.settings import Settings
from app.telemetry import configure_logging

START_SECONDS = 60
"""How long processes have to be ready before one line says that they are."""


class _Worker(multiprocess.Process):
    """A process, which makes its settings, app and server by itself."""

    def target(self, sockets: list[socket] | None = None) -> None:
        settings = Settings()
        configure_logging(settings.log_format, settings.log_level)
        self._server: Server = server(create_app(settings), settings)
        Thread(target=_end_with_the_supervisor, daemon=True).start()
        super().target(sockets)


def _end_with_the_supervisor() -> None:
    """Where it is killed, nobody else would end its processes, and they would keep the port."""
    if supervisor := parent_process():
        supervisor.join()
        os.kill(os.getpid(), signal.SIGTERM)


class _Supervisor(multiprocess.Multiprocess):
    """uvicorn's; a second signal, a second or more after the first, ends what drains."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket], on_start: Any) -> None:
        super().__init__(config, sockets)
        self._on_start = on_start
        self._signalled: float | None = None
        self._ends_at_once = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: object) -> None:
        # The time counts from when it comes: uvicorn looks only now and then.
        now = time.monotonic()
        if self._signalled is None:
            self._signalled = now
            self.signal_queue.append(number)
        elif now - self._signalled >= SECOND_SIGNAL_SECONDS:
            self._ends_at_once = True

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
        sent = time.monotonic()
        while any(process.process.is_alive() for process in self.processes):
            # Each process has to see a second between two of them, too.
            if self._ends_at_once and time.monotonic() - sent >= SECOND_SIGNAL_SECONDS:
                sent = time.monotonic()
                for process in self.processes:
                    if process.process.is_alive() and process.pid:
                        os.kill(process.pid, signal.SIGTERM)
            self.processes[0].process.join(0.1)
        super().join_all()


def serve_workers(settings: Settings, on_start: Callable[[str], None]) -> None:
    """Serve in `settings.workers` processes until a signal ends them.

    on_start: is told the URL once all are ready
    Raises `SystemExit` where the port can't be had.
    """
    config = uvicorn.Config(
        "app",  # never loaded: each process has a server of its own
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=None,
    )
    listener = config.bind_socket()
    # uvicorn's supervisor makes processes of whatever class stands there.
    multiprocess.Process = _Worker  # type: ignore[misc]
    with listener:
        _Supervisor(config, [listener], lambda: on_start(url_of(listener))).run()
