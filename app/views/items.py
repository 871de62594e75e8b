"""The `items` view: the finished elements of a list, one by one."""

from __future__ import annotations

from collections.abc import Sequence

from app.partial.value import dumps
from app.streams.log_entry import Done, ElementClosed, Failed, LogEntry, Restart, Usage
from app.views.message import Message
from app.views.native import NativeView
from app.views.view import Followed


class ItemsView(NativeView):
    """Makes an `item` of each element that has passed its own validation."""

    name = "items"

    def messages(self, run: Followed, entries: Sequence[LogEntry], position: int) -> list[Message]:
        out: list[Message] = []
        at = position - len(entries)
        undone = _before_last_restart(entries)
        for number, entry in enumerate(entries):
            at += 1
            if isinstance(entry, ElementClosed):
                if number >= undone:
                    value = dumps(run.document.value[entry.index])
                    out.append(Message("item", value, f"{run.id}-{at}"))
            elif isinstance(entry, Restart | Usage | Done | Failed):
                out.append(self.event(run, entry, at))
        return out


def _before_last_restart(entries: Sequence[LogEntry]) -> int:
    """How many of the entries a restart among them undoes."""
    return max(
        (number for number, entry in enumerate(entries) if isinstance(entry, Restart)), default=0
    )
