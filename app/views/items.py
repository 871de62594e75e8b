"""The `items` view: the finished elements of a list, one by one."""

from __future__ import annotations

from typing import Any

from app.partial.block import member
from app.partial.value import dumps
from app.schemas.entry import SchemaEntry
from app.streams.log_entry import ElementClosed
from app.views.followed import Followed
from app.views.message import Message
from app.views.native import Changes, NativeView


class ItemsView(NativeView):
    """Makes an `item` of each element that has passed its own validation."""

    name = "items"

    def shown(self, stream: Followed, changes: Changes, position: int) -> list[Message]:
        return [
            Message("item", self._element(stream, entry.index), f"{stream.id}-{at}")
            for at, entry in changes
            if isinstance(entry, ElementClosed)
        ]

    def _element(self, stream: Followed, index: int) -> bytes:
        return dumps(member(stream.document.value, index))


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
