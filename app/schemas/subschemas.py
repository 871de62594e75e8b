"""The schemas inside a JSON Schema (2020-12, section 10). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

Json = dict[str, Any]

BY_NAME: Final = frozenset({"$defs", "properties", "patternProperties", "dependentSchemas"})
"""Keywords whose value holds schemas by name."""

IN_LISTS: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
"""Keywords whose value is a list of schemas."""

ALONE: Final = frozenset(
    {"items", "additionalProperties", "propertyNames", "contentSchema", "contains", "not"}
)
"""Keywords whose value is a schema, or a boolean."""


def mapped(schema: Json, change: Callable[[Json], Any]) -> Json:
    """A copy of a schema in which each schema directly inside it is changed."""
    return {key: _mapped(key, value, change) for key, value in schema.items()}


def _mapped(key: str, value: Any, change: Callable[[Json], Any]) -> Any:
    if key in BY_NAME and isinstance(value, dict):
        return {name: _changed(part, change) for name, part in value.items()}
    if key in IN_LISTS and isinstance(value, list):
        return [_changed(part, change) for part in value]
    return _changed(value, change) if key in ALONE else value


def _changed(part: Any, change: Callable[[Json], Any]) -> Any:
    return change(part) if isinstance(part, dict) else part


def inside(schema: Json) -> Iterator[Json]:
    """The schemas directly inside a schema."""
    found: list[Json] = []

    def take(part: Json) -> Json:
        found.append(part)
        return part

    mapped(schema, take)
    yield from found


def everywhere(schema: Json) -> Iterator[Json]:
    """A schema and all that are inside it, at any depth."""
    yield schema
    for part in inside(schema):
        yield from everywhere(part)


def target(root: Json, schema: Json) -> Json:
    """The definition that a schema refers to (`#/$defs/Name`)."""
    name = schema["$ref"].rsplit("/", 1)[-1].replace("~1", "/").replace("~0", "~")
    found: Json = root["$defs"][name]
    return found


def with_root(schema: Json) -> Json:
    """A schema whose root is what it refers to: that of a recursive class is a reference."""
    if "$ref" not in schema:
        return schema
    beside = {key: schema[key] for key in schema if key != "$ref"}
    return with_root({**target(schema, schema), **beside})


def wrapped(key: str, schema: Json) -> Json:
    """The schema of an object with one property, which is of this schema."""
    inner = {name: schema[name] for name in schema if name != "$defs"}
    definitions = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    root = {"type": "object", "properties": {key: inner}, "required": [key]}
    return {**root, "additionalProperties": False, **definitions}
