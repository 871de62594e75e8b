"""The `items` view: the finished elements of a list, one by one."""

from __future__ import annotations

from collections.abc import Sequence

from app.event import Closed, Done, Entry, Failed, Restart, Spent
from app.partial.value import dumps
from app.wire.message import Message, of_event, start
from app.wire.view import Followed


class Items:
    """Makes an `item` of each element that has passed its own validation."""

    name = "items"

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id

    def start(self, run: Followed, position: int) -> list[Message]:
        return [start(run.id, run.schema, run.model, self.name, position)]

    def messages(self, run: Followed, entries: Sequence[Entry], position: int) -> list[Message]:
        out: list[Message] = []
        at = position - len(entries)
        undone = _before_last_restart(entries)
        for number, entry in enumerate(entries):
            at += 1
            id = f"{run.id}-{at}"
            if isinstance(entry, Closed):
                if number >= undone:
                    value = dumps(run.document.value[entry.index])
                    out.append(of_event(entry, id=id, value=value, request_id=""))
            elif isinstance(entry, Restart | Spent | Done | Failed):
                value = run.document.encode() if isinstance(entry, Done) else b""
                out.append(of_event(entry, id=id, value=value, request_id=self._request_id))
        return out


def _before_last_restart(entries: Sequence[Entry]) -> int:
    """How many of the entries a restart among them undoes."""
    return max(
        (number for number, entry in enumerate(entries) if isinstance(entry, Restart)), default=0
    )
