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
from itertools import count
from multiprocessing import parent_process
from shutil import rmtree
from socket import socket
from threading import Thread
from typing import Any, ClassVar

import structlog
import uvicorn
from uvicorn.supervisors import multiprocess

from app.http.server.server import SECOND_SIGNAL_SECONDS, Server, server, settle, url_of
from app.settings import Settings
from app.telemetry.logs import configure_logging
from app.telemetry.worker_counts import count_into, forget_gauges, shared_folder

START_SECONDS = 60
"""The processes have this time to get ready. When all are ready, one log line says so."""

_log = structlog.get_logger("service")


class _Worker(multiprocess.Process):
    """A process that makes its own settings, app and server.

    folder: where the processes share their counts
    number: under which it counts; no two that live have the same
    """

    folder: str
    _living: ClassVar[dict[int, _Worker]] = {}

    def __init__(self, config: uvicorn.Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self.folder = _Worker.folder
        self.number = next(number for number in count(1) if number not in self._living)
        self._living[self.number] = self
        self._starts_until = time.monotonic() + START_SECONDS
        self._was_hung = False

    def is_alive(self, timeout: float = 5) -> bool:
        """Whether it goes on.

        While it starts, it can't answer, as it imports what it needs, and counts as alive.
        Otherwise a busy machine would take it for hung and start it again, for ever.
        """
        if self.process.is_alive() and time.monotonic() < self._starts_until:
            return True
        return super().is_alive(timeout)

    def start(self) -> None:
        """Start it. A SIGHUP waits until the server can handle it (`Server.capture_signals`).

        The process inherits what is blocked here. Otherwise the signal would end it before then.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def kill(self) -> None:
        self._was_hung = self.process.is_alive()
        super().kill()

    @property
    def cause(self) -> str:
        """How it has ended."""
        return how_ended(self.exitcode, was_hung=self._was_hung)

    def join(self) -> None:
        super().join()
        if self._living.pop(self.number, None) is not None:
            forget_gauges(self.folder, self.number)

    def target(self, sockets: list[socket] | None = None) -> None:
        # Ctrl-C reaches all processes of a terminal, and the supervisor passes it on.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        settings = Settings()
        configure_logging(settings.log_format, settings.log_level)
        count_into(self.folder, self.number)
        app: Any = self.config.app
        self._server: Server = server(app(settings), settings, lambda url: settle())
        Thread(target=_end_with_the_supervisor, args=[self.folder], daemon=True).start()
        super().target(sockets)


def how_ended(code: int | None, *, was_hung: bool) -> str:
    """How a process has ended, in words for the log.

    code: its exit code; below zero it is the number of the signal that has killed it
    was_hung: whether it did not answer, and was killed for that
    """
    if was_hung:
        return "did not answer"
    if code is not None and code < 0:
        return f"signal {-code}: {signal.strsignal(-code)}"
    return f"exit code {code}"


def _end_with_the_supervisor(folder: str) -> None:
    """End this process when the supervisor has been killed. Otherwise it would keep the port.

    The folder that the supervisor has made is removed in its place.
    """
    if supervisor := parent_process():
        supervisor.join()
        rmtree(folder, ignore_errors=True)
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

    def keep_subprocess_alive(self) -> None:
        """Replace those that have died. uvicorn says so in words that are not in our log."""
        before = list(self.processes)
        super().keep_subprocess_alive()
        for old, new in zip(before, self.processes, strict=True):
            if new is not old and isinstance(old, _Worker):
                _log.warning(
                    "a worker has died, and another one starts", worker=old.pid, cause=old.cause
                )

    def handle_hup(self) -> None:
        """Have the processes read again what can be read again. uvicorn would restart them."""
        self._send(signal.SIGHUP)

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
        self._send(signal.SIGTERM)

    def _send(self, number: int) -> None:
        for process in self.processes:
            if process.process.is_alive() and process.pid:
                os.kill(process.pid, number)


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
    with listener, shared_folder() as _Worker.folder:
        _Supervisor(config, [listener], lambda: on_start(url_of(listener))).run()
