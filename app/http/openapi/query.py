"""A schema's own parameters, flattened into a query string."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.http.openapi.components import Components, Json

_SCALARS: Final = frozenset({"string", "integer", "number", "boolean"})


def of_parameters(
    components: Components, parameters: Json, examples: Sequence[Mapping[str, Any]]
) -> list[Json] | None:
    """A schema's parameters as keys of a query string.

    Parameters that are not scalars are left out. None if one of these is required.
    """
    parameters = components.resolve(parameters)
    required = parameters.get("required", [])
    example = examples[0] if examples else {}
    found: list[Json] = []
    for name, schema in parameters.get("properties", {}).items():
        if _is_scalar(components, schema):
            found.append(_parameter(name, schema, name in required, example))
        elif name in required:
            return None
    return found


def _parameter(name: str, schema: Json, required: bool, example: Mapping[str, Any]) -> Json:
    schema = _without_null(schema)
    parameter: Json = {"name": name, "in": "query", "required": required}
    if "description" in schema:
        parameter["description"] = schema.pop("description")
    parameter["schema"] = schema
    if example.get(name) is not None:
        parameter["example"] = example[name]
    return parameter


def _is_scalar(components: Components, schema: Json) -> bool:
    schema = components.resolve(schema)
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        kept = [choice for choice in choices if choice != {"type": "null"}]
        return all(_is_scalar(components, choice) for choice in kept)
    types = schema.get("type", ())
    types = {types} if isinstance(types, str) else set(types)
    return bool(types) and types <= _SCALARS


def _without_null(schema: Json) -> Json:
    """A schema without null. A query string can't express null, except by leaving out the key."""
    schema = dict(schema)
    if "anyOf" not in schema:
        return schema
    choices = [choice for choice in schema.pop("anyOf") if choice != {"type": "null"}]
    if schema.get("default", ...) is None:
        del schema["default"]
    if len(choices) == 1 and choices[0].keys().isdisjoint(schema):
        schema.update(choices[0])
    else:
        schema["anyOf"] = choices
    return schema
