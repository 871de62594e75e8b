"""Writes a stream for a pipe: a line of JSON for each partial, and one for its end.

A line is `{"event", "data"}`, as in the service's NDJSON. So the last line says whether it is a
result (`done`), why there is none (`error`), or that the stream was left (`message`, a partial).

If stderr is a terminal, the figures are shown there while the stream runs.
"""

from __future__ import annotations

import json
import sys
from time import monotonic
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.status import Status
from structured_streams import Partial, StreamError, SyncStream

from app.terminal.progress import Progress


class Lines:
    """Writes to stdout, and flushes each line so that the next program in the pipe gets it."""

    def __init__(self) -> None:
        self._progress = Progress(monotonic())
        self._last: Any = None
        console = Console(stderr=True, highlight=False)
        self._status = Status("", console=console) if console.is_terminal else None

    def __enter__(self) -> Lines:
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._status:
            self._status.stop()
        if isinstance(error, StreamError):
            self._fail(error)

    def show(self, partial: Partial, reading: SyncStream[Any]) -> None:
        """Write a partial."""
        self._progress.update(partial.value, partial.attempt, monotonic())
        if self._status:
            self._status.update(self._progress.words(monotonic()))
        if partial.value != self._last:
            self._last = partial.value
            self._write("message", partial.value)

    def finish(self, final: Any, reading: SyncStream[Any]) -> None:
        """Write the final value."""
        self._write("done", final)

    def _fail(self, error: StreamError) -> None:
        told: dict[str, Any] = {
            "error": str(error),
            "code": error.code,
            "retryable": error.retryable,
        }
        told |= {"request_id": error.request_id} if error.request_id else {}
        told |= {"errors": error.errors} if error.errors else {}
        self._write("error", told)

    def _write(self, event: str, data: Any) -> None:
        line = {"event": event, "data": data}
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        sys.stdout.buffer.write(text.encode() + b"\n")
        sys.stdout.buffer.flush()
