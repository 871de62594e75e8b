"""The operations of the `delta` view: RFC 6902's `add` and `replace`, and `append`.

Nothing is changed in place, and what an operation does not touch is not copied: a value may be
kept, and an element that stays as it was stays the same object.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Path = tuple[str | int, ...]
"""Keys and indices from the root; `()` is all of it."""


def apply(value: Any, operations: Iterable[dict[str, Any]]) -> tuple[Any, Path]:
    """The value that the operations make, and where it is being written.

    Raises LookupError, TypeError or ValueError for operations that don't fit the value.
    """
    own: set[int] = set()  # ids of containers that this call has made: they may be changed
    path: Path = ()
    for operation in operations:
        way: list[str | int] = []
        value = _changed(value, _steps(operation["path"]), operation, own, way)
        path = tuple(way)
        if operation["op"] != "append":
            path = tip(operation["value"], path)
    return value, path


def tip(value: Any, path: Path = ()) -> Path:
    """Where a value at `path` is being written, as far as it shows: at its last known string.

    What is no string comes complete: there, and where nothing is known, it is what is around.
    """
    if isinstance(value, str):
        return path
    if isinstance(value, list):
        return tip(value[-1], (*path, len(value) - 1)) if value else path
    if isinstance(value, dict):
        for key in reversed(value):
            if _is_known(value[key]):
                return tip(value[key], (*path, key))
        return path
    return path[:-1]


def _is_known(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_is_known, value.values()))
    return len(value) > 0 if isinstance(value, list) else value is not None


def _steps(pointer: str) -> list[str]:
    """The steps of a JSON Pointer. https://www.rfc-editor.org/rfc/rfc6901"""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _changed(
    node: Any, steps: list[str], operation: dict[str, Any], own: set[int], way: list[str | int]
) -> Any:
    """`node` with the operation done; `way` gets its path as keys and indices."""
    if not steps:
        return node + operation["value"] if operation["op"] == "append" else operation["value"]
    if not isinstance(node, dict | list):
        raise TypeError("an operation leads into what has no parts")
    key: Any = int(steps[0]) if isinstance(node, list) else steps[0]
    way.append(key)
    copy: Any = node if id(node) in own else node.copy()
    own.add(id(copy))
    is_last = len(steps) == 1 and operation["op"] == "add"
    if is_last and isinstance(copy, list):
        copy.insert(key, operation["value"])
    elif is_last:
        copy[key] = operation["value"]
    else:
        copy[key] = _changed(copy[key], steps[1:], operation, own, way)
    return copy
