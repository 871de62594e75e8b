"""A run whose log a test writes down, and what a view makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.partial.document import Document
from app.partial.operation import Add, Append, Replace
from app.streams.log_entry import LogEntry, Restart
from app.views.format import Format


class ScriptedRun:
    """What a view reads of a run."""

    def __init__(self, schema: str = "ideas") -> None:
        self.id = "r1"
        self.schema = schema
        self.schema_version = "0123456789ab"
        self.model = "demo"
        self.model_at = lambda position: self.model
        self.document = Document()
        self.position = 0

    def write(self, entries: Sequence[LogEntry]) -> None:
        """More of the log."""
        for entry in entries:
            self.position += 1
            if isinstance(entry, Append | Add | Replace):
                self.document.apply([entry])
            elif isinstance(entry, Restart):
                self.document.clear()


def stream(format: Format, view: Any, *batches: Sequence[LogEntry], schema: str = "ideas") -> str:
    """The whole response to a reader that finds these entries, a batch at a time."""
    run = ScriptedRun(schema)
    messages = [*view.start(run, 0)]
    for batch in batches:
        run.write(batch)
        messages += view.messages(run, batch, run.position)
    text: str = format.encode(*messages).decode()
    return text
