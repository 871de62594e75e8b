"""JSON text in, in pieces cut anywhere; operations out.

    decoder = Decoder(plan(list[Idea]), key="items", bound=5)
    decoder.feed('{"items": [{"title": "Ba')   ->  [Replace((), [{"title": "Ba", "blurb": None}])]
    decoder.feed('nanas", "blurb": "')         ->  [Append((0, "title"), "nanas"), Replace(…)]

Theory of operation. `scan.py` cuts the text into tokens. Here a stack of frames, one for
each open container, holds what is shown (plain JSON) and what has been validated (which the
closed container's own validator takes). A change to what is shown is an operation where
the frame is *live*. It is not while it is *fresh*: it began in this very feed, and the
operation that added it, always the feed's last, is given its value when the feed ends; or
while it is *hidden*: a NotNull field or the tag is still missing, and it is then added whole.

Nothing here knows of time, tasks or the network.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, from_json

from app.partial.frame import Frame
from app.partial.invalid import Invalid, from_members, from_value, invalid
from app.partial.node import Dict, Field, Leaf, List, Model, Node, String, Tagged, blank, empty
from app.partial.operation import Add, Append, Operation, Path, Replace
from app.partial.scan import Scanner
from app.partial.value import copy, dumps, loads

_SCALARS = (str, int, bool, type(None))


class _Enough(Exception):
    """The list has all the elements that were asked for."""


class Decoder:
    """Decodes one answer.

    root: the plan of the value
    key: the one key of the object that the answer wraps the value in; None: it is not wrapped
    bound: how many elements a list is to have at most
    """

    def __init__(self, root: Node, *, key: str | None = None, bound: int | None = None) -> None:
        self._root = root if key is None else _wrapper(root, key)
        self._key = key
        self._bound = bound
        self._scanner = Scanner(self)
        self._stack: list[Frame] = []
        self._node: Node = self._root
        self._operations: list[Operation] = []
        self._announced = False  # whether the root has been shown
        self._text: list[str] = []  # of the string being written, since the last operation
        self._writing = False
        self._begun = False
        self._base: Any = None
        self.done = False
        self.stopped = False
        self.result: Any = None

    @property
    def value(self) -> Any:
        """What is shown: plain JSON, not to be changed. None before there is anything."""
        return self._base if self._key is None or self._base is None else self._base[self._key]

    def feed(self, text: str) -> list[Operation]:
        """Decode more text: the operations that it makes.

        Sets `done` and `result` (the validated value) once the value is complete. A list that
        has all its elements when another one begins is complete: `stopped` tells.
        Raises `Invalid` as soon as the text is certain to fail.
        """
        if self.stopped:
            return []
        try:
            self._scanner.feed(text)
        except _Enough:
            self._stop()
        if self._writing:
            self._write()
        return self._settle_feed()

    def finish(self) -> None:
        """The text has ended. Raises `Invalid` where the value isn't complete."""
        if not self.done:
            raise self.refuse("ends before it is complete" if self._stack else "is not JSON")

    # -- what the scanner tells --------------------------------------------------------------

    def begin(self, first: str) -> bool:
        node = self._node = self._next_node()
        if node is None:  # type: ignore[comparison-overlap]
            return False
        if first == '"':
            self._writing = type(node) is String and not node.raw
            self._begun = False
            return self._writing
        if first == "{":
            if not isinstance(node, Model | Dict | Tagged):
                return False
        elif first != "[" or type(node) is not List:
            return False
        self._push(node)
        return True

    def key(self, name: str) -> None:
        frame = self._stack[-1]
        if name in frame.seen:
            raise self.refuse("has a key twice")
        frame.seen.add(name)
        frame.key = name
        node = frame.node
        if type(node) is Model:
            frame.field = node.keys.get(name)
            frame.out = frame.field.out if frame.field else None
        elif type(node) is Dict:
            self._dict_key(frame, node, name)

    def text(self, piece: str) -> None:
        self._text.append(piece)

    def string(self, piece: str) -> None:
        self._text.append(piece)
        self._write()
        self._writing = False
        frame, node = self._stack[-1], self._node
        assert isinstance(node, String)
        value = frame.shown[frame.out]
        if node.checked:
            value = self._validated(node, value)
        self._hand_up(value)

    def whole(self, text: str) -> None:
        frame = self._stack[-1]
        if type(frame.node) is Tagged:
            self._hold(frame, text)
            return
        node = self._node
        if node is None:  # type: ignore[comparison-overlap]
            self._unknown(frame, text)
            return
        if text[0] in '{["' or node.raw:
            plain = self._loaded(text)
        if node.raw:
            self._hand_up(plain)
            return
        try:
            value = node.whole.validate_json(text)
        except ValidationError as error:
            raise from_value(error, self._path(frame)) from None
        if frame.out is not None and not node.deferred:
            self._show(frame, self._shown(node, value))
        self._hand_up(value)

    def close(self) -> None:
        frame = self._stack.pop()
        if not self._stack:
            self._close_root(frame)
            return
        value = self._closed(frame)
        if frame.hidden:
            self._reveal(frame)
        self._hand_up(value)

    def refuse(self, message: str) -> Invalid:
        frame = self._stack[-1] if self._stack else None
        return invalid(self._path(frame) if frame else (), message)

    # -- values ------------------------------------------------------------------------------

    def _next_node(self) -> Any:
        """The node of the value that begins; None: nobody knows its place."""
        if not self._stack:
            return self._root
        frame = self._stack[-1]
        node = frame.node
        if type(node) is Model:
            field = frame.field
            if field is None:
                return None
            if field.out is None or _is_known_twice(frame, field):
                frame.out = None
                return _as_leaf(field.node)
            return field.node
        if type(node) is List:
            self._check_length(frame, node)
            frame.out = len(frame.shown)
            return node.item
        if type(node) is Dict:
            return node.item if frame.out is not None else _as_leaf(node.item)
        return None

    def _check_length(self, frame: Frame, node: List) -> None:
        count = len(frame.values)
        if self._bound is not None and node is self._listed() and count >= self._bound:
            raise _Enough
        if node.max_length is not None and count >= node.max_length:
            raise invalid(frame.path, f"must have at most {node.max_length} items")

    def _listed(self) -> Node:
        """The node of the list that `bound` is about."""
        return self._root if self._key is None else self._root.fields[0].node  # type: ignore[attr-defined,no-any-return]

    def _dict_key(self, frame: Frame, node: Dict, name: str) -> None:
        frame.out = name
        if node.key is None or node.key_serializer is None:
            return
        try:
            keyed = node.key.validate_json(dumps({name: None}))
        except ValidationError:
            raise invalid(frame.path, "has a key that is not valid") from None
        (frame.key,) = keyed
        (shown,) = node.key_serializer.to_python(keyed, mode="json", by_alias=True)
        frame.out = None if shown in frame.shown else shown

    def _validated(self, node: Node, text: str) -> Any:
        try:
            return node.whole.validate_python(text)
        except ValidationError as error:
            raise from_value(error, self._path(self._stack[-1])) from None

    def _loaded(self, text: str) -> Any:
        try:
            if text[0] == '"':
                return from_json(text, allow_inf_nan=False)
            return loads(text)
        except ValueError:
            raise self.refuse("is not JSON") from None

    def _unknown(self, frame: Frame, text: str) -> None:
        kept = frame.node.kept
        value = self._loaded(text)
        if kept is None or frame.key in kept:
            frame.values[frame.key] = value

    def _shown(self, node: Node, value: Any) -> Any:
        """The JSON form of a value."""
        if isinstance(node, Leaf) and node.plain and type(value) in _SCALARS:
            return value
        try:
            return node.serializer.to_python(value, mode="json", by_alias=True, warnings=False)
        except PydanticSerializationError:
            raise self.refuse("can't be written as JSON") from None

    def _hand_up(self, value: Any) -> None:
        frame = self._stack[-1]
        if type(frame.node) is List:
            frame.values.append(value)
        else:
            frame.values[frame.key] = value

    # -- containers --------------------------------------------------------------------------

    def _push(self, node: Any) -> None:
        parent = self._stack[-1] if self._stack else None
        frame = Frame(
            node,
            self._path(parent) if parent else (),
            parent.out if parent else None,
            [] if type(node) is List else {},
        )
        self._stack.append(frame)
        if type(node) is Tagged:
            frame.hidden = True
            return
        self._enter(frame, parent)

    def _enter(self, frame: Frame, parent: Frame | None) -> None:
        """Give a frame what it shows, and show it unless a NotNull field is missing."""
        node = frame.node
        there = parent.shown.get(frame.place) if parent and type(parent.shown) is dict else None
        if there is not None:  # as it is there from the start
            assert parent is not None
            frame.shown, frame.live = there, parent.live
            return
        frame.shown = [] if type(node) is List else blank(node) if type(node) is Model else {}
        if type(node) is Model and node.not_null:
            frame.hidden = True
            frame.missing = {
                field.out
                for field in node.fields
                if field.not_null and frame.shown.get(field.out) is None
            }
        else:
            self._attach(frame, parent)

    def _attach(self, frame: Frame, parent: Frame | None) -> None:
        """Make what a frame shows part of what is shown."""
        if parent is None:
            self._base = frame.shown
        else:
            parent.out = frame.place
            self._show(parent, frame.shown)

    def _reveal(self, frame: Frame) -> None:
        frame.hidden = False
        index = self._stack.index(frame) if frame in self._stack else len(self._stack)
        self._attach(frame, self._stack[index - 1] if index else None)

    def _show(self, frame: Frame, value: Any) -> None:
        """Show a value at the place that is being written."""
        out, shown = frame.out, frame.shown
        if type(shown) is list:
            operation: type[Add | Replace] = Add
            shown.append(value)
        else:
            operation = Replace if out in shown else Add
            if value is None and operation is Replace:
                return
            shown[out] = value
        if frame.live:
            self._operations.append(operation(self._path(frame), value))
        if frame.missing:
            frame.missing.discard(out)
            if not frame.missing and frame.hidden:
                self._reveal(frame)

    def _write(self) -> None:
        """Show what has come of the string being written."""
        frame = self._stack[-1]
        piece = "".join(self._text)
        self._text.clear()
        if not self._begun:
            self._begun = True
            self._show(frame, piece)
        elif piece:
            frame.shown[frame.out] += piece
            if frame.live:
                self._operations.append(Append(self._path(frame), piece))
        limit = self._node.max_length  # type: ignore[attr-defined]
        if limit is not None and len(frame.shown[frame.out]) > limit:
            raise invalid(self._path(frame), f"must have at most {limit} characters")

    def _closed(self, frame: Frame) -> Any:
        """Validate a closed container by itself; its validators may change what is shown."""
        node = frame.node
        if type(node) is Tagged:
            raise invalid(frame.path, "does not say of which kind it is")
        try:
            value = node.close.validate_python(frame.values)
        except ValidationError as error:
            raise from_members(error, frame.path) from None
        if node.changing or type(node) is Model:
            self._settle(frame, self._shown(node, value))
        return value

    def _close_root(self, frame: Frame) -> None:
        value = self._closed(frame) if self._key is None else self._closed_wrapper(frame)
        if frame.hidden:
            self._reveal(frame)
        self.result = value
        self.done = True

    def _closed_wrapper(self, frame: Frame) -> Any:
        assert self._key is not None
        if self._key not in frame.values:
            raise invalid((), "is missing")
        value = frame.values[self._key]
        if self._bound is not None and not value:
            raise invalid((), "must have at least 1 items")
        return value

    def _stop(self) -> None:
        """The model begins an element too many: what was asked for is there."""
        self.stopped = True
        while self._stack:
            self.close()

    # -- operations --------------------------------------------------------------------------

    def _settle(self, frame: Frame, new: Any) -> None:
        """A container has closed, and `new` is what it has become."""
        old = frame.shown
        if (dumps(old) == dumps(new)) if frame.node.changing else old == new:
            return
        filled = _filled(old, new)
        if filled is None:
            _become(old, new)
            if frame.live:
                self._operations.append(Replace(frame.path, new))
            return
        for key in filled:
            old[key] = new[key]
            if frame.live:
                self._operations.append(Replace((*frame.path, key), new[key]))

    def _settle_feed(self) -> list[Operation]:
        """The feed's operations. What is open is live from now on, unless it is hidden."""
        operations, self._operations = self._operations, []
        if not self._announced and self._base is not None:
            self._announced = True
            operations = [Replace((), copy(self.value))]
        live = True
        for frame in self._stack:
            live = live and not frame.hidden
            if live and not frame.live and operations and len(frame.path):
                last = operations[-1]
                if isinstance(last, Add | Replace) and last.value is frame.shown:
                    operations[-1] = type(last)(last.path, copy(last.value))
            frame.live = live
        return operations

    def _path(self, frame: Frame) -> Path:
        """The path of the place that is being written in a frame."""
        if frame.out is None or (self._key is not None and frame is self._stack[0]):
            return frame.path
        return (*frame.path, frame.out)

    def _hold(self, frame: Frame, text: str) -> None:
        """A member of a discriminated union before its tag is known."""
        node = frame.node
        frame.held[frame.key] = text
        if frame.key != node.tag:
            return
        tag = self._loaded(text)
        if not isinstance(tag, str | int | bool) or tag not in node.choices:
            raise invalid(frame.path, "is of an unknown kind")
        frame.node = node.choices[tag]
        frame.hidden = False
        held, frame.seen = frame.held, set()
        self._enter(frame, self._stack[-2] if len(self._stack) > 1 else None)
        for key, member in held.items():
            self.key(key)
            Scanner(self, bare=True).feed(member + " ")


