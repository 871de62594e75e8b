"""The operations of the `delta` view: RFC 6902's `add` and `replace`, and `append`.

Values are not changed in place, so they may be kept. Parts that an operation does not touch are
not copied: an element that did not change stays the same object.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Path = tuple[str | int, ...]
"""Keys and indices from the root; `()` is the whole value."""


def apply(value: Any, operations: Iterable[dict[str, Any]]) -> tuple[Any, Path]:
    """The value that the operations make, and the path that is being written.

    Raises LookupError, TypeError or ValueError for operations that don't fit the value.
    """
    own: set[int] = set()  # the ids of the containers that this call has made and may change
    path: Path = ()
    for operation in operations:
        way: list[str | int] = []
        value = _changed(value, steps(operation["path"]), operation, own, way)
        path = tuple(way)
        if operation["op"] != "append":
            path = tip(operation["value"], path)
    return value, path


def tip(value: Any, path: Path = ()) -> Path:
    """The path at which a value is probably being written: that of its last known string.

    Other values are complete when they are shown. If the last known value is not a string, or
    nothing is known, it is the path of the container.
    """
    if isinstance(value, str):
        return path
    if isinstance(value, list):
        return tip(value[-1], (*path, len(value) - 1)) if value else path
    if isinstance(value, dict):
        for key in reversed(value):
            if is_known(value[key]):
                return tip(value[key], (*path, key))
        return path
    return path[:-1]


def is_known(value: Any) -> bool:
    """Whether anything of a value has come."""
    if isinstance(value, dict):
        return any(map(is_known, value.values()))
    return len(value) > 0 if isinstance(value, list) else value is not None


def steps(pointer: str) -> list[str]:
    """The steps of a JSON Pointer. https://www.rfc-editor.org/rfc/rfc6901"""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _changed(
    node: Any, steps: list[str], operation: dict[str, Any], own: set[int], way: list[str | int]
) -> Any:
    """`node` after the operation. The operation's path is appended to `way`, step by step."""
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
