"""What is shown while a value is decoded, and the operations that make it.

A stack of frames, one for each open container, holds what is shown. A frame is in one of three
states. In a *live* frame, each change is written as an operation. A *fresh* frame began in the
current feed: its changes need no operations, because the operation that adds it (always the last
one of the feed) gets the whole container when the feed ends. A *hidden* frame waits for a NotNull
field or for its tag, and is then added as a whole.
"""

from __future__ import annotations

from typing import Any, Final

from app.partial.block import length
from app.partial.frame import Frame
from app.partial.invalid import invalid
from app.partial.kept import Kept
from app.partial.node import Dict, List, Model, Node, blank
from app.partial.operation import Add, Append, Operation, Path, Replace
from app.partial.value import copy, dumps

FOLD: Final = 4096
"""After this many more characters, the finished parts of open lists and dicts become `Block`s."""


class Shown:
    """The frames and their operations.

    holder: the bottom frame, whose one member is the value
    field: the field of the value in `holder`
    stack: the open frames
    text: the pieces of the open string that are not yet in an operation
    """

    def __init__(self, holder: Model) -> None:
        (self.field,) = holder.fields
        self.holder = Frame(holder, (), None, {})
        self.holder.shown = blank(holder)
        self.stack: list[Frame] = []
        self._operations: list[Operation] = []
        self.text: list[str] = []
        self._begun = False  # whether the open string is shown
        self._limit: int | None = None  # the most characters of the open string
        self._at: Path = ()  # the path of the open string
        self._announced = False  # whether anything has been shown
        self._unfolded = 0  # the characters since the last folding into blocks

    @property
    def value(self) -> Any:
        """The shown value, which must not be changed; None before there is anything. It is JSON,
        but its long parts are `Block`s and `Growing` strings (`plain` makes plain JSON of it)."""
        return self.holder.shown[self.field.out] if self._announced else None

    @property
    def elements(self) -> int:
        """How many elements of a list at the root are complete."""
        if len(self.stack) > 1:
            root = self.stack[1]
            return root.closed if type(root.node) is List else 0
        return length(self.value) if isinstance(self.value, list) else 0

    # -- frames ------------------------------------------------------------------------------

    def push(self, node: Node) -> Frame:
        parent = self.stack[-1]
        values: Any = [] if type(node) is List else {}
        frame = Frame(node, self.path(parent), parent.out, values)
        self.stack.append(frame)
        return frame

    def take_up(self, kept: Kept, node: List) -> Frame:
        """The frame of a list at the root that begins with elements of an earlier answer."""
        frame = Frame(node, (), self.field.out, list(kept.values))
        frame.shown = self.holder.shown[self.field.out] = kept.shown
        frame.folded = len(frame.shown)
        frame.count = frame.closed = kept.count
        frame.forgets = self.holder.forgets and not node.needs_values
        frame.live = self._announced = True  # readers have had these elements
        return frame

    def enter(self, frame: Frame, parent: Frame) -> None:
        """Give a frame its empty container, and show it unless a NotNull field is missing."""
        node = frame.node
        frame.forgets = parent.forgets and not node.needs_values
        there = parent.shown.get(frame.step) if type(parent.shown) is dict else None
        if there is not None:  # the container is shown from the start
            frame.shown, frame.live = there, parent.live
            return
        if type(node) is not Model:
            frame.shown = [] if type(node) is List else {}
            self._attach(frame, parent)
            return
        frame.shown = blank(node)
        frame.hidden = node.not_null
        if frame.hidden:
            frame.missing = {
                field.out
                for field in node.fields
                if field.not_null and frame.shown.get(field.out) is None
            }
        else:
            self._attach(frame, parent)

    def _attach(self, frame: Frame, parent: Frame) -> None:
        """Add a frame's container to the shown value."""
        parent.out = frame.step
        self.show(parent, frame.shown)

    def reveal(self, frame: Frame) -> None:
        """Show a frame that was hidden: an open one, or the one that has just been closed."""
        frame.hidden = False
        above = self.stack.index(frame) if frame in self.stack else len(self.stack)
        self._attach(frame, self.stack[above - 1])

    def path(self, frame: Frame) -> Path:
        """The path of the place that is being written in a frame."""
        if frame is self.holder or frame.out is None:
            return frame.path
        return (*frame.path, frame.out)

    def named(self, path: Path) -> Path:
        """A path up to the first dict, because a dict's keys are text of the answer."""
        for frame in self.stack:
            if type(frame.node) is Dict:
                return path[: len(frame.path)]
        return path

    # -- changes -----------------------------------------------------------------------------

    def show(self, frame: Frame, value: Any) -> None:
        """Show a value at the place that is being written."""
        out, shown = frame.out, frame.shown
        if type(shown) is list:
            shown.append(value)
            frame.count += 1
            if frame.live:
                self._operations.append(Add(self.path(frame), value))
            return
        there = out in shown
        if value is not None or not there:
            shown[out] = value
            if frame.live:
                operation = Replace if there else Add
                self._operations.append(operation(self.path(frame), value))
        if frame.missing:
            frame.missing.discard(out)
            if not frame.missing and frame.hidden:
                self.reveal(frame)

    def begin_string(self, limit: int | None) -> None:
        """A string begins, of at most `limit` characters (None: any number)."""
        self._begun = False
        self._limit = limit

    def write(self) -> None:
        """Show the pieces of the open string that have come since the last operation."""
        frame = self.stack[-1]
        piece = "".join(self.text)
        self.text.clear()
        if not self._begun:
            self._begun = True
            self._at = self.path(frame)
            self.show(frame, piece)
        elif piece:
            frame.grow(piece)
            if frame.live:
                self._operations.append(Append(self._at, piece))
        if self._limit is not None and len(self._string(frame)) > self._limit:
            message = f"must have at most {self._limit} characters"
            raise invalid(self.named(self.path(frame)), message)

    def finished_string(self) -> str:
        """The open string, which is complete, as one string."""
        frame = self.stack[-1]
        at: Any = -1 if type(frame.shown) is list else frame.out
        value = frame.shown[at] = str(frame.shown[at])
        return value

    def _string(self, frame: Frame) -> Any:
        """The open string as it is shown."""
        return frame.shown[-1 if type(frame.shown) is list else frame.out]

    def settle(self, frame: Frame, new: Any) -> None:
        """Show the final value `new` of a container that has closed."""
        old = frame.shown
        new = _in_order(new, old)
        if (dumps(old) == dumps(new)) if frame.node.changing else old == new:
            return
        filled = _filled(old, new)
        if filled is None:
            self._change(frame, new)
            return
        for key in filled:
            old[key] = new[key]
            if frame.live:
                self._operations.append(Replace((*frame.path, key), new[key]))

    def _change(self, frame: Frame, new: Any) -> None:
        """Replace a container that has closed by another value."""
        if not frame.hidden and frame.step is not None:
            below = self.stack[-1].shown
            below[-1 if type(below) is list else frame.step] = new
            if frame.live:
                self._operations.append(Replace(frame.path, new))
            elif self._operations and self._operations[-1].value is frame.shown:
                last = self._operations[-1]
                self._operations[-1] = type(last)(last.path, new)
        frame.shown = new

    # -- feeds -------------------------------------------------------------------------------

    def end_feed(self, size: int, *, done: bool) -> list[Operation]:
        """The operations of a feed of `size` characters. done: whether the value is complete.

        All open frames that are not hidden are live from now on.
        """
        operations, self._operations = self._operations, []
        if not self._announced:
            value = self.holder.shown[self.field.out]
            if not self.stack or (value is None and not done):
                return []
            self._announced = True
            operations = [Replace((), copy(value))]
        live = True
        for frame in self.stack:
            live = live and not frame.hidden
            if live and not frame.live and operations and frame.path:
                last = operations[-1]
                if last.value is frame.shown:
                    operations[-1] = type(last)(last.path, copy(last.value))
            frame.live = live
        self._unfolded += size
        if self._unfolded >= FOLD:
            self._unfolded = 0
            for frame in self.stack:
                frame.fold()
        return operations


def _in_order(new: Any, old: Any) -> Any:
    """A value with the keys of its objects in the order in which they are shown."""
    if new is old:
        return new
    if type(new) is dict and type(old) is dict:
        known = {key: _in_order(new[key], old[key]) for key in old if key in new}
        return {**known, **{key: new[key] for key in new if key not in old}}
    if type(new) is list and type(old) is list and len(new) == len(old):
        return list(map(_in_order, new, old))
    return new


def _filled(old: Any, new: Any) -> list[str] | None:
    """The keys whose values were null and are known now; None if anything else has changed."""
    if type(old) is not dict or type(new) is not dict or list(old) != list(new):
        return None
    filled = [key for key in old if old[key] is None and new[key] is not None]
    unchanged = all(
        key in filled or old[key] is new[key] or dumps(old[key]) == dumps(new[key]) for key in old
    )
    return filled if unchanged else None
