"""The state that operations make, and its JSON bytes.

Serializing the whole value for each message would cost time in proportion to its length. So the
finished parts are serialized once. The *spine* is the path to the value that is being written.
Each level of the spine keeps the bytes before and after its open member, and only that member is
serialized again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from itertools import takewhile
from typing import Any

import msgspec

from app.partial.block import Block, folded_index, member
from app.partial.growing import Growing, grown
from app.partial.operation import Add, Append, Operation, Path
from app.partial.value import copy, dumps


class Document:
    """A value in the making. `known` is False until its first operation.

    value: JSON that may hold `Block`s and `Growing` strings
    tip: the path of the last operation
    """

    def __init__(self) -> None:
        self._value: Any = None
        self._packed: bytes | None = None
        self.known = False
        self.tip: Path = ()
        self._spine: list[_Level] = []
        self._text: _OpenText | None = None  # the long string at the end of the spine

    @property
    def value(self) -> Any:
        if self._packed is not None:
            self._value, self._packed = msgspec.json.decode(self.encode()), None
        return self._value

    def apply(self, operations: Iterable[Operation]) -> None:
        """Apply operations in order. Their values are copied, so the caller may change them."""
        for operation in operations:
            self._go(operation)
            value = copy(operation.value)
            if operation.path:
                self._change(operation, value)
            else:
                appends = isinstance(operation, Append)
                self._value = grown(self.value, value) if appends else value
                self._packed, self.known = None, True

    def _change(self, operation: Operation, value: Any) -> None:
        *way, last = operation.path
        container = self.value
        for step in way:
            container = member(container, step)
        change(container, last, operation, value)

    def adopt(self, value: Any, operations: Iterable[Operation]) -> None:
        """Use the state of a decoder, which has applied these operations itself."""
        self._value, self.known = value, True
        for operation in operations:
            self._go(operation)

    def _go(self, operation: Operation) -> None:
        """Move the tip to the operation's path. Drop the levels whose bytes it makes wrong."""
        path = self.tip = operation.path
        if not isinstance(operation, Append):
            self._text = None  # the string is complete, or replaced
        for depth, (level, step) in enumerate(zip(self._spine, path, strict=False)):
            if isinstance(level, _ListLevel) or level.key == step:
                continue
            if isinstance(operation, Add) and depth == len(path) - 1:
                level.newest = step
            elif level.newest != step:
                del self._spine[depth:]
            return

    def pack(self) -> None:
        """Compress the document, because it will not change any more. `value` decompresses it."""
        if self.known and self._packed is None:
            self._packed = zlib.compress(self.encode(), 1)
            self._value, self._spine, self._text = None, [], None

    @property
    def size(self) -> int:
        """Bytes in memory of a packed value; 0 if it is not packed."""
        return len(self._packed or b"")

    def clear(self) -> None:
        """Forget everything: another attempt begins."""
        self.__init__()  # type: ignore[misc]

    def encode(self) -> bytes:
        """The value as compact JSON, one line of UTF-8."""
        if self._packed is not None:
            return zlib.decompress(self._packed)
        return b"".join(self.parts())

    def parts(self) -> list[bytes | bytearray]:
        """The JSON of a value that is not packed, in parts, of which only the new ones are made."""
        levels = self._levels()
        found: list[bytes | bytearray] = []
        for level in levels:
            found += level.before
        found += self._open(levels[-1].member if levels else self._value)
        found += [level.after for level in reversed(levels)]
        return found

    def _open(self, value: Any) -> list[bytes | bytearray]:
        """The JSON of the value at the end of the spine."""
        if not isinstance(value, Growing):
            self._text = None
            return [dumps(value)]
        if self._text is None or self._text.text is not value:
            self._text = _OpenText(value)
        return [self._text.update(), b'"']

    def _levels(self) -> list[_Level]:
        """The present spine. A level stays as long as its open member is the same."""
        container = self._value
        spine: list[_Level] = []
        for depth, step in enumerate(self.tip):
            known = self._spine[depth] if depth < len(self._spine) else None
            if not isinstance(container, dict | list) or not container:
                break
            level: _Level
            if isinstance(container, list):
                if isinstance(known, _ListLevel) and known.container is container:
                    level = known
                else:
                    level = _ListLevel(container)
                level.update()
            elif isinstance(known, _ObjectLevel) and known.is_of(container, step):
                level = known
            elif step in container:
                level = _ObjectLevel(container, step)
            else:
                break
            if level is not known:
                del self._spine[depth:]
            spine.append(level)
            container = level.member
        self._spine = spine
        return spine


