"""The examples of fields in a JSON Schema: each must be one that its field takes. Pure.

Kinds, words of enums, bounds of numbers and lengths of strings are looked at. What only a
validator of the schema's own could refuse is not.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from app.schemas.subschemas import IN_LISTS, Json, inside, target

KINDS: Final[dict[type, str]] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}
_ALL: Final = frozenset(KINDS.values())


class Fault(NamedTuple):
    """What is wrong with an example, and which field or class it is of."""

    name: str
    reason: str


def fault(root: Json) -> Fault | None:
    """The first example that its field can't take; None if all are right."""
    for name, schema in _named(root, root.get("title", "the result")):
        examples = schema.get("examples", [])
        if not isinstance(examples, list):
            return Fault(name, f"the examples of {name} are {examples!r}, and no list")
        allowed = _kinds(root, schema) if examples else _ALL
        for index, example in enumerate(examples):
            if not _is_of(example, allowed):
                expected = " or ".join(sorted(allowed))
                reason = f"examples[{index}] of {name} is {example!r}, and no {expected}"
                return Fault(name, reason)
            if not _takes(root, schema, example):
                return Fault(name, f"examples[{index}] of {name} is {example!r}, which it refuses")
    return None


def _named(schema: Json, name: str) -> Iterator[tuple[str, Json]]:
    """A schema and all that are inside it, with the name of the field or class that each is of."""
    yield name, schema
    properties = schema.get("properties", {})
    definitions = schema.get("$defs", {})
    for key, part in (*properties.items(), *definitions.items()):
        if isinstance(part, dict):
            yield from _named(part, key)
    for part in inside({k: v for k, v in schema.items() if k not in ("properties", "$defs")}):
        yield from _named(part, name)


def _is_of(example: object, allowed: frozenset[str]) -> bool:
    kind = KINDS[type(example)]
    if kind == "integer":
        return not allowed.isdisjoint({"integer", "number"})
    if isinstance(example, float) and example.is_integer():
        return not allowed.isdisjoint({"integer", "number"})
    return kind in allowed


def _takes(root: Json, schema: Json, example: Any) -> bool:
    """Whether a schema takes an example of a kind that it allows, as far as that is easily seen."""
    if "$ref" in schema:
        return _takes(root, target(root, schema), example)
    for choices in IN_LISTS & {"anyOf", "oneOf"} & schema.keys():
        return any(
            _is_of(example, _kinds(root, choice)) and _takes(root, choice, example)
            for choice in schema[choices]
        )
    if "const" in schema or "enum" in schema:
        return example in schema.get("enum", [schema.get("const")])
    # The lengths of texts with a format may be those of what they stand for, such as bytes.
    bounds = {} if "format" in schema else _BOUNDS.get(KINDS[type(example)], {})
    return all(fits(example, schema[key]) for key, fits in bounds.items() if key in schema)


_LENGTHS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "minLength": lambda text, least: len(text) >= least,
    "maxLength": lambda text, most: len(text) <= most,
}
_RANGE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}
_BOUNDS: Final = {"string": _LENGTHS, "integer": _RANGE, "number": _RANGE}
"""The bounds that a value of a kind has to keep, by their keywords."""


def _kinds(root: Json, schema: Json) -> frozenset[str]:
    """The kinds of JSON values that a schema allows, as far as that is easily seen."""
    if "$ref" in schema:
        return _kinds(root, target(root, schema))
    if "const" in schema or "enum" in schema:
        return frozenset(KINDS[type(v)] for v in schema.get("enum", [schema.get("const")]))
    for choices in IN_LISTS & {"anyOf", "oneOf"} & schema.keys():
        return frozenset().union(*(_kinds(root, choice) for choice in schema[choices]))
    kind = schema.get("type", _ALL)
    return frozenset([kind]) if isinstance(kind, str) else frozenset(kind)
