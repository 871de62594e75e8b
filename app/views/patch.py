"""The `patch` of the `delta` view says in few bytes what operations do.

The changes inside a container may take more bytes than the whole container does, for example
when the defaults of a small object are filled in. Then the container is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final

from app.partial.error_detail import pointer
from app.partial.merge import merge
from app.partial.operation import Append, Operation, Path, Replace
from app.partial.value import dumps

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

_Part = tuple[Path, bytes]

MANY = 3
"""So many changes inside a list may become its replacement. Fewer are sent as they are: a reader
then keeps the other elements. In an object two are enough."""


def patch(operations: Iterable[Operation], value: Any) -> bytes:
    """The JSON of what operations come to. value: the state that they lead to"""
    parts = [(operation.path, _json(operation)) for operation in merge(operations)]
    if len(parts) > 1:
        for length in range(max(len(path) for path, _ in parts) - 1, -1, -1):
            parts = _with_containers(parts, length, value)
    return b"[%b]" % b",".join(json for _, json in parts)


def _json(operation: Operation) -> bytes:
    """An operation as RFC 6902 writes it. `append` is not in the RFC."""
    name = "append" if isinstance(operation, Append) else None
    name = name or ("replace" if isinstance(operation, Replace) else "add")
    return dumps({"op": name, "path": pointer(operation.path), "value": operation.value})


def _with_containers(parts: list[_Part], length: int, value: Any) -> list[_Part]:
    """Replace each container whose path has this length, if its replacement is shorter."""
    out: list[_Part] = []
    for path, group in groupby(parts, lambda part: part[0][:length]):
        inside = list(group)
        whole = None
        if len(inside) > 1 and all(len(place) > length for place, _ in inside):
            whole = _whole(path, value, inside)
        out += inside if whole is None else [(path, whole)]
    return out


def _whole(path: Path, value: Any, inside: list[_Part]) -> bytes | None:
    """The replacement of the container at `path`, if it is shorter than what is done inside."""
    for step in path:
        value = value[step]
    room = sum(len(json) + 1 for _, json in inside)
    if (isinstance(value, list) and len(inside) < MANY) or _is_longer(value, room):
        return None
    json = _json(Replace(path, value))
    return json if len(json) < room else None


def _is_longer(value: Any, room: int) -> bool:
    """Whether a value's JSON is certainly longer; looks at no more of it than is needed."""
    stack = [value]
    while stack and room >= 0:
        found = stack.pop()
        if isinstance(found, str):
            room -= len(found) + 2
        elif isinstance(found, dict | list):
            room -= len(found) + 1
            if room >= 0:
                stack.extend(found.values() if isinstance(found, dict) else found)
        else:
            room -= 1
    return room < 0