def _wrapper(root: Node, key: str) -> Model:
    """The object that an answer wraps a value in."""
    return Model(
        schema=root.schema,
        whole=root.whole,
        serializer=root.serializer,
        title="Answer",
        keys={key: (field := Field(key, root))},
        fields=[field],
    )


def _as_leaf(node: Node) -> Node:
    """A place that is validated, but not shown."""
    return Leaf(
        schema=node.schema,
        nullable=node.nullable,
        whole=node.whole,
        serializer=node.serializer,
        raw=node.raw,
        deferred=True,
    )


def _is_known_twice(frame: Frame, field: Field) -> bool:
    """Whether the text has the same field under another of its names already."""
    keys = frame.node.keys
    return any(key != frame.key and keys.get(key) is field for key in frame.seen)


def _filled(old: Any, new: Any) -> list[str] | None:
    """The keys of what was unknown and now is known, if nothing else has changed."""
    if not isinstance(old, dict) or not isinstance(new, dict) or list(old) != list(new):
        return None
    filled = [key for key in old if old[key] is None and new[key] is not None]
    unchanged = all(key in filled or dumps(old[key]) == dumps(new[key]) for key in old)
    return filled if unchanged else None


def _become(old: Any, new: Any) -> None:
    """Make a container equal to another, in place: what refers to it goes on doing so."""
    if isinstance(old, dict):
        old.clear()
        old.update(new)
    else:
        old[:] = new
