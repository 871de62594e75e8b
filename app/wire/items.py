"""The `items` view: the finished elements of a list, one by one."""

from __future__ import annotations

from collections.abc import Sequence

from app.event import Closed, Done, Entry, Failed, Restart, Spent
from app.partial.value import dumps
from app.wire.message import Message
from app.wire.native import Native
from app.wire.view import Followed


class Items(Native):
    """Makes an `item` of each element that has passed its own validation."""

    name = "items"

    def messages(self, run: Followed, entries: Sequence[Entry], position: int) -> list[Message]:
        out: list[Message] = []
        at = position - len(entries)
        undone = _before_last_restart(entries)
        for number, entry in enumerate(entries):
            at += 1
            if isinstance(entry, Closed):
                if number >= undone:
                    value = dumps(run.document.value[entry.index])
                    out.append(Message("item", value, f"{run.id}-{at}"))
            elif isinstance(entry, Restart | Spent | Done | Failed):
                out.append(self.event(run, entry, at))
        return out


def _before_last_restart(entries: Sequence[Entry]) -> int:
    """How many of the entries a restart among them undoes."""
    return max(
        (number for number, entry in enumerate(entries) if isinstance(entry, Restart)), default=0
    )
