"""What is shown while a value is decoded, and the operations that make it.

A stack of frames, one for each open container, holds what is shown. A change to it is an
operation where the frame is *live*. It is not while it is *fresh*: it began in this very
feed, and the operation that added it, always the feed's last, is given its value when the
feed ends; or while it is *hidden*: a NotNull field or the tag is still missing, and it is
then added whole.
"""

from __future__ import annotations

from typing import Any, Final

from app.partial.block import length
from app.partial.frame import Frame
from app.partial.invalid import invalid
from app.partial.node import Dict, List, Model, Node, blank
from app.partial.operation import Add, Append, Operation, Path, Replace
from app.partial.value import copy, dumps

FOLD: Final = 4096
"""Characters of text. What is finished of the open lists and dicts becomes `Block`s when so many
more have been read."""


class Shown:
    """The frames and their operations. The lowest frame is the *holder*, which has the value."""

    def __init__(self, holder: Model) -> None:
        (self._field,) = holder.fields
        self._holder = Frame(holder, (), None, {})
        self._holder.shown = blank(holder)
        self._stack: list[Frame] = []
        self._operations: list[Operation] = []
        self._node: Node = self._field.node  # of the value being written
        self._text: list[str] = []  # of the string being written, since the last operation
        self._begun = False  # whether something of that string is shown
        self._at: Path = ()  # where it is shown
        self._announced = False  # whether anything has been shown
        self._unfolded = 0  # characters of text
        self.done = False

    @property
    def value(self) -> Any:
        """What is shown: JSON, not to be changed, the long parts of which are `Block`s and
        `Growing` (`plain` makes plain JSON of it). None before there is anything."""
        return self._holder.shown[self._field.out] if self._announced else None

    @property
    def elements(self) -> int:
        """How many elements of a list at the root are complete."""
        if len(self._stack) > 1:
            root = self._stack[1]
            return root.closed if type(root.node) is List else 0
        return length(self.value) if isinstance(self.value, list) else 0

    # -- frames ------------------------------------------------------------------------------

    def _push(self, node: Node) -> Frame:
        parent = self._stack[-1]
        values: Any = [] if type(node) is List else {}
        frame = Frame(node, self._path(parent), parent.out, values)
        self._stack.append(frame)
        return frame

    def _enter(self, frame: Frame, parent: Frame) -> None:
        """Give a frame what it shows, and show it unless a NotNull field is missing."""
        node = frame.node
        frame.forgets = parent.forgets and not node.looks
        there = parent.shown.get(frame.place) if type(parent.shown) is dict else None
        if there is not None:  # as it is there from the start
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
        """Make what a frame shows part of what is shown."""
        parent.out = frame.place
        self._show(parent, frame.shown)

    def _reveal(self, frame: Frame) -> None:
        """Show a frame that was hidden: an open one, or the one that has just been closed."""
        frame.hidden = False
        above = self._stack.index(frame) if frame in self._stack else len(self._stack)
        self._attach(frame, self._stack[above - 1])

    def _path(self, frame: Frame) -> Path:
        """The path of the place that is being written in a frame."""
        if frame is self._holder or frame.out is None:
            return frame.path
        return (*frame.path, frame.out)

    def _named(self, path: Path) -> Path:
        """A path as far as the schema has named it: the keys of a dict are the answer's text."""
        for frame in self._stack:
            if type(frame.node) is Dict:
                return path[: len(frame.path)]
        return path

    # -- changes -----------------------------------------------------------------------------

    def _show(self, frame: Frame, value: Any) -> None:
        """Show a value at the place that is being written."""
        out, shown = frame.out, frame.shown
        if type(shown) is list:
            shown.append(value)
            frame.count += 1
            if frame.live:
                self._operations.append(Add(self._path(frame), value))
            return
        there = out in shown
        if value is not None or not there:
            shown[out] = value
            if frame.live:
                operation = Replace if there else Add
                self._operations.append(operation(self._path(frame), value))
        if frame.missing:
            frame.missing.discard(out)
            if not frame.missing and frame.hidden:
                self._reveal(frame)

    def _write(self) -> None:
        """Show what has come of the string that is being written."""
        frame = self._stack[-1]
        piece = "".join(self._text)
        self._text.clear()
        if not self._begun:
            self._begun = True
            self._at = self._path(frame)
            self._show(frame, piece)
        elif piece:
            frame.grow(piece)
            if frame.live:
                self._operations.append(Append(self._at, piece))
        limit = self._node.max_length  # type: ignore[attr-defined]
        if limit is not None and len(self._string(frame)) > limit:
            message = f"must have at most {limit} characters"
            raise invalid(self._named(self._path(frame)), message)

    def _finished_string(self) -> str:
        """The string that was being written, now as one."""
        frame = self._stack[-1]
        at: Any = -1 if type(frame.shown) is list else frame.out
        value = frame.shown[at] = str(frame.shown[at])
        return value

    def _string(self, frame: Frame) -> Any:
        """What has come of the string that is being written."""
        return frame.shown[-1 if type(frame.shown) is list else frame.out]

    def _settle(self, frame: Frame, new: Any) -> None:
        """A container has closed, and `new` is what it has become."""
        old = frame.shown
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
        """Show something else in the place of a container that has closed."""
        if not frame.hidden and frame.place is not None:
            below = self._stack[-1].shown
            below[-1 if type(below) is list else frame.place] = new
            if frame.live:
                self._operations.append(Replace(frame.path, new))
            elif self._operations and self._operations[-1].value is frame.shown:
                last = self._operations[-1]
                self._operations[-1] = type(last)(last.path, new)
        frame.shown = new

    # -- feeds -------------------------------------------------------------------------------

    def _settle_feed(self) -> list[Operation]:
        """The feed's operations. What is open is live from now on, unless it is hidden."""
        operations, self._operations = self._operations, []
        if not self._announced:
            value = self._holder.shown[self._field.out]
            if not self._stack or (value is None and not self.done):
                return []
            self._announced = True
            operations = [Replace((), copy(value))]
        live = True
        for frame in self._stack:
            live = live and not frame.hidden
            if live and not frame.live and operations and frame.path:
                last = operations[-1]
                if last.value is frame.shown:
                    operations[-1] = type(last)(last.path, copy(last.value))
            frame.live = live
        if self._unfolded >= FOLD:
            self._unfolded = 0
            for frame in self._stack:
                frame.fold()
        return operations


def _filled(old: Any, new: Any) -> list[str] | None:
    """The keys of what was unknown and now is known, if nothing else has changed."""
    if type(old) is not dict or type(new) is not dict or list(old) != list(new):
        return None
    filled = [key for key in old if old[key] is None and new[key] is not None]
    unchanged = all(
        key in filled or old[key] is new[key] or dumps(old[key]) == dumps(new[key]) for key in old
    )
    return filled if unchanged else None
