"""The `text` view: the result's own JSON text, as it is appended.

Clients of text streams read it, such as the AI SDK's `useObject`. Text can't be taken back, so
only what is certain to stay is written. A string is written as it grows; anything else is written
when it is complete. What a validator or serializer may still change is written once its object
has closed. An object is known to have closed when there is a change outside of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from app.partial.block import Block, length, member, pieces
from app.partial.document import Document
from app.partial.growing import Growing
from app.partial.node import Dict, Leaf, List, Model, Node, Tagged
from app.partial.operation import Path
from app.partial.value import dumps
from app.streams.log import Unread
from app.streams.log_entry import Failed
from app.views.followed import Followed
from app.views.message import Message
from app.views.summary import summarize


class CannotTakeBack(Exception):
    """Text that was written has turned out to be wrong, so the response must be cut off."""


class TextView:
    """Makes one message of all the text since the last. Raises `CannotTakeBack`."""

    def __init__(self, plan: Node) -> None:
        self._plan = plan
        self._writer = TextWriter(plan)

    def start(self, stream: Followed, position: int) -> list[Message]:
        return []

    def messages(self, stream: Followed, entries: Sequence[Unread], position: int) -> list[Message]:
        summary = summarize(entries)
        operations, end = summary.operations, summary.end
        if isinstance(end, Failed) or (summary.restart and self._writer.begun):
            raise CannotTakeBack
        text = b""
        if end is not None:
            text = self._writer.finish(stream.document)
        elif operations:
            text = self._writer.move(stream.document)
        return [Message(None, text, open=self._writer.in_string)] if text else []


class _Open:
    """A container whose text has begun, with the members that are written.

    begun: the container whose text has begun. It may be replaced by another one
    count: how many members are written, or begun
    seen: how many members of a dict `new_keys` has given
    """

    __slots__ = ("begun", "count", "node", "path", "seen", "written")

    def __init__(self, path: Path, node: Node, begun: Any) -> None:
        self.path = path
        self.node = node
        self.begun = begun
        self.count = 0
        self.seen = 0
        self.written: dict[str, Any] = {}

    def new_keys(self, value: dict[str, Any]) -> list[str]:
        """The keys of a dict that are new since the last call. New keys are at its end."""
        keys = list(islice(reversed(value), len(value) - self.seen))
        self.seen = len(value) - 1  # the last one is still being written
        return keys[::-1]

    def takes(self, value: Any) -> bool:
        """Take the value that has replaced the container; false if it does not begin as written."""
        if type(value) is not type(self.begun):
            return False
        if isinstance(value, list):
            written, its = (pieces(whole, 0, self.count) for whole in (self.begun, value))
            is_same = dumps(written) == dumps(its)
        elif isinstance(self.node, Dict):
            is_same = all(
                key in value and _is_same(self.begun[key], value[key]) for key in self.written
            )
        else:
            is_same = self.written.keys() <= value.keys()  # `_close` compares the members
        self.begun = value
        return is_same

    def has(self, step: str | int) -> bool:
        """Whether a member is written, or begun."""
        return step < self.count if isinstance(step, int) else step in self.written

    def separator(self) -> bytes:
        self.count += 1
        return b"," if self.count > 1 else b""


class TextWriter:
    """Takes the states of a value, one after another, and returns its JSON text in pieces."""

    def __init__(self, plan: Node) -> None:
        self._plan = plan
        self._stack: list[_Open] = []
        self._string: tuple[Path, _Text] | None = None  # the string that is being written
        self._value: Any = None
        self._out: list[bytes] = []
        self.begun = False

    @property
    def in_string(self) -> bool:
        """Whether the text so far ends within a string."""
        return self._string is not None

    def move(self, document: Document) -> bytes:
        """Take the newest state. Returns the new text."""
        self._value, path = document.value, document.tip
        if self._string is not None:
            self._grow(ended=self._string[0] != path)
        if self._string is None and not _changes(self._plan):
            self._leave(path)
            self._enter(path)
        return self._take()

    def finish(self, document: Document) -> bytes:
        """Take the final state. Returns the rest of the text."""
        if not self.begun:
            return document.encode()
        self._value = document.value
        if self._string is not None:
            self._grow(ended=True)
        while self._stack:
            self._close(self._stack.pop())
        return self._take()

    def _take(self) -> bytes:
        text = b"".join(self._out)
        self._out.clear()
        self.begun = self.begun or bool(text)
        return text

    def _leave(self, path: Path) -> None:
        """Close the containers that `path` does not lead through."""
        while self._stack and self._stack[-1].path != path[: len(self._stack[-1].path)]:
            self._close(self._stack.pop())

    def _enter(self, path: Path) -> None:
        """Open the containers on the path, and write the value at its end if that is certain."""
        if not self._stack and not self._write((), self._plan):
            return
        while len(self._stack[-1].path) < len(path):
            top = self._stack[-1]
            step = path[len(top.path)]
            self._write_others(top, step)
            if not self._write_member(top, step):
                return
        self._go_on()

    def _write_others(self, top: _Open, step: str | int) -> None:
        """Write all members of an object but `step`. They are complete, as the change is there."""
        value = self._container(top)
        if isinstance(top.node, Dict):
            if not _changes(top.node.item):
                self._members(top, value, [key for key in top.new_keys(value) if key != step])
        elif isinstance(value, dict):
            for key in [key for key in value if key != step and self._is_known(top, key, value)]:
                self._name(top, key, value)
                self._out.append(dumps(value[key]))

    def _members(self, top: _Open, value: dict[str, Any], keys: Iterable[str]) -> None:
        """Write what is known of some complete members of a dict."""
        new = {key: value[key] for key in keys if key not in top.written}
        new = {key: found for key, found in new.items() if _has_content(found)}
        if new:
            self._out += [top.separator(), dumps(new)[1:-1]]
            top.count += len(new) - 1
            top.written.update(dict.fromkeys(new))

    def _go_on(self) -> None:
        """Write the members that came together with the innermost open container.

        One of the strings or containers among them may still be growing. If there is only one, it
        may grow. If there are several, only the next operation shows which one it is.
        """
        while True:
            top = self._stack[-1]
            value = self._container(top)
            if isinstance(value, list):
                count = length(value)
                steps: list[Any] = [count - 1] if count > top.count else []
            else:
                steps = [key for key in value if self._is_known(top, key, value)]
                growing = [key for key in steps if _grows(top.node, key, member(value, key))]
                for key in steps:
                    if key not in growing:
                        self._write_member(top, key)
                steps = growing
            if len(steps) != 1 or not self._write_member(top, steps[0]):
                return

    def _is_known(self, top: _Open, key: str, value: Any) -> bool:
        if top.has(key):
            return False
        found = member(value, key)
        node = _child(top.node, key, found)
        return node is not None and not _changes(node) and _has_content(found)

    def _write_member(self, top: _Open, step: str | int) -> bool:
        """Write a member if it is certain. Returns whether this has opened a container."""
        value = self._container(top)
        node = None if top.has(step) else _child(top.node, step, member(value, step))
        if node is None or _changes(node):
            return False
        self._name(top, step, value)
        return self._write((*top.path, step), node)

    def _write(self, path: Path, node: Node) -> bool:
        """Write what is at `path`, or its beginning. Returns whether this opened a container."""
        value = self._at(path)
        if isinstance(node, Tagged):  # only at the root; `_child` chooses the model of a member
            node = _chosen(node, value) or node
        if isinstance(node, Leaf) or not isinstance(value, dict | list | str | Growing):
            if path:
                self._out.append(dumps(value))
            return False
        if isinstance(value, str | Growing):
            self._out.append(b'"')
            self._string = (path, _Text())
            self._grow(ended=False)
            return False
        self._begin(path, node)
        return True

    def _name(self, top: _Open, step: str | int, value: Any) -> None:
        """Write what precedes a member: its key, or the elements before it in a list."""
        if isinstance(step, int):
            self._elements(top, value, step)
            self._out.append(top.separator())
        else:
            self._out += [top.separator(), dumps(step), b":"]
            top.written[step] = None if isinstance(top.node, Dict) else value[step]

    def _elements(self, top: _Open, value: list[Any], end: int) -> None:
        """Write the elements of a list from the first one that is not written to `end`."""
        if end > top.count:
            written = dumps(pieces(value, top.count, end))[1:-1]
            self._out += [top.separator(), written]
            top.count = end

    def _begin(self, path: Path, node: Node) -> None:
        value = self._at(path)
        self._out.append(b"[" if isinstance(value, list) else b"{")
        self._stack.append(_Open(path, node, value))

    def _close(self, top: _Open) -> None:
        value = self._container(top)
        if self._stack and isinstance(top.path[-1], str):
            self._stack[-1].written[top.path[-1]] = value
        if isinstance(value, list):
            self._elements(top, value, length(value))
            self._out.append(b"]")
            return
        if isinstance(top.node, Model) and not all(
            _is_same(written, value[key]) for key, written in top.written.items()
        ):
            raise CannotTakeBack
        missing = {key: value[key] for key in value if key not in top.written}
        if missing:
            self._out += [top.separator(), dumps(missing)[1:-1]]
        self._out.append(b"}")

    def _grow(self, *, ended: bool) -> None:
        """Write what is new of the string being written."""
        assert self._string is not None
        path, written = self._string
        text = self._at(path)
        self._out.append(dumps(written.rest(text))[1:-1])
        if ended:
            self._out.append(b'"')
            self._string = None
            if self._stack and isinstance(path[-1], str):
                self._stack[-1].written[path[-1]] = text

    def _container(self, top: _Open) -> Any:
        """The open container as it is now, which may be another one than was begun.

        It is if its object has closed, or if the model has written it twice, under two names.
        Raises `CannotTakeBack` if it does not begin with what was written.
        """
        value = self._at(top.path)
        if value is not top.begun and not top.takes(value):
            raise CannotTakeBack
        return value

    def _at(self, path: Path) -> Any:
        """What is at a path that was written. Raises `CannotTakeBack` if nothing is there now."""
        value = self._value
        try:
            for step in path:
                value = member(value, step)
        except (LookupError, TypeError):
            raise CannotTakeBack from None
        return value


class _Text:
    """A string that is being written, with the part that is written already."""

    def __init__(self) -> None:
        self._text: str | Growing = ""
        self._length = 0

    def rest(self, text: Any) -> str:
        """The part of the string that is not yet written.

        text: the string as it is now
        Raises `CannotTakeBack` if it does not begin with what was written.
        """
        if isinstance(text, Growing):
            self._check(text)
            rest = text.since(self._length)
        elif isinstance(text, str) and text.startswith(str(self._text)[: self._length]):
            rest = text[self._length :]
        else:
            raise CannotTakeBack
        self._text, self._length = text, len(text)
        return rest

    def _check(self, text: Growing) -> None:
        if text is not self._text and not str(text).startswith(str(self._text)):
            raise CannotTakeBack


def _child(node: Node, step: str | int, value: Any) -> Node | None:
    """The node of a member; None where it is not certain yet."""
    if isinstance(node, List | Dict):
        child: Node | None = node.item
    elif isinstance(node, Model):
        child = next((field.node for field in node.fields if field.out == step), None)
    else:
        child = None
    return _chosen(child, value) if isinstance(child, Tagged) else child


def _chosen(node: Tagged, value: Any) -> Node | None:
    """The model of a discriminated union, by the tag that is shown."""
    if not isinstance(value, dict):
        return None
    for tag, model in node.choices.items():
        keys = model.keys if isinstance(model, Model) else {}
        fields = [keys[name] for name in node.tags if name in keys]
        if any(field.out in value and value[field.out] == tag for field in fields):
            return model
    return None


def _is_same(written: Any, member: Any) -> bool:
    """Whether a member still has the value that was written.

    It does not if the model has written the member twice, under two of its names.
    """
    return written is member or dumps(written) == dumps(member)


def _grows(node: Node, step: str, value: Any) -> bool:
    """Whether a member is shown before it is complete."""
    return not isinstance(_child(node, step, value), Leaf) and isinstance(
        value, str | Growing | dict | list
    )


def _has_content(value: Any) -> bool:
    """Whether anything is known of a value. Empty containers don't count: they are always there."""
    if isinstance(value, Block):
        value = value.element(0)
    if isinstance(value, dict):
        return any(map(_has_content, value.values()))
    return value is not None and value != []


def _changes(node: Node) -> bool:
    """Whether a value may change after it was shown, when it closes or its object does."""
    return bool(getattr(node, "changing", False) or node.deferred)
