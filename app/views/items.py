"""The `items` view: the finished elements of a list, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from app.partial.block import elements
from app.partial.value import dumps
from app.schemas.entry import SchemaEntry
from app.streams.log import News
from app.streams.log_entry import Done, ElementClosed, Failed, Restart, Usage
from app.views.followed import Followed
from app.views.message import Message
from app.views.native import NativeView
from app.views.summary import numbered


class ItemsView(NativeView):
    """Makes an `item` of each element that has passed its own validation."""

    name = "items"

    def messages(self, stream: Followed, entries: Sequence[News], position: int) -> list[Message]:
        out: list[Message] = []
        undone = _before_last_restart(entries)
        closed = _closed(stream, entries[undone:])
        for number, (at, entry) in enumerate(numbered(entries, position)):
            if isinstance(entry, ElementClosed):
                if number >= undone:
                    out.append(Message("item", dumps(next(closed)), f"{stream.id}-{at}"))
            elif isinstance(entry, Restart | Usage | Done | Failed):
                out.append(self.event(stream, entry, at))
        return out


def has_items(entry: SchemaEntry) -> bool:
    """Whether a result is a list whose elements are final when they close.

    A validator of the list itself may change any of them at the end.
    """
    return entry.is_list and not getattr(entry.plan, "changing", True)


def element_json_schema(entry: SchemaEntry) -> dict[str, Any]:
    """The JSON Schema of an element of a list result."""
    whole = entry.result_json_schema
    definitions = {"$defs": whole["$defs"]} if "$defs" in whole else {}
    return {**whole["items"], **definitions}


def _closed(stream: Followed, entries: Sequence[News]) -> Iterator[Any]:
    """The elements that have closed: they follow each other."""
    indices = [entry.index for entry in entries if isinstance(entry, ElementClosed)]
    if indices:
        # All at once: to find each by itself would be quadratic in a long list.
        yield from elements(stream.document.value, indices[0], indices[-1] + 1)


def _before_last_restart(entries: Sequence[News]) -> int:
    """How many of the entries a restart among them undoes."""
    return max(
        (number for number, entry in enumerate(entries) if isinstance(entry, Restart)), default=0
    )
