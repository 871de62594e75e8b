"""The `patch` of the `delta` view says in few bytes what operations do.

The changes inside a container may take more bytes than the whole container does, for example
when the defaults of a small object are filled in. Then the container is replaced. A reader that
is so far behind that operations were skipped is sent the whole state.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, TypeGuard

from app.partial.block import LARGE, Block, member
from app.partial.document import Document
from app.partial.error_detail import pointer
from app.partial.merge import merge
from app.partial.operation import Append, Operation, Path, Replace
from app.partial.value import dumps
from app.streams.log import Skipped

_PATH: Final = {"type": "string", "description": "A JSON Pointer to the place."}
_CHANGE: Final = {
    "type": "object",
    "properties": {
        "op": {
            "type": "string",
            "enum": ["add", "replace"],
            "description": "As RFC 6902 has it.",
        },
        "path": _PATH,
        "value": {},
    },
    "required": ["op", "path", "value"],
}
_APPEND: Final = {
    "type": "object",
    "properties": {
        "op": {
            "type": "string",
            "const": "append",
            "description": "To the string at `path`.",
        },
        "path": _PATH,
        "value": {"type": "string"},
    },
    "required": ["op", "path", "value"],
}
PATCH_JSON_SCHEMA: Final[dict[str, Any]] = {
    "type": "array",
    "items": {"$ref": "#/$defs/PatchOperation"},
    "minItems": 1,
    "$defs": {"PatchOperation": {"oneOf": [_CHANGE, _APPEND]}},
}
"""The JSON Schema of a `patch`."""

MEMBER_BYTES: Final = 4
"""The least that the JSON of a member takes beside its value: `"":` and a comma."""

_Part = tuple[Path, bytes]

MANY: Final = 3
"""A list may be replaced as a whole if it has at least this many changes. Fewer changes are sent
one by one, so that a reader keeps its other elements. For an object, two changes are enough."""


def are_known(operations: Sequence[Operation | Skipped]) -> TypeGuard[Sequence[Operation]]:
    """Whether none was skipped. Else the whole state is what a reader can be sent."""
    return not any(isinstance(one, Skipped) for one in operations)


def patch(operations: Sequence[Operation | Skipped], document: Document) -> bytes:
    """The JSON of the merged operations.

    document: the state after them
    """
    if not are_known(operations):
        return b'[{"op":"replace","path":"","value":%b}]' % document.encode()
    pointers = Pointers()
    merged = merge(operations)
    parts = [(operation.path, written(operation, pointers)) for operation in merged]
    if len(parts) > 1:
        parts = _Containers(document, pointers).reduce(parts)
    return b"[%b]" % b",".join(json for _, json in parts)


class Pointers:
    """Writes paths as JSON Pointers. The part that a path shares with the last one is reused."""

    def __init__(self) -> None:
        self._parent: Path = ()
        self._written = b'"'

    def write(self, path: Path) -> bytes:
        """The JSON of the pointer to a place."""
        if not path:
            return b'""'
        if path[:-1] != self._parent:
            self._parent = path[:-1]
            self._written = dumps(pointer(self._parent))[:-1]
        last = path[-1]
        if isinstance(last, int):
            return b'%b/%d"' % (self._written, last)
        return self._written + dumps(pointer((last,)))[1:]


def written(operation: Operation, pointers: Pointers) -> bytes:
    """An operation as RFC 6902 writes it; `append` is ours."""
    name = b"append" if isinstance(operation, Append) else None
    name = name or (b"replace" if isinstance(operation, Replace) else b"add")
    path = pointers.write(operation.path)
    return b'{"op":"%b","path":%b,"value":%b}' % (name, path, dumps(operation.value))


class _Group:
    """Changes inside one container.

    settled: whether it is decided that the container is replaced or not
    """

    def __init__(self, parts: list[_Part]) -> None:
        self.parts = parts
        self.settled = len(parts) == 1


class _Containers:
    """Replaces containers, the innermost first, where that is shorter."""

    def __init__(self, document: Document, pointers: Pointers) -> None:
        self._document = document
        self._pointers = pointers

    def reduce(self, parts: list[_Part]) -> list[_Part]:
        groups = [_Group([part]) for part in parts]
        shared = [_shared(one[0], other[0]) for one, other in pairwise(parts)]
        lengths = set(shared)
        for length in range(max(lengths), -1, -1):
            if length in lengths:
                groups, shared = _joined(groups, shared, length)
            elif all(group.settled for group in groups):
                continue
            for group in groups:
                if not group.settled:
                    self._replace(group, length)
        return [part for group in groups for part in group.parts]

    def _replace(self, group: _Group, length: int) -> None:
        """Replace the container of a group, at a depth of `length` steps, if that is shorter."""
        path = group.parts[0][0][:length]
        value = self._document.value
        for step in path:
            value = member(value, step)
        if isinstance(value, list) and len(group.parts) < MANY:
            return
        group.settled = True  # if this container is too long, so is each one around it
        room = sum(len(json) + 1 for _, json in group.parts)
        if not _is_longer(value, room):
            json = written(Replace(path, value), self._pointers)
            if len(json) < room:
                group.parts = [(path, json)]


def _shared(one: Path, other: Path) -> int:
    """How many steps two paths have in common, from the root."""
    if one[:-1] == other[:-1]:
        return len(one) - 1
    for count, (step, its) in enumerate(zip(one, other, strict=False)):
        if step != its:
            return count
    return min(len(one), len(other))


def _joined(groups: list[_Group], shared: list[int], length: int) -> tuple[list[_Group], list[int]]:
    """Join neighbours whose paths share `length` steps.

    shared: how many steps each group shares with the next
    Gives the joined groups, and how many steps each of them shares with the next.
    """
    joined, between = [groups[0]], []
    new = groups[0]
    for group, common in zip(groups[1:], shared, strict=True):
        if common < length:
            new = group
            joined.append(new)
            between.append(common)
            continue
        if new.settled:
            new = joined[-1] = _Group(list(new.parts))
            new.settled = False
        new.parts += group.parts
    return joined, between


def _is_longer(value: Any, room: int) -> bool:
    """Whether a value's JSON is certainly longer than `room`. Reads no more than is needed."""
    stack = [value]
    while stack and room >= 0:
        found = stack.pop()
        if isinstance(found, Block):
            room -= LARGE if found.json is None else len(found.json)
        elif isinstance(found, dict | list):
            inside = found.values() if isinstance(found, dict) else found
            room -= (MEMBER_BYTES if isinstance(found, dict) else 1) * len(inside) + 1
            if room < len(inside):  # each takes a byte at least
                return True
            stack.extend(inside)
        elif hasattr(found, "__len__"):
            room -= len(found) + 2
        else:
            room -= 1
    return room < 0
