"""The `delta` view: the operations that turn the last state into the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.event import Closed, Done, Entry, Failed, Restart, Spent
from app.partial.operation import Operation
from app.wire.message import Message
from app.wire.native import Native
from app.wire.patch import patch
from app.wire.view import Followed


class Delta(Native):
    """Makes one `patch` of all operations since the last; what a restart undoes is left out."""

    name = "delta"

    def messages(self, run: Followed, entries: Sequence[Entry], position: int) -> list[Message]:
        out: list[Message] = []
        operations: list[Operation] = []
        at = position - len(entries)
        for entry in entries:
            at += 1
            if isinstance(entry, Closed):
                continue
            if not isinstance(entry, Restart | Spent | Done | Failed):
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
