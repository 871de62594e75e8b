"""The `items` view: the finished elements of a list, one by one."""

from __future__ import annotations

from typing import Any

from app.partial.block import elements
from app.partial.value import dumps
from app.schemas.entry import SchemaEntry
from app.streams.log_entry import ElementClosed
from app.views.followed import Followed
from app.views.message import Message
from app.views.native import Changes, NativeView


class ItemsView(NativeView):
    """Makes an `item` for each element that is complete and valid."""

    name = "items"

    def shown(self, stream: Followed, changes: Changes, position: int) -> list[Message]:
        closed = [(at, entry.index) for at, entry in changes if isinstance(entry, ElementClosed)]
        if not closed:
            return []
        # All at once: to look for each by itself would be quadratic in a long list.
        values = elements(stream.document.value, closed[0][1], closed[-1][1] + 1)
        return [
            Message("item", dumps(value), f"{stream.id}-{at}")
            for (at, _), value in zip(closed, values, strict=True)
        ]


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
