"""Turns JSON text, which comes in pieces cut anywhere, into operations on a value.

    decoder = Decoder(plan(list[Idea]), key="items", bound=5)
    decoder.feed('{"items": [{"title": "Ba')   ->  [Replace((), [{"title": "Ba", "blurb": None}])]
    decoder.feed('nanas", "blurb": "')         ->  [Append((0, "title"), "nanas"), Replace(…)]

`scan.py` cuts the text into tokens. The decoder validates each value when it is complete, and
passes the result to the container around it. The container's own validator gets these results
when the container closes. `shown.py` keeps the partial value that readers see.

A schema's own code (validators, serializers, computed fields, default factories) may raise any
exception. If Pydantic does not catch it, the value is invalid, and another attempt may follow.
The exception's message is dropped, because it may quote the answer.

The decoder uses no time, no tasks and no network.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, SchemaError

from app.partial.block import length, pieces
from app.partial.close import Raw
from app.partial.frame import Frame
from app.partial.invalid import Invalid, from_members, from_value, invalid
from app.partial.kept import Kept, elements_of, joined, of_elements
from app.partial.node import (
    UNKNOWN,
    Container,
    Dict,
    Field,
    Leaf,
    List,
    Model,
    Node,
    String,
    Tagged,
    as_leaf,
    holder,
    refuses_null,
)
from app.partial.operation import Operation
from app.partial.scan import Scanner
from app.partial.shown import Shown
from app.partial.value import dumps, has_null, holds_numbers, is_json, loads

_SCALARS = (str, int, bool, type(None))
_NOT_VALID = "is not valid"
_NOT_JSON = "can't be written as JSON"


class _Enough(Exception):
    """The list has as many elements as were asked for, and another one begins."""


class Decoder:
    """Decodes one answer.

    root: the plan of the value
    key: the key of the object that the answer wraps the value in; None if it is not wrapped
    bound: the most elements of a list result
    null_is_absent: whether a null that a member refuses stands for its absence, if it may be
        absent. A model that had to write all members could not leave it out
    bare: the text is the value, and what follows that is not looked at (`unread`)
    kept: elements of an earlier answer, which the elements in this one follow

    recognised: whether the text is known to be meant as the value, as it has one of its keys
    """

    def __init__(
        self,
        root: Node,
        *,
        key: str | None = None,
        bound: int | None = None,
        null_is_absent: bool = False,
        bare: bool = False,
        kept: Kept | None = None,
    ) -> None:
        self._shown = Shown(holder(root, key or "value"))
        self._stack = self._shown.stack
        self._holder = self._shown.holder
        self._node = root  # of the value being written
        self._root = root
        self._wrapped = key is not None
        self._bound = bound
        self.null_is_absent = null_is_absent
        self._bare = bare
        self._scanner = Scanner(self, bare=bare)
        self._writing = False
        self._holder.forgets = root.forgotten
        self._size: int | None = None  # the number of elements of a list result that are not kept
        self._key = key
        self._proof = root.proof
        self._text = bytearray()  # all that was read, if the proof needs it
        self._before: list[bytes] = []  # such texts of the lists that this one goes on with
        self._list: Frame | None = None  # the list that a text has left, for the next to go on with
        self._begun_with = kept
        self._leaves_out = False  # whether an element of the list was left out
        self._closes = False  # whether the list has come to its end in this text
        self._is_refused = False  # whether the list failed as a whole, or what follows it
        self.recognised = False
        self.done = False
        self.stopped = False
        self.result: Any = None

    def feed(self, text: str) -> list[Operation]:
        """Decode more text, and return the operations that it makes.

        Sets `done` and `result` (the validated value) when the value is complete. A list is also
        complete if it has `bound` elements and another one begins; this sets `stopped`, too.
        Raises `Invalid` as soon as the text is certain to fail.
        """
        if self.stopped:
            return []
        try:
            self._read(text)
        except Invalid:
            self.done = False
            self._is_refused = self._closes
            raise
        if self._begun_with is not None and not self.recognised:
            return []  # the list does not begin with nothing
        return self._shown.end_feed(len(text), done=self.done)

    def keep(self) -> Kept | None:
        """The elements of the list at the root that are closed and valid, for another answer.

        None if there are none, if one was left out, or if the list was refused as a whole.
        """
        if not self.recognised:
            return self._begun_with
        frame = self._stack[1] if len(self._stack) > 1 else self._list
        if frame is None or type(frame.node) is not List or self._leaves_out or self._is_refused:
            return None
        count = frame.closed
        is_changed = self._closes and frame.node.changing
        if not count or is_changed or length(frame.shown) < count:
            return None
        json = dumps(pieces(frame.shown, 0, count))[1:-1]
        null_is_absent = self._nulls_are_absent
        return Kept(count, json, list(frame.values), self._text_of(count), null_is_absent)

    @property
    def may_go_on(self) -> bool:
        """Whether another text of the same shape may add elements to the list at the root."""
        closed, root = self._list is not None and self.done, self._root
        return closed and not self.stopped and type(root) is List and not root.changing

    def go_on(self) -> None:
        """Another text comes: the elements of its list follow those that are there."""
        assert self._list is not None
        if self._proof is not None:
            self._before.append(bytes(self._text))
            self._text.clear()
        self._list.live = True
        self._holder.seen = None
        self._holder.values.clear()
        self._stack.clear()
        self._scanner = Scanner(self, bare=True)
        self._closes = False
        self.done = False

    def _take_up(self) -> None:
        """The answer is the value: its list begins with what was kept."""
        kept, root = self._begun_with, self._root
        if kept is not None and type(root) is List:
            self._list = self._shown.take_up(kept, root)
            if self._proof is not None:
                self._before.append(kept.text)

    def finish(self) -> None:
        """Check the value when the text has ended. A value that is `done` is valid only after this.

        Raises `Invalid` if the value isn't complete, or if its type needs the proof (see proof.py)
        and Pydantic refuses the whole text.
        """
        if not self.done:
            raise self.refuse("ends before it is complete" if self._stack else "is not JSON")
        self._prove()

    @property
    def value(self) -> Any:
        """The partial value, as `Shown` has it."""
        return self._shown.value

    @property
    def elements(self) -> int:
        """How many elements of a list at the root are complete."""
        return self._shown.elements

    @property
    def unread(self) -> int:
        """How many characters of the last feed come after the value, or after what fails."""
        return self._scanner.unread

    @property
    def kept(self) -> int:
        """How many bytes of text are kept for the proof; 0 if none is needed."""
        return len(self._text)

    def _read(self, text: str) -> None:
        try:
            self._scanner.feed(text)
            if self._writing:
                self._shown.write()
        except _Enough:
            self._note(text)
            self._stop()
        except Invalid:
            self._note(text)
            raise
        else:
            self._note(text)

    def _note(self, text: str) -> None:
        """Keep the text that was read, if the proof needs it."""
        if self._proof is not None:
            self._text += text[: len(text) - self._scanner.unread].encode(errors="replace")

    def _stop(self) -> None:
        """Close the open brackets of a list that has all its elements, and prove the text."""
        self.stopped = True
        while not self.done:
            self.close()
        if self._proof is not None:
            self._text = self._text.rstrip(b" \t\r\n,") + (b"]}" if self._wrapped else b"]")
            self._prove()

    def _prove(self) -> None:
        """Let Pydantic validate the whole text, once."""
        proof, self._proof = self._proof, None
        text, self._text = bytes(self._text), bytearray()
        if proof is None:
            return
        if self._before:
            text = joined([*self._before, text], self._key or "")
        try:
            proof.check(text, self._key, null_is_absent=self._nulls_are_absent)
        except ValidationError as error:
            self.done, self._is_refused = False, True
            raise from_value(error, ()) from None
        except Exception:  # the schema's own code may raise anything
            self.done, self._is_refused = False, True
            raise invalid((), _NOT_VALID) from None

    @property
    def _nulls_are_absent(self) -> bool:
        """Whether nulls may stand for absent members in any text that the value is made of."""
        kept = self._begun_with
        return self.null_is_absent or (kept is not None and kept.null_is_absent)

    def _text_of(self, count: int) -> bytes:
        """An answer with the first elements alone, as they were written, if the proof needs it."""
        if self._proof is None:
            return b""
        key = self._key or ""
        texts = [*self._before, bytes(self._text)]
        return of_elements([one for text in texts for one in elements_of(text, key)][:count], key)

    # -- calls of the scanner ----------------------------------------------------------------

    def begin(self, first: str) -> bool:
        if not self._stack:
            self._stack.append(self._holder)
            if self._wrapped:
                if first != "{":
                    raise invalid((), "must be an object")
                return True
            self.key(self._shown.field.out or "")
        node = self._node = self._next_node()
        if first == '"':
            self._writing = isinstance(node, String)
            if isinstance(node, String):
                self._shown.begin_string(node.max_length)
            return self._writing
        if first == "{":
            if not isinstance(node, Model | Dict | Tagged):
                return False
        elif first != "[" or type(node) is not List:
            return False
        if self._list is not None and len(self._stack) == 1:
            self._stack.append(self._list)
            return True
        frame = self._shown.push(node)
        if type(node) is Tagged:
            frame.hidden = True
        else:
            self._shown.enter(frame, self._stack[-2])
        return True

    def key(self, name: str) -> None:
        frame = self._stack[-1]
        if not self.recognised and self._recognises(frame, name):
            self.recognised = True
            self._take_up()
        frame.key = name
        node = frame.node
        if type(node) is Dict and not frame.dropped:
            self._dict_key(frame, node, name)
            return
        if frame.seen is None:
            frame.seen = set()
        elif name in frame.seen:
            raise self.refuse("has a key twice")
        frame.seen.add(name)
        if type(node) is Model and not frame.dropped:
            frame.field = node.keys.get(name)
            frame.out = frame.field.out if frame.field else None
            if frame.field is None and node.extra == "forbid" and name not in node.read_at_close:
                raise invalid(self._shown.named(frame.path), "has an unknown key", about=name)

    def _recognises(self, frame: Frame, name: str) -> bool:
        """Whether a key tells that what is being read is the value: it is one of the value's."""
        if self._wrapped:
            return frame is self._holder and name == self._key
        node = frame.node
        known = type(node) is not Model or name in node.keys or name in node.read_at_close
        return known and len(self._stack) == 2

    def text(self, piece: str) -> None:
        self._shown.text.append(piece)

    def string(self, piece: str) -> None:
        self._shown.text.append(piece)
        self._shown.write()
        self._writing = False
        frame, node = self._stack[-1], self._node
        assert type(node) is String
        value = self._shown.finished_string()
        if frame.may_be_extra:
            frame.keep(dumps(value).decode())
        values = self._validated(frame, node, dumps(value)) if node.checked else [value]
        for value in values:
            self._stack[-1].hand_up(value)

    def whole(self, text: str) -> None:
        frame, node = self._stack[-1], self._node
        if text[0] in '{["':
            try:
                loads(text)
            except ValueError:
                raise self.refuse("is not JSON") from None
        if frame.may_be_extra and node is not UNKNOWN:
            frame.keep(text)
        if type(frame.node) is Tagged:
            self._hold(frame, text)
        elif node is UNKNOWN:
            self._unknown(frame, frame.key, text)
        elif node.raw:
            if not (self._may_be_absent(frame, text) and refuses_null(node)):
                self._stack[-1].hand_up(Raw(text))
        else:
            for value in self._validated(frame, node, text):
                if frame.out is not None and not node.deferred:
                    self._shown.show(frame, self._as_json(node, value, self._written(node, value)))
                self._stack[-1].hand_up(value)
        if frame is self._holder and not self._wrapped:
            self._end()

    def close(self) -> None:
        frame = self._stack[-1]
        if frame is self._holder:
            self._end()
            return
        self._closes = self._closes or len(self._stack) == 2
        for value in self._closed(frame):
            if frame.hidden:
                self._shown.reveal(frame)
            self._hand_up(frame, value)
        if not self._wrapped and len(self._stack) == 1:
            self._end()

    def _hand_up(self, frame: Frame, value: Any) -> None:
        """Pass the value of a closed container to the one around it, which may not keep it."""
        below = self._stack[-1]
        if below is self._holder:
            self._list = frame if self._wrapped and type(frame.node) is List else None
            self._size = frame.closed if frame.forgets and type(frame.node) is List else None
        elif below.forgets:
            below.settle()
            value = None
        below.hand_up(value)

    def refuse(self, message: str) -> Invalid:
        path = self._shown.path(self._stack[-1]) if self._stack else ()
        return invalid(self._shown.named(path), message)

    # -- places ------------------------------------------------------------------------------

    def _next_node(self) -> Node:
        """The node of the value that begins."""
        frame = self._stack[-1]
        node = frame.node
        if frame.dropped:
            return UNKNOWN
        if type(node) is Model:
            return self._member_node(frame, frame.field)
        if type(node) is List:
            self._check_length(frame, node)
            frame.out = frame.count
            return node.item
        if type(node) is Dict:
            return node.item
        return UNKNOWN

    def _member_node(self, frame: Frame, field: Field | None) -> Node:
        if field is None:
            return UNKNOWN
        if others := frame.others(field):
            frame.out = None
            best = others[0]  # what is at the rest is like an unknown key's already
            if field.names.index(best) < field.names.index(frame.key):
                return UNKNOWN
            self._outdo(frame, field, best)
        if frame.out is None:
            return as_leaf(field.node)
        # A better name for this field may still come. Then this value is dropped, and its errors
        # don't count; or it becomes an extra key's, shown as it was written. So it is shown only
        # when complete, unless it is a string.
        if frame.may_be_outdone and isinstance(field.node, Container | Tagged):
            return as_leaf(field.node, deferred=False)
        return field.node

    def _outdo(self, frame: Frame, field: Field, other: str) -> None:
        """A name with precedence has come: the value at the other name becomes an extra key's."""
        (frame.doubts or {}).pop(other, None)
        value = frame.values.pop(other, None)
        (frame.settled or set()).discard(field.out)
        text = value if isinstance(value, Raw) else (frame.kept or {}).pop(other, None)
        if text is not None:
            self._unknown(frame, other, text)

    def _check_length(self, frame: Frame, node: List) -> None:
        count = frame.closed
        if self._bound is not None and count >= self._bound and frame is self._stack[1]:
            raise _Enough
        if node.max_length is not None and count >= node.max_length:
            raise invalid(
                self._shown.named(frame.path), f"must have at most {node.max_length} items"
            )

    def _dict_key(self, frame: Frame, node: Dict, name: str) -> None:
        if frame.out is not None and frame.out not in frame.shown:
            frame.leave_out()
        shown = name
        if node.key is not None:
            try:
                frame.key, shown = node.named(name)
            except ValidationError as error:
                raise from_members(error, self._shown.named(frame.path), {}) from None
            except (PydanticSerializationError, UnicodeDecodeError):
                raise self.refuse(_NOT_JSON) from None
            except Exception:  # this includes PydanticOmit: a key can't leave out its entry
                raise self.refuse(_NOT_VALID) from None
        left_out = frame.left_out or ()
        if shown in frame.shown or shown in left_out or frame.key in frame.values:
            raise self.refuse("has a key twice")
        frame.out = shown

    def _hold(self, frame: Frame, text: str) -> None:
        """Keep a member of a discriminated union until its tag is known."""
        held = frame.held = frame.held or {}
        held[frame.key] = text
        while type(frame.node) is Tagged:
            tag = next((tag for tag in frame.node.tags if tag in held), None)
            if tag is None:
                return
            choice = frame.node.choose(loads(held[tag]))
            if choice is None:
                raise invalid(self._shown.named(frame.path), "is of an unknown kind")
            frame.node = choice
        frame.hidden = False
        frame.seen = None
        self._shown.enter(frame, self._stack[-2])
        for key, member in held.items():
            self.key(key)
            Scanner(self, bare=True).feed(member + " ")

    # -- values ------------------------------------------------------------------------------

    def _validated(self, frame: Frame, node: Node, text: str | bytes) -> list[Any]:
        """Validate the text of a value. Returns a list with the value; empty if it is left out."""
        omits = type(node) is Leaf and node.omits
        try:
            value = node.whole.validate_json(f"[{text!s}]" if omits else text)
        except ValidationError as raised:
            if self._may_be_absent(frame, text):
                return []
            error = from_value(raised, self._shown.named(self._shown.path(frame)))
            if not frame.may_be_outdone:
                raise error from None
            frame.doubt(error)
            return []
        except SchemaError as error:
            self._leave_out(error, is_shown=type(node) is String)
            return []
        except Exception:
            raise self.refuse(_NOT_VALID) from None
        if omits and not value:
            self._leaves_out = self._leaves_out or len(self._stack) == 2
            return []
        return list(value) if omits else [value]

    def _may_be_absent(self, frame: Frame, text: str | bytes) -> bool:
        """Whether the value at hand is a null that stands for the absence of a member."""
        field = frame.field if type(frame.node) is Model else None
        optional = field is not None and (field.default or not field.required)
        return self.null_is_absent and text == "null" and (optional or type(frame.node) is Dict)

    def _leave_out(self, error: SchemaError, *, is_shown: bool) -> None:
        """A validator of the current value has raised PydanticOmit or PydanticUseDefault.

        If nothing around the validator catches these, Pydantic raises a SchemaError. Only its
        message says which of the two it was.
        """
        frame = self._stack[-1]
        self._leaves_out = self._leaves_out or len(self._stack) == 2
        if "Omit" not in str(error):
            self._use_default()
        elif is_shown and type(frame.node) is not Model:
            if len(self._stack) == 2 and type(frame.node) is List:  # readers have had the element
                raise self.refuse(_NOT_VALID)
            frame.leave_out()

    def _use_default(self) -> None:
        """Drop the innermost member with a default. Its object uses the default when it closes."""
        for depth in range(len(self._stack) - 1, 0, -1):
            field = self._stack[depth].field
            if field is not None and field.default:
                for frame in self._stack[depth + 1 :]:
                    frame.dropped = True
                return
        raise self.refuse(_NOT_VALID)

    def _unknown(self, frame: Frame, key: str, text: str) -> None:
        """Keep the value of an extra key, if it is needed.

        No field has this key, or a name with precedence has come for its field.
        """
        node = frame.node
        if frame.dropped:
            return
        self._check_extra(node, key)
        if node.extra != "ignore" or key in node.read_at_close:
            frame.values[key] = Raw(text) if node.as_json else loads(text)

    def _check_extra(self, node: Model, key: str) -> None:
        """Refuse an extra key that is also a field's serialized key: it would be written twice."""
        if node.extra != "allow" or key in node.read_at_close:
            return
        if any(field.out == key for field in node.fields):
            raise self.refuse("has a key twice")

    def _written(self, node: Node, value: Any) -> Any:
        """The JSON form of a value."""
        if type(node) is Leaf and node.plain and type(value) in _SCALARS:
            return value
        try:
            return node.serializer.to_python(value, mode="json", by_alias=True, warnings=False)
        except Exception:
            raise self.refuse(_NOT_JSON) from None

    def _as_json(self, node: Node, value: Any, written: Any) -> Any:
        """The JSON form of a value, in which NaN and infinities have the form of the config.

        Raises `Invalid` if they have none: Pydantic writes null, which the type does not allow.
        """
        # A null in the JSON form may stand for a number that a serializer has made.
        plain = self._as_python(node, value) if value is not None and has_null(written) else value
        try:
            if is_json(written) and holds_numbers(written, plain):
                return written
            again = loads(node.serializer.to_json(value, by_alias=True, warnings=False).decode())
        except Exception:
            raise self.refuse(_NOT_JSON) from None
        if not (is_json(again) and holds_numbers(again, plain) and holds_numbers(again, written)):
            raise self.refuse(_NOT_JSON)
        return again

    def _as_python(self, node: Node, value: Any) -> Any:
        """The value serialized in Python mode; the value itself if that fails."""
        try:
            return node.serializer.to_python(value, by_alias=True, warnings=False)
        except Exception:  # for example, a set can't hold dicts
            return value

    def _closed(self, frame: Frame) -> list[Any]:
        """Validate a container that has closed. Its validators may change what is shown.

        Returns a list with its value; an empty list if it is left out.
        """
        if frame.dropped:
            self._stack.pop()
            return []
        node = frame.node
        if type(node) is Tagged:
            raise invalid(self._shown.named(frame.path), "does not say of which kind it is")
        for error in (frame.doubts or {}).values():
            raise error
        try:
            value = node.close.validate_python(frame.members())
        except ValidationError as error:
            names = {key: field.out or key for key, field in getattr(node, "keys", {}).items()}
            raise from_members(error, self._shown.named(frame.path), names) from None
        except SchemaError as error:
            self._stack.pop()
            self._leave_out(error, is_shown=not frame.hidden)
            return []
        except Exception:
            self._stack.pop()
            raise self.refuse(_NOT_VALID) from None
        self._stack.pop()
        self._settle(frame, value)
        return [value]

    def _settle(self, frame: Frame, value: Any) -> None:
        """Show a closed container as it is written, if that differs from what was shown of it."""
        node = frame.node
        if node.changing or type(node) is Model:
            written = self._written(node, value)
            if node.changing or frame.with_settled(written) != frame.shown:
                new = self._as_json(node, value, written)
                self._shown.settle(frame, frame.with_settled(new))
        elif frame.left_out:
            self._shown.settle(frame, frame.remaining())

    # -- the end -----------------------------------------------------------------------------

    def _end(self) -> None:
        key = self._shown.field.out
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
            self._shown.show(self._holder, self._written(root, result))
        self.done = True
