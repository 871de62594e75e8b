"""The `text` view: the result's own JSON text, as it is appended.

Clients of text streams read it, such as the AI SDK's `useObject`. Text can't be taken back, so
only what is certain to stay is written. A string is written as it grows, anything else once it
is complete. What a validator or serializer may still change is written once its object has
closed, which is known when something is written outside of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.partial.node import Dict, Leaf, List, Model, Node, Tagged
from app.partial.operation import Path
from app.partial.value import dumps
from app.streams.log_entry import Failed, LogEntry
from app.views.followed import Followed
from app.views.message import Message
from app.views.summary import summarize


class CannotTakeBack(Exception):
    """What has been written turned out to be wrong: the response must end abruptly."""


class TextView:
    """Makes one message of all the text since the last. Raises `CannotTakeBack`."""

    def __init__(self, plan: Node) -> None:
        self._plan = plan
        self._writer = TextWriter(plan)

    def start(self, run: Followed, position: int) -> list[Message]:
        return []

    def messages(self, run: Followed, entries: Sequence[LogEntry], position: int) -> list[Message]:
        restart, operations, _, end = summarize(entries)
        if isinstance(end, Failed) or (restart and self._writer.begun):
            raise CannotTakeBack
        text = b""
        if operations:
            text = self._writer.move(operations[-1].path, run.document.value)
        if end is not None:
            text += self._writer.finish(run.document.value)
        return [Message(None, text)] if text else []


class _Open:
    """A container whose text has begun, and what of it is written."""

    __slots__ = ("count", "node", "path", "written")

    def __init__(self, path: Path, node: Node) -> None:
        self.path = path
        self.node = node
        self.count = 0
        self.written: dict[str, Any] = {}

    def has(self, step: str | int) -> bool:
        """Whether a member is written, or begun."""
        return step < self.count if isinstance(step, int) else step in self.written

    def separator(self) -> bytes:
        self.count += 1
        return b"," if self.count > 1 else b""


class TextWriter:
    """Takes the states of a value, one after another, and gives its JSON text in pieces."""

    def __init__(self, plan: Node) -> None:
        self._plan = plan
        self._stack: list[_Open] = []
        self._string: tuple[Path, str] | None = None  # the one being written, so far
        self._value: Any = None
        self._out: list[bytes] = []
        self.begun = False

    def move(self, path: Path, value: Any) -> bytes:
        """Take the state `value`, whose last change was at `path`; gives the text that is new."""
        self._value = value
        if self._string is not None:
            self._grow(ended=self._string[0] != path)
        if self._string is None and not _changes(self._plan):
            self._leave(path)
            self._enter(path)
        return self._take()

    def finish(self, value: Any) -> bytes:
        """Take the final value; gives the rest of its text."""
        self._value = value
        if self._string is not None:
            self._grow(ended=True)
        if not self._stack and not self.begun:
            self._out.append(dumps(value))
        while self._stack:
            self._close(self._stack.pop())
        return self._take()

    def _take(self) -> bytes:
        text = b"".join(self._out)
        self._out.clear()
        self.begun = self.begun or bool(text)
        return text

    def _leave(self, path: Path) -> None:
        """Close what is not on the way to `path`."""
        while self._stack and self._stack[-1].path != path[: len(self._stack[-1].path)]:
            self._close(self._stack.pop())

    def _enter(self, path: Path) -> None:
        """Begin what is on the way to `path`, and write what is there, if it is certain."""
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
        """Write the other members of an object: the change is elsewhere, so they are complete."""
        value = self._at(top.path)
        if isinstance(value, dict):
            for key in [key for key in value if key != step and self._is_known(top, key, value)]:
                self._name(top, key, value)
                self._out.append(dumps(value[key]))

    def _go_on(self) -> None:
        """Write what came together with the container that was reached.

        One of its strings or containers may still be growing. Which one is certain only if
        there is no other; else the next operation tells.
        """
        while True:
            top = self._stack[-1]
            value = self._at(top.path)
            if isinstance(value, list):
                steps: list[Any] = [len(value) - 1] if len(value) > top.count else []
            else:
                steps = [key for key in value if self._is_known(top, key, value)]
                growing = [key for key in steps if _grows(top.node, key, value[key])]
                for key in steps:
                    if key not in growing:
                        self._write_member(top, key)
                steps = growing
            if len(steps) != 1 or not self._write_member(top, steps[0]):
                return

    def _is_known(self, top: _Open, key: str, value: Any) -> bool:
        node = None if top.has(key) else _child(top.node, key, value[key])
        return node is not None and not _changes(node) and _has_content(value[key])

    def _write_member(self, top: _Open, step: str | int) -> bool:
        """Write a member, if it is certain. Whether it is a container, which is open now."""
        value = self._at(top.path)
        node = None if top.has(step) else _child(top.node, step, value[step])
        if node is None or _changes(node):
            return False
        self._name(top, step, value)
        return self._write((*top.path, step), node)

    def _write(self, path: Path, node: Node) -> bool:
        """Write what is at `path`, or begin to. Whether it is a container, which is open now."""
        value = self._at(path)
        if isinstance(node, Tagged):  # the root: a member's has been chosen
            node = _chosen(node, value) or node
        if isinstance(node, Leaf) or not isinstance(value, dict | list | str):
            if path:
                self._out.append(dumps(value))
            return False
        if isinstance(value, str):
            self._out.append(b'"')
            self._string = (path, "")
            self._grow(ended=False)
            return False
        self._begin(path, node)
        return True

    def _name(self, top: _Open, step: str | int, value: Any) -> None:
        """Write what stands before a member: its key, or the elements before it in a list."""
        if isinstance(step, int):
            for index in range(top.count, step):
                self._out += [top.separator(), dumps(value[index])]
            self._out.append(top.separator())
        else:
            self._out += [top.separator(), dumps(step), b":"]
            top.written[step] = value[step]

    def _begin(self, path: Path, node: Node) -> None:
        self._out.append(b"[" if isinstance(self._at(path), list) else b"{")
        self._stack.append(_Open(path, node))

    def _close(self, top: _Open) -> None:
        value = self._at(top.path)
        if self._stack and isinstance(top.path[-1], str):
            self._stack[-1].written[top.path[-1]] = value  # another object, if it was replaced
        if isinstance(value, list):
            for index in range(top.count, len(value)):
                self._out += [top.separator(), dumps(value[index])]
            self._out.append(b"]")
            return
        for key, member in value.items():
            if not top.has(key):
                self._out += [top.separator(), dumps(key), b":", dumps(member)]
            elif not _is_same(top.written[key], member):
                raise CannotTakeBack
        self._out.append(b"}")

    def _grow(self, *, ended: bool) -> None:
        """Write what is new of the string being written."""
        assert self._string is not None
        path, before = self._string
        text = self._at(path)
        if not isinstance(text, str) or not text.startswith(before):
            raise CannotTakeBack
        self._out.append(dumps(text[len(before) :])[1:-1])
        self._string = (path, text)
        if ended:
            self._out.append(b'"')
            self._string = None
            if self._stack and isinstance(path[-1], str):
                self._stack[-1].written[path[-1]] = text

    def _at(self, path: Path) -> Any:
        value = self._value
        for step in path:
            value = value[step]
        return value


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
    """Whether a member is still what was written of it.

    It may be another where the model has written it twice, under two of its names.
    """
    return written == member and type(written) is type(member)


def _grows(node: Node, step: str, value: Any) -> bool:
    """Whether a member is shown before it is complete."""
    return not isinstance(_child(node, step, value), Leaf) and isinstance(value, str | dict | list)


def _has_content(value: Any) -> bool:
    """Whether anything is known of a value. A container is there, empty, from the start."""
    if isinstance(value, dict):
        return any(map(_has_content, value.values()))
    return value is not None and value != []


def _changes(node: Node) -> bool:
    """Whether what is shown here may still change when it, or what holds it, closes."""
    return bool(getattr(node, "changing", False) or node.deferred)