def change(container: Any, last: Any, operation: Operation, value: Any) -> None:
    """Apply an operation to the member `last` of a container. `value` now belongs to it."""
    if isinstance(container, list):
        if isinstance(operation, Add):
            container.append(value)
            return
        last = folded_index(container, last)
    if isinstance(operation, Append):
        value = grown(container[last], value)
    container[last] = value


class _OpenText:
    """The JSON of a long string that grows, without the quote at its end."""

    def __init__(self, text: Growing) -> None:
        self.text = text
        self._json = bytearray(b'"')
        self._written = 0

    def update(self) -> bytearray:
        new = self.text.since(self._written)
        self._json += dumps(new)[1:-1]
        self._written += len(new)
        return self._json


class _ListLevel:
    """The level of an open list. Only its last element may still change."""

    after = b"]"

    def __init__(self, container: list[Any]) -> None:
        self.container = container
        self._blocks = 0  # how many blocks are written
        self._folded: list[bytes] = []  # their JSON, with a comma after each
        self._rest = bytearray()  # the JSON of the finished elements after the blocks
        self._written = 0

    @property
    def member(self) -> Any:
        return self.container[-1]

    @property
    def before(self) -> list[bytes | bytearray]:
        return [b"[", *self._folded, self._rest]

    def update(self) -> None:
        container = self.container
        while self._blocks < len(container) - 1 and type(container[self._blocks]) is Block:
            block = container[self._blocks]
            self._folded += (block.json or dumps(block), b",")
            self._blocks += 1
            self._rest.clear()
            self._written = self._blocks
        finished = len(container) - 1
        if finished > self._written:
            self._rest += dumps(container[self._written : finished])[1:-1] + b","
            self._written = finished


class _ObjectLevel:
    """The level of an open object. Only its member `key` may change; if another one changes, the
    level is dropped.

    newest: the key that was added last
    """

    def __init__(self, container: dict[str, Any], key: Any) -> None:
        self.container = container
        self.key = self.newest = key
        keys = list(container)
        at = keys.index(key)
        after = dumps({name: container[name] for name in keys[at + 1 :]})[1:]
        self._is_last = after == b"}"
        self.after = after if self._is_last else b"," + after
        self._members = bytearray(dumps({name: container[name] for name in keys[:at]})[:-1])
        self._open()

    def _open(self) -> None:
        if len(self._members) > 1:
            self._members += b","
        self._members += dumps(self.key) + b":"

    @property
    def before(self) -> list[bytes | bytearray]:
        return [self._members]

    @property
    def member(self) -> Any:
        return self.container[self.key]

    def is_of(self, container: object, key: object) -> bool:
        """Whether this is the level of a key: its own, or a new one to which it can move on."""
        if self.container is not container:
            return False
        if self._is_last and self.key != key and next(reversed(self.container)) == key:
            self._go_on()
        return bool(self.key == key)

    def _go_on(self) -> None:
        """The open member is finished, and others were added after it: move on to the last one."""
        added = list(takewhile(lambda key: key != self.key, reversed(self.container)))
        self._members += dumps(self.member)
        for self.key in reversed(added):
            self._open()
            if self.key is not added[0]:
                self._members += dumps(self.member)


_Level = _ListLevel | _ObjectLevel
