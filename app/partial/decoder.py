"""JSON text in, in pieces cut anywhere; operations out.

    decoder = Decoder(plan(list[Idea]), key="items", bound=5)
    decoder.feed('{"items": [{"title": "Ba')   ->  [Replace((), [{"title": "Ba", "blurb": None}])]
    decoder.feed('nanas", "blurb": "')         ->  [Append((0, "title"), "nanas"), Replace(…)]

Theory of operation. `scan.py` cuts the text into tokens. Here each of them is validated and
handed up to the container that it is in, whose own validator takes it when it closes.
`shown.py` keeps what is shown.

Nothing here knows of time, tasks or the network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from app.partial.close import Raw
from app.partial.frame import Frame
from app.partial.invalid import Invalid, from_members, from_value, invalid
from app.partial.node import (
    UNKNOWN,
    Dict,
    Leaf,
    List,
    Model,
    Node,
    String,
    Tagged,
    as_leaf,
    holder,
)
from app.partial.operation import Operation
from app.partial.scan import Scanner
from app.partial.shown import Shown
from app.partial.value import loads

_SCALARS = (str, int, bool, type(None))


class _Enough(Exception):
    """The list has all the elements that were asked for."""


class Decoder(Shown):
    """Decodes one answer.

    root: the plan of the value
    key: the one key of the object that the answer wraps the value in; None: it is not wrapped
    bound: how many elements a list is to have at most
    """

    def __init__(self, root: Node, *, key: str | None = None, bound: int | None = None) -> None:
        super().__init__(holder(root, key or "value"))
        self._root = root
        self._wrapped = key is not None
        self._bound = bound
        self._scanner = Scanner(self)
        self._writing = False
        self._holder.forgets = root.forgotten
        self._size: int | None = None  # how many elements the list at the root has had
        self.stopped = False
        self.result: Any = None

    def feed(self, text: str) -> list[Operation]:
        """Decode more text: the operations that it makes.

        Sets `done` and `result` (the validated value) once the value is complete. A list that
        has all its elements when another one begins is complete: `stopped` tells.
        Raises `Invalid` as soon as the text is certain to fail.
        """
        if self.stopped:
            return []
        self._read += len(text)
        try:
            self._scanner.feed(text)
            if self._writing:
                self._write()
        except _Enough:
            self.stopped = True
            while not self.done:
                self.close()
        except Invalid:
            self.done = False
            raise
        return self._settle_feed()

    def finish(self) -> None:
        """The text has ended. Raises `Invalid` where the value isn't complete."""
        if not self.done:
            raise self.refuse("ends before it is complete" if self._stack else "is not JSON")

    # -- what the scanner tells --------------------------------------------------------------

    def begin(self, first: str) -> bool:
        if not self._stack:
            self._stack.append(self._holder)
            if self._wrapped:
                if first != "{":
                    raise invalid((), "must be an object")
                return True
            self.key(self._field.out or "")
        node = self._node = self._next_node()
        if first == '"':
            self._writing = type(node) is String
            self._begun = False
            return self._writing
        if first == "{":
            if not isinstance(node, Model | Dict | Tagged):
                return False
        elif first != "[" or type(node) is not List:
            return False
        frame = self._push(node)
        if type(node) is Tagged:
            frame.hidden = True
        else:
            self._enter(frame, self._stack[-2])
        return True

    def key(self, name: str) -> None:
        frame = self._stack[-1]
        if frame.seen is None:
            frame.seen = set()
        elif name in frame.seen:
            raise self.refuse("has a key twice")
        frame.seen.add(name)
        frame.key = name
        node = frame.node
        if type(node) is Model:
            frame.field = node.keys.get(name)
            frame.out = frame.field.out if frame.field else None
            if frame.field is None and node.extra == "forbid" and name not in node.looked_into:
                raise invalid(self._named(frame.path), "has an unknown key", about=name)
        elif type(node) is Dict:
            self._dict_key(frame, node, name)

    def text(self, piece: str) -> None:
        self._text.append(piece)

    def string(self, piece: str) -> None:
        self._text.append(piece)
        self._write()
        self._writing = False
        frame, node = self._stack[-1], self._node
        assert type(node) is String
        value = str(self._string(frame))
        frame.shown[-1 if type(frame.shown) is list else frame.out] = value
        if node.checked:
            value = self._validated(node.whole.validate_python, value)
        self._stack[-1].hand_up(value)

    def whole(self, text: str) -> None:
        frame, node = self._stack[-1], self._node
        if text[0] in '{["':
            try:
                loads(text)
            except ValueError:
                raise self.refuse("is not JSON") from None
        if type(frame.node) is Tagged:
            self._hold(frame, text)
        elif node is UNKNOWN:
            self._unknown(frame, text)
        elif node.raw:
            self._stack[-1].hand_up(Raw(text))
        else:
            value = self._validated(node.whole.validate_json, text)
            if frame.out is not None and not node.deferred:
                self._show(frame, self._written(node, value))
            self._stack[-1].hand_up(value)
        if frame is self._holder and not self._wrapped:
            self._end()

    def close(self) -> None:
        frame = self._stack[-1]
        if frame is self._holder:
            self._end()
            return
        value = self._closed(frame)
        if frame.hidden:
            self._reveal(frame)
        below = self._stack[-1]
        if below is self._holder:
            self._size = frame.closed if frame.forgets and type(frame.node) is List else None
        elif below.forgets:
            below.settle()
            value = None
        below.hand_up(value)
        if not self._wrapped and len(self._stack) == 1:
            self._end()

    def refuse(self, message: str) -> Invalid:
        path = self._path(self._stack[-1]) if self._stack else ()
        return invalid(self._named(path), message)

    # -- places ------------------------------------------------------------------------------

    def _next_node(self) -> Node:
        """The node of the value that begins."""
        frame = self._stack[-1]
        node = frame.node
        if type(node) is Model:
            field = frame.field
            if field is None:
                return UNKNOWN
            if field.out is None or frame.knows(field):
                frame.overrule(field)
                frame.out = None
                return as_leaf(field.node)
            return field.node
        if type(node) is List:
            self._check_length(frame, node)
            frame.out = frame.count
            return node.item
        if type(node) is Dict:
            return node.item if frame.out is not None else as_leaf(node.item)
        return UNKNOWN

    def _check_length(self, frame: Frame, node: List) -> None:
        count = frame.closed
        if self._bound is not None and count >= self._bound and frame is self._stack[1]:
            raise _Enough
        if node.max_length is not None and count >= node.max_length:
            raise invalid(self._named(frame.path), f"must have at most {node.max_length} items")

    def _dict_key(self, frame: Frame, node: Dict, name: str) -> None:
        frame.out = name
        if node.key is None:
            return
        try:
            frame.key, shown = node.named(name)
        except ValidationError as error:
            raise from_members(error, self._named(frame.path), {}) from None
        frame.out = None if shown in frame.shown else shown

    def _hold(self, frame: Frame, text: str) -> None:
        """A member of a discriminated union before its tag is known."""
        frame.held[frame.key] = text
        while type(frame.node) is Tagged:
            if frame.node.tag not in frame.held:
                return
            choice = frame.node.choose(loads(frame.held[frame.node.tag]))
            if choice is None:
                raise invalid(self._named(frame.path), "is of an unknown kind")
            frame.node = choice
        frame.hidden = False
        held, frame.seen = frame.held, None
        self._enter(frame, self._stack[-2])
        for key, member in held.items():
            self.key(key)
            Scanner(self, bare=True).feed(member + " ")

    # -- values ------------------------------------------------------------------------------

    def _validated(self, validate: Callable[[str], Any], text: str) -> Any:
        try:
            return validate(text)
        except ValidationError as error:
            raise from_value(error, self._named(self._path(self._stack[-1]))) from None

    def _unknown(self, frame: Frame, text: str) -> None:
        """The value at a key that no field has."""
        node = frame.node
        if node.extra == "allow" or frame.key in node.looked_into:
            frame.values[frame.key] = Raw(text) if node.as_json else loads(text)

    def _written(self, node: Node, value: Any) -> Any:
        """The JSON form of a value."""
        if type(node) is Leaf and node.plain and type(value) in _SCALARS:
            return value
        try:
            return node.serializer.to_python(value, mode="json", by_alias=True, warnings=False)
        except PydanticSerializationError:
            raise self.refuse("can't be written as JSON") from None

    def _closed(self, frame: Frame) -> Any:
        """Validate a closed container by itself; its validators may change what is shown."""
        node = frame.node
        if type(node) is Tagged:
            raise invalid(self._named(frame.path), "does not say of which kind it is")
        try:
            value = node.close.validate_python(frame.members())
        except ValidationError as error:
            names = {key: field.out or key for key, field in getattr(node, "keys", {}).items()}
            raise from_members(error, self._named(frame.path), names) from None
        self._stack.pop()
        if node.changing or type(node) is Model:
            new = self._written(node, value)
            for out in frame.settled:
                new[out] = frame.shown[out]
            self._settle(frame, new)
        return value

    # -- the end -----------------------------------------------------------------------------

    def _end(self) -> None:
        key = self._field.out
        values = self._holder.values
        if key not in values:
            raise invalid((), "is missing")
        result = self.result = values[key]
        if self._bound is not None and isinstance(result, list):
            size = len(result) if self._size is None else self._size
            if not size:
                raise invalid((), "must have at least 1 items")
            if size > self._bound:
                raise invalid((), f"must have at most {self._bound} items")
        root = self._root
        if type(root) is String and root.changing:
            self._holder.out = key
            self._show(self._holder, self._written(root, result))
        self.done = True
