"""The `delta` view: the operations that turn the last state into the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.partial.operation import Operation
from app.streams.log_entry import Done, ElementClosed, Failed, LogEntry, Restart, Usage
from app.views.followed import Followed
from app.views.message import Message
from app.views.native import NativeView
from app.views.patch import patch


class DeltaView(NativeView):
    """Makes one `patch` of all operations since the last, without those that a restart undoes."""

    name = "delta"

    def messages(self, run: Followed, entries: Sequence[LogEntry], position: int) -> list[Message]:
        out: list[Message] = []
        operations: list[Operation] = []
        at = position - len(entries)
        for entry in entries:
            at += 1
            if isinstance(entry, ElementClosed):
                continue
            if not isinstance(entry, Restart | Usage | Done | Failed):
                operations.append(entry)
                continue
            if not isinstance(entry, Restart):
                out.extend(_patch(operations, run.document.value, f"{run.id}-{at - 1}"))
            operations.clear()
            out.append(self.event(run, entry, at))
        out.extend(_patch(operations, run.document.value, f"{run.id}-{position}"))
        return out


def _patch(operations: list[Operation], value: Any, id: str) -> list[Message]:
    return [Message("patch", patch(operations, value), id)] if operations else []
