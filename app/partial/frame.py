"""An open container, while it is being decoded."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from app.partial.block import LARGE, Block
from app.partial.growing import grown
from app.partial.node import Dict, Field, List, Model, Node
from app.partial.operation import Path
from app.partial.value import dumps

FOLD: Final = 4096
"""Characters of text. What is finished of a list or a dict becomes a `Block` when so many more
have been read."""


class Frame:
    """One open container.

    node: how it streams; of a discriminated union, its Tagged until the tag is known
    path: where it is shown
    place: its key or index in the frame below
    shown: its members so far, plain JSON; None for a union before its tag
    count: of a list, how many elements are shown
    values: its members so far, validated: by the key in the JSON text, or in order
    closed: how many members have been validated
    forgets: nobody looks at the values of its members once they are valid, so those of a list
        or a dict (0.5 KB each where they are objects) are not kept
    settled: of a model that forgets, the members that have closed by themselves: from where
        they are shown to the key in the text
    key, out, field: the member being written: its key in the text, where it is shown (None:
        it is not), and its field in a Model
    seen: the keys so far, None before the first; held: of a union before its tag, the JSON
        texts at them
    live: what is done to `shown` are operations
    hidden: it is not yet part of what is shown; missing: the NotNull fields that are unknown
    folded: how many places in `shown` have been looked at to be folded; mark: the position in
        the text when this was done
    """

    __slots__ = (
        "closed",
        "count",
        "field",
        "folded",
        "forgets",
        "held",
        "hidden",
        "key",
        "live",
        "mark",
        "missing",
        "node",
        "out",
        "path",
        "place",
        "seen",
        "settled",
        "shown",
        "values",
    )

    def __init__(
        self, node: Node, path: Path, place: str | int | None, values: Any, mark: int = 0
    ) -> None:
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
        self.count = 0
        self.closed = 0
        self.forgets = False
        self.settled: dict[str | int | None, Any] = {}
        self.folded = 0
        self.mark = mark
        self.live = False
        self.hidden = False
        self.missing: set[str | int | None] | None = None

    def knows(self, field: Field) -> bool:
        """Whether the text has a field under another of its names already."""
        keys = self.node.keys
        return any(key != self.key and keys.get(key) is field for key in self.seen or ())

    def hand_up(self, value: Any) -> None:
        """Take the validated value of the member being written."""
        self.closed += 1
        if type(self.node) is List:
            if not self.forgets:
                self.values.append(value)
        elif not self.forgets or type(self.node) is not Dict:
            self.values[self.key] = value

    def grow(self, piece: str) -> None:
        """Show more of the string being written."""
        at: Any = -1 if type(self.shown) is list else self.out
        self.shown[at] = grown(self.shown[at], piece)

    def settle(self) -> None:
        """The container at the place being written has closed, and nothing here changes it."""
        if type(self.node) is Model:
            self.settled[self.out] = self.key

    def overrule(self, field: Field) -> None:
        """A field comes again, under another of its names: does it stand for the first?"""
        first = self.settled.get(field.out)
        for key, named in self.node.keys.items() if first is not None else ():
            if named is field and key in (first, self.key):
                if key == self.key:
                    del self.settled[field.out]
                return

    def members(self) -> Any:
        """What the container validates when it closes: values, or as many that stand for them."""
        if not self.forgets or not getattr(self.node, "counts", False):
            return self.values
        members = range(self.closed)
        return list(members) if type(self.node) is List else dict.fromkeys(members)

    def fold(self, mark: int) -> None:
        """Make blocks of what is finished, where `mark` characters of text have been read."""
        if mark - self.mark < FOLD:
            return
        self.mark = mark
        if type(self.shown) is list:
            self._fold_elements()
        elif type(self.node) is Dict:
            self._fold_members()

    def _fold_elements(self) -> None:
        finished = self.shown[self.folded : -1]
        if not finished:
            return
        blocks = []
        json = dumps(finished)[1:-1]
        if len(json) > LARGE:  # the first was being written when this was done last
            blocks.append(Block(1, None, finished.pop(0)))
            json = dumps(finished)[1:-1]
        if finished:
            blocks.append(Block(len(finished), json))
        self.shown[self.folded : -1] = blocks
        self.folded += len(blocks)

    def _fold_members(self) -> None:
        count = len(self.shown) - 1
        for key in list(islice(reversed(self.shown), 1, 1 + count - self.folded)):
            if isinstance(self.shown[key], dict | list):
                json = dumps([self.shown[key]])[1:-1]
                if len(json) <= LARGE:
                    self.shown[key] = Block(1, json)
        self.folded = max(count, 0)
