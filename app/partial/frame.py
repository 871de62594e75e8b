"""An open container, while it is being decoded."""

from __future__ import annotations

from typing import Any

from app.partial.node import Field, List, Node
from app.partial.operation import Path


class Frame:
    """One open container.

    node: how it streams; of a discriminated union, its Tagged until the tag is known
    path: where it is shown
    place: its key or index in the frame below
    shown: its members so far, plain JSON; None for a union before its tag
    values: its members so far, validated: by the key in the JSON text, or in order
    key, out, field: the member being written: its key in the text, where it is shown (None:
        it is not), and its field in a Model
    seen: the keys so far, None before the first; held: of a union before its tag, the JSON
        texts at them
    live: what is done to `shown` are operations
    hidden: it is not yet part of what is shown; missing: the NotNull fields that are unknown
    forgets: its values, 0.5 KB each where they are objects, are not looked at, but counted
    """

    __slots__ = (
        "field",
        "forgets",
        "held",
        "hidden",
        "key",
        "live",
        "missing",
        "node",
        "out",
        "path",
        "place",
        "seen",
        "shown",
        "values",
    )

    def __init__(self, node: Node, path: Path, place: str | int | None, values: Any) -> None:
        self.node: Any = node
        self.path = path
        self.place = place
        self.values = values
        self.shown: Any = None
        self.key: Any = None
        self.out: str | int | None = None
        self.field: Field | None = None
        self.seen: set[str] | None = None
        self.held: dict[str, str] = {}
        self.forgets = False
        self.live = False
        self.hidden = False
        self.missing: set[str | int | None] | None = None

    def knows(self, field: Field) -> bool:
        """Whether the text has a field under another of its names already."""
        keys = self.node.keys
        return any(key != self.key and keys.get(key) is field for key in self.seen or ())

    def hand_up(self, value: Any) -> None:
        """Take the validated value of the member being written."""
        if type(self.node) is List:
            self.values.append(None if self.forgets else value)
        else:
            self.values[self.key] = value
