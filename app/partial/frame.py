"""An open container, while it is being decoded."""

from __future__ import annotations

from itertools import islice
from typing import Any

from app.partial.block import LARGE, Block
from app.partial.growing import grown
from app.partial.invalid import Invalid
from app.partial.node import Dict, Field, List, Model, Node
from app.partial.operation import Path
from app.partial.value import dumps, plain


class Frame:
    """One open container.

    node: how it streams; of a discriminated union, its Tagged until the tag is known
    path: where it is shown
    step: its key or index in the frame below
    shown: its members so far, plain JSON; None for a union before its tag
    count: of a list, how many elements are shown
    values: its members so far, validated: by the key in the JSON text, or in order
    closed: how many members have been validated
    forgets: nothing reads the values of its members once they are valid, so those of a list
        or a dict (0.5 KB each where they are objects) are not kept
    settled: of a model that forgets, the keys of the members that have closed, and stay as they
        are shown; None: there are none
    key, out, field: the member being written: its key in the text, where it is shown (None:
        it is not), and its field in a Model
    seen: the keys so far, None before the first. A dict's are those of `shown` and `left_out`:
        a set of them would take as much memory as what is shown
    held: of a union before its tag, the JSON texts at the keys; None: there are none
    live: whether each change of `shown` is an operation
    hidden: it is not yet part of what is shown; missing: the NotNull fields that are unknown
    doubts: of an object, the errors of members whose field has a better name, which may follow;
        None: there are none
    kept: of an object that keeps extra keys, the JSON texts of such members, which may become extra
    dropped: its value does not count: a default stands in for it, or for a member around it
    left_out: of a list or a dict, the indices or keys of the members that were left out; None:
        there are none
    folded: how many items of `shown` are blocks, or are too large for one
    """

    __slots__ = (
        "closed",
        "count",
        "doubts",
        "dropped",
        "field",
        "folded",
        "forgets",
        "held",
        "hidden",
        "kept",
        "key",
        "left_out",
        "live",
        "missing",
        "node",
        "out",
        "path",
        "seen",
        "settled",
        "shown",
        "step",
        "values",
    )

    def __init__(self, node: Node, path: Path, step: str | int | None, values: Any) -> None:
        self.node: Any = node
        self.path = path
        self.step = step
        self.values = values
        self.shown: Any = None
        self.key: Any = None
        self.out: str | int | None = None
        self.field: Field | None = None
        self.seen: set[str] | None = None
        self.held: dict[str, str] | None = None
        self.doubts: dict[str, Invalid] | None = None
        self.kept: dict[str, str] | None = None
        self.dropped = False
        self.left_out: set[str | int | None] | None = None
        self.count = 0
        self.closed = 0
        self.forgets = False
        self.settled: set[str | int | None] | None = None
        self.folded = 0
        self.live = False
        self.hidden = False
        self.missing: set[str | int | None] | None = None

    def others(self, field: Field) -> list[str]:
        """The other names under which the text has a field already, those that win first."""
        if len(field.names) < 2:  # as nearly all fields have
            return []
        return [name for name in field.names if name != self.key and name in (self.seen or ())]

    @property
    def may_be_outdone(self) -> bool:
        """Whether the field being written has another name that takes precedence."""
        return self.field is not None and self.key in self.field.names[1:]

    @property
    def may_be_extra(self) -> bool:
        """Whether this value becomes that of an extra key if a name with precedence comes."""
        node = self.node
        return type(node) is Model and node.extra != "ignore" and self.may_be_outdone

    def doubt(self, error: Invalid) -> None:
        """Take an error of the member being written, which counts unless a better name comes."""
        self.doubts = self.doubts or {}
        self.doubts[self.key] = error

    def keep(self, text: str) -> None:
        """Keep the JSON text of the member being written: validators may change the value."""
        self.kept = self.kept or {}
        self.kept[self.key] = text

    def hand_up(self, value: Any) -> None:
        """Store the validated value of the member being written."""
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
        """Note that the member being written has closed, and that this container keeps it as is."""
        if type(self.node) is Model:
            self.settled = self.settled or set()
            self.settled.add(self.out)

    def leave_out(self) -> None:
        """Note that the member being written is left out."""
        self.left_out = self.left_out or set()
        self.left_out.add(self.out)

    def with_settled(self, written: Any) -> Any:
        """The JSON form of a closed container, completed by the members that were not kept."""
        if not self.settled:
            return written
        return {**written, **{out: self.shown[out] for out in self.settled}}

    def remaining(self) -> Any:
        """The shown members of a list or a dict without those that were left out."""
        shown, left_out = plain(self.shown), self.left_out or ()
        if type(shown) is list:
            return [shown[at] for at in range(len(shown)) if at not in left_out]
        return {key: shown[key] for key in shown if key not in left_out}

    def members(self) -> Any:
        """The input of the container's own validation: its values, or as many dummies."""
        if not self.forgets or not getattr(self.node, "needs_count", False):
            return self.values
        members = range(self.closed)
        return list(members) if type(self.node) is List else dict.fromkeys(members)

    def fold(self) -> None:
        """Turn the finished members into blocks."""
        if type(self.shown) is list:
            self._fold_elements()
        elif type(self.node) is Dict:
            self._fold_members()

    def _fold_elements(self) -> None:
        finished = self.shown[self.folded : -1]
        if not finished:
            return
        blocks = []
        start = self.shown[self.folded - 1].end if self.folded else 0
        json = dumps(finished)[1:-1]
        if len(json) > LARGE:  # the first one may be large: at the last fold it was still open
            blocks.append(Block(1, None, finished.pop(0), start=start))
            json = dumps(finished)[1:-1]
            start += 1
        if finished:
            blocks.append(Block(len(finished), json, start=start))
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
