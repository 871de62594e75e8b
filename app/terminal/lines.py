"""Writes a stream for a pipe: each partial is a line of JSON, the final value is the last line.

If stderr is a terminal, the figures are shown there while the stream runs.
"""

from __future__ import annotations

import json
import sys
from time import monotonic
from typing import Any

from rich.console import Console
from rich.status import Status
from structured_streams import Partial, SyncStream

from app.terminal.progress import Progress


class Lines:
    """Writes to stdout, and flushes each line so that the next program in the pipe gets it."""

    def __init__(self) -> None:
        self._progress = Progress(monotonic())
        self._last = ""
        console = Console(stderr=True, highlight=False)
        self._status = Status("", console=console) if console.is_terminal else None

    def __enter__(self) -> Lines:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._status:
            self._status.stop()

    def show(self, partial: Partial, reading: SyncStream[Any]) -> None:
        """Write a partial."""
        self._progress.update(partial.value, partial.attempt, monotonic())
        if self._status:
            self._status.update(self._progress.words(monotonic()))
        self._write(partial.value)

    def finish(self, final: Any, reading: SyncStream[Any]) -> None:
        """Write the final value, unless it is the same as the last partial."""
        self._write(final)

    def _write(self, value: Any) -> None:
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if line != self._last:
            self._last = line
            sys.stdout.buffer.write(line.encode() + b"\n")
            sys.stdout.buffer.flush()
