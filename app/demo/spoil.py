"""Makes a right answer wrong, for the demo models that violate the schema. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from app.demo.text import Node, resolve, type_names, types

NOTHING: Final = object()
"""The result of `spoil` if the schema allows every value."""

Place = Callable[[int], int]
"""Gives the index of an element by the length of its list."""


def second(length: int) -> int:
    """The index of the second element, or of the only one."""
    return min(1, length - 1)


def late(length: int) -> int:
    """The index of an element after three quarters of a list."""
    return length - 1 - length // 4


def spoil(schema: object, value: Any, at: Place = second) -> Any:
    """Put one violation of the schema into a valid value. Returns NOTHING if none is possible.

    at: which element of a list to spoil, by the list's length

    The violation comes late, so that readers see something good before it: not in the first
    element of a list, and in a later field of an object. The first choice is a string over its
    bound, then a wrong type, then a missing field.
    """
    return _spoil(schema, schema, value, at)


def _spoil(root: object, schema: object, value: Any, at: Place) -> Any:
    node, _ = resolve(root, schema)
    spoiled: Any = NOTHING
    if isinstance(value, list) and value and "items" in node:
        index = at(len(value))
        spoiled = _spoil(root, node["items"], value[index], at)
        if spoiled is not NOTHING:
            return [*value[:index], spoiled, *value[index + 1 :]]
    elif isinstance(value, dict) and "properties" in node:
        spoiled = _spoil_object(root, node, value, at)
    elif isinstance(value, str) and _bounded(node):
        spoiled = _lengthen(value, node["maxLength"])
    return spoiled if spoiled is not NOTHING else _wrong_type(types(root, node))


def _spoil_object(root: object, node: Node, value: Node, at: Place) -> Any:
    schemas = node["properties"]
    names = [name for name in value if name in schemas]
    for name in _late_first(root, schemas, names):
        spoiled = _spoil(root, schemas[name], value[name], at)
        if spoiled is not NOTHING:
            return {**value, name: spoiled}
    for name in reversed([name for name in names if name in node.get("required", ())]):
        return {key: kept for key, kept in value.items() if key != name}
    return NOTHING


def _late_first(root: object, schemas: Node, names: list[str]) -> Iterable[str]:
    """The order in which to try fields: lists, bounded strings, the rest, the first field."""

    def rank(name: str) -> tuple[bool, bool, bool, int]:
        node, _ = resolve(root, schemas[name])
        listed = node.get("type") == "array"
        return name == names[0], not listed and not _bounded(node), not listed, -names.index(name)

    return sorted(names, key=rank)


def _bounded(node: Node) -> bool:
    """Whether the node is a string whose greatest length is small enough to exceed."""
    return "maxLength" in node and "format" not in node and node["maxLength"] <= 1000


def _lengthen(text: str, bound: int) -> str:
    more = f"{text or 'And so on.'} And there is a good deal more to say about it. "
    return f"{more * (bound // len(more) + 1)}That is all."


def _wrong_type(allowed: frozenset[str]) -> Any:
    wrong = ({"unexpected": True}, "not what was asked for", ["not what was asked for"], None)
    return next((w for w in wrong if type_names[type(w)] not in allowed), NOTHING)
