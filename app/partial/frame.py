"""An open container, while it is being decoded."""

from __future__ import annotations

from typing import Any

from app.partial.invalid import Invalid
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
    doubts: of an object, what is wrong with members under names that a better one may outdo,
        and their JSON texts; None: nothing
    dropped: a default is to stand in for the member that it is, or is in
    changed: an element that is shown was left out at its close
    forgets: its values, 0.5 KB each where they are objects, are not looked at, but counted
    """

    __slots__ = (
        "changed",
        "doubts",
        "dropped",
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
        self.doubts: dict[str, tuple[Invalid, str]] | None = None
        self.dropped = False
        self.changed = False
        self.forgets = False
        self.live = False
        self.hidden = False
        self.missing: set[str | int | None] | None = None

    def others(self, field: Field) -> list[str]:
        """The other names under which the text has a field already."""
        return [name for name in field.names if name != self.key and name in (self.seen or ())]

    @property
    def may_be_outdone(self) -> bool:
        """Whether the field being written has another name, which wins."""
        return self.field is not None and self.key in self.field.names[1:]

    def doubt(self, flaw: Invalid, text: str | bytes) -> None:
        """Take a flaw of the member being written, which counts unless a better name comes."""
        self.doubts = self.doubts or {}
        self.doubts[self.key] = flaw, text if isinstance(text, str) else text.decode()

    def hand_up(self, value: Any) -> None:
        """Take the validated value of the member being written."""
        if type(self.node) is List:
            self.values.append(None if self.forgets else value)
        else:
            self.values[self.key] = value
