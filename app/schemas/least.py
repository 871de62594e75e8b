"""The least that a JSON Schema allows: a value to try something with."""

from __future__ import annotations

from typing import Any

from app.schemas.subschemas import Json, target


def least(root: Json, schema: Json) -> Any:
    """A short value of a schema, as far as that can be told without regard to patterns."""
    if "$ref" in schema:
        return least(root, target(root, schema))
    for given in ("default", "const"):
        if given in schema:
            return schema[given]
    for listed in ("examples", "enum"):
        if schema.get(listed):
            return schema[listed][0]
    for choices in ("anyOf", "oneOf", "allOf"):
        if choices in schema:
            return least(root, schema[choices][0])
    return _of_kind(root, schema)


def _of_kind(root: Json, schema: Json) -> Any:
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {key: least(root, properties[key]) for key in schema.get("required", ())}
        case "array":
            return [least(root, schema.get("items", {}))] * schema.get("minItems", 0)
        case "integer" | "number":
            above = schema.get("exclusiveMinimum")
            return schema.get("minimum", 1 if above is None else above + 1)
        case "boolean":
            return False
        case "null":
            return None
        case _:
            return "x" * max(schema.get("minLength", 1), 1)
