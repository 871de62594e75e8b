"""The `text` view: the result's own JSON text, as it is appended.

What text-stream clients read (the AI SDK's `useObject` among them). As text can't be taken
back, only what is certain to stay is written: a string as it grows, anything else once it is
complete, and what a validator or serializer may still change once its object has closed.
An object is known to have closed when something is written outside of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.event import Closed, Done, Entry, Failed, Restart, Spent
from app.partial.node import Dict, Leaf, List, Model, Node, String, Tagged
from app.partial.operation import Path
from app.partial.value import dumps
from app.wire.message import Message
from app.wire.view import Followed

MEDIA_TYPE = "text/plain"
HEADERS: dict[str, str] = {}
PING = b""


def encode(message: Message) -> bytes:
    """The text itself: there is no framing, and so no heartbeat either."""
    return message.data


class CannotTakeBack(Exception):
    """What has been written turned out to be wrong: the response must end abruptly."""


class Text:
    """One message for all the text since the last. Raises `CannotTakeBack`."""

    name = "text"

    def __init__(self, plan: Node) -> None:
        self._plan = plan
        self._writer = TextWriter(plan)

    def start(self, run: Followed, position: int) -> list[Message]:
        return []

    def messages(self, run: Followed, entries: Sequence[Entry], position: int) -> list[Message]:
        text: list[bytes] = []
        for entry in _of_last_attempt(entries, self._writer.begun):
            match entry:
                case Failed():
                    raise CannotTakeBack
                case Done():
                    text.append(self._writer.finish(run.document.value))
                case Spent() | Restart() | Closed():
                    pass
                case _:
                    text.append(self._writer.move(entry.path, run.document.value))
        whole = b"".join(text)
        return [Message(None, whole)] if whole else []


def _of_last_attempt(entries: Sequence[Entry], begun: bool) -> Sequence[Entry]:
    restarts = [index for index, entry in enumerate(entries) if isinstance(entry, Restart)]
    if restarts and begun:
        raise CannotTakeBack
    return entries[restarts[-1] + 1 :] if restarts else entries


class _Open:
    """A container that has been begun: what of it is written."""

    __slots__ = ("count", "node", "path", "written")

    def __init__(self, path: Path, node: Node) -> None:
        self.path = path
        self.node = node
        self.count = 0
        self.written: set[str | int] = set()

    def separator(self) -> bytes:
        self.count += 1
        return b"," if self.count > 1 else b""


class TextWriter:
    """The state of a value, time and again; its JSON text, a piece at a time."""

    def __init__(self, plan: Node) -> None:
        self._plan = plan
        self._stack: list[_Open] = []
        self._string: tuple[Path, int] | None = None  # the one being written, and its length
        self._value: Any = None
        self._out: list[bytes] = []
        self.begun = False

    def move(self, path: Path, value: Any) -> bytes:
        """Something was done at `path`, and the state is (at least as new as) `value`."""
        self._value = value
        if self._string is not None:
            self._grow(ended=self._string[0] != path)
        if self._string is None and not _changes(self._plan):
            self._leave(path)
            self._enter(path)
        return self._take()

    def finish(self, value: Any) -> bytes:
        """The value is final: the rest of its text."""
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
        if not self._stack:
            if not isinstance(self._value, dict | list):
                return
            self._begin((), self._plan)
        while len(self._stack[-1].path) < len(path):
            top = self._stack[-1]
            step = path[len(top.path)]
            if step in top.written:
                return
            value = self._at(top.path)
            node = _child(top.node, step, value[step])
            if node is None or _changes(node):
                return
            self._name(top, step, value)
            if isinstance(value[step], dict | list) and not isinstance(node, Leaf):
                self._begin((*top.path, step), node)
            elif isinstance(node, String) and isinstance(value[step], str):
                self._out.append(b'"')
                self._string = ((*top.path, step), 0)
                self._grow(ended=False)
                return
            else:
                self._out.append(dumps(value[step]))
                return

    def _name(self, top: _Open, step: str | int, value: Any) -> None:
        """What comes before a member; of a list, all the elements before it."""
        if isinstance(step, int):
            for index in range(top.count, step):
                self._out += [top.separator(), dumps(value[index])]
            self._out.append(top.separator())
        else:
            self._out += [top.separator(), dumps(step), b":"]
        top.written.add(step)

    def _begin(self, path: Path, node: Node) -> None:
        self._out.append(b"[" if isinstance(self._at(path), list) else b"{")
        self._stack.append(_Open(path, node))

    def _close(self, top: _Open) -> None:
        value = self._at(top.path)
        if isinstance(value, list):
            for index in range(top.count, len(value)):
                self._out += [top.separator(), dumps(value[index])]
            self._out.append(b"]")
            return
        for key, member in value.items():
            if key not in top.written:
                self._out += [top.separator(), dumps(key), b":", dumps(member)]
        self._out.append(b"}")

    def _grow(self, *, ended: bool) -> None:
        """Write what is new of the string being written."""
        assert self._string is not None
        path, length = self._string
        text: str = self._at(path)
        self._out.append(dumps(text[length:])[1:-1])
        self._string = (path, len(text))
        if ended:
            self._out.append(b'"')
            self._string = None

    def _at(self, path: Path) -> Any:
        value = self._value
        for step in path:
            value = value[step]
        return value


def _child(node: Node, step: str | int, value: Any) -> Node | None:
    """The node of a member, None where that isn't certain."""
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
        field = model.keys.get(node.tag) if isinstance(model, Model) else None
        if field is not None and field.out in value and value[field.out] == tag:
            return model
    return None


def _changes(node: Node) -> bool:
    """Whether what is shown here may still change when it, or what holds it, closes."""
    return bool(getattr(node, "changing", False) or node.deferred)
