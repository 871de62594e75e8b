"""The `snapshot` view: the whole partial value, each time."""

from __future__ import annotations

from collections.abc import Sequence

from app.event import Closed, Done, Entry, Failed, Restart, Spent
from app.wire.message import Message, of_event, start
from app.wire.view import Followed


class Snapshot:
    """Makes one partial of all operations since the last; what a restart undoes is left out."""

    name = "snapshot"

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id

    def start(self, run: Followed, position: int) -> list[Message]:
        return [start(run.id, run.schema, run.model, self.name, position)]

    def messages(self, run: Followed, entries: Sequence[Entry], position: int) -> list[Message]:
        out: list[Message] = []
        changed = False
        at = position - len(entries)
        for entry in entries:
            at += 1
            if isinstance(entry, Closed):
                continue
            if not isinstance(entry, Restart | Spent | Done | Failed):
                changed = True
                continue
            if changed and not isinstance(entry, Restart):
                out.append(Message(None, run.document.encode()))
            changed = False
            value = run.document.encode() if isinstance(entry, Done) else b""
            out.append(
                of_event(entry, id=f"{run.id}-{at}", value=value, request_id=self._request_id)
            )
        if changed:
            out.append(Message(None, run.document.encode()))
        return out
