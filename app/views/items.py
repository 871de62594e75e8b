"""The `items` view: the finished elements of a list, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from app.partial.block import Block, length, pieces
from app.partial.value import dumps
from app.schemas.entry import SchemaEntry
from app.streams.log import ElementsClosed, News
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
        texts: Iterator[bytes] | None = None  # of the elements that have closed: they are in order
        for number, (at, entry) in enumerate(numbered(entries, position)):
            if isinstance(entry, ElementClosed | ElementsClosed):
                if number >= undone:
                    texts = texts or _texts(stream.document.value, entry.index)
                    count = entry.count if isinstance(entry, ElementsClosed) else 1
                    ids = (f"{stream.id}-{after}" for after in range(at - count + 1, at + 1))
                    # The ids come first in `zip`, which takes no text for one that is not there.
                    out += [Message("item", text, id) for id, text in zip(ids, texts, strict=False)]
            elif isinstance(entry, Restart | Usage | Done | Failed):
                out.append(self.event(stream, entry, at))
        return out


def _texts(value: list[Any], start: int) -> Iterator[bytes]:
    """The JSON of each element of a list, from `start` on."""
    for piece in pieces(value, start, length(value)):
        if isinstance(piece, Block) and piece.json is not None:
            yield from map(bytes, piece.parts())
        else:
            yield dumps(piece)


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


def _before_last_restart(entries: Sequence[News]) -> int:
    """How many of the entries a restart among them undoes."""
    return max(
        (number for number, entry in enumerate(entries) if isinstance(entry, Restart)), default=0
    )
