"""The `delta` view: the operations that turn the last state into the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.event import Closed, Done, Entry, Failed, Restart, Spent
from app.partial.operation import Operation
from app.wire.message import Message, of_event, start
from app.wire.patch import patch
from app.wire.view import Followed


class Delta:
    """Makes one `patch` of all operations since the last; what a restart undoes is left out."""

    name = "delta"

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id

    def start(self, run: Followed, position: int) -> list[Message]:
        return [start(run.id, run.schema, run.model, self.name, position)]

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
            value = run.document.encode() if isinstance(entry, Done) else b""
            out.append(
                of_event(entry, id=f"{run.id}-{at}", value=value, request_id=self._request_id)
            )
        out.extend(_patch(operations, run.document.value, f"{run.id}-{position}"))
        return out


def _patch(operations: list[Operation], value: Any, id: str) -> list[Message]:
    return [Message("patch", patch(operations, value), id)] if operations else []
