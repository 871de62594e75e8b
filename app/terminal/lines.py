"""A stream for a pipe: JSON, a partial a line; the last line is the final value.

Where somebody looks at stderr, the figures are there meanwhile.
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
    """Writes to stdout; at once, so that the next in the pipe has it."""

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
        self._progress.look(partial.value, partial.attempt, monotonic())
        if self._status:
            self._status.update(self._progress.words(monotonic()))
        self._write(partial.value)

    def finish(self, final: Any, reading: SyncStream[Any]) -> None:
        """Write the final value, unless the last partial was it."""
        self._write(final)

    def _write(self, value: Any) -> None:
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if line != self._last:
            self._last = line
            sys.stdout.buffer.write(line.encode() + b"\n")
            sys.stdout.buffer.flush()
