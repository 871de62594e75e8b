"""Core schemas in which a null that a member refuses stands for its absence.

A model that has to write all members of an object (OpenAI's strict schemas want that) writes
null where it would have left one out.
"""

from __future__ import annotations

from typing import Any, NoReturn

from pydantic_core import PydanticOmit, PydanticUseDefault

from app.partial.layers import NOT_SCHEMAS, Schema

_MEMBERS = frozenset({"model-field", "dataclass-field", "typed-dict-field"})


def with_absences(part: Any, *, total: bool = True) -> Any:
    """A core schema, or a part of one, in which members that may be absent may be null as well.

    total: whether the members are required that don't say that they are not
    """
    if isinstance(part, list | tuple):
        return type(part)(with_absences(each) for each in part)
    if not isinstance(part, dict):
        return part
    is_schema = isinstance(part.get("type"), str)  # else it is fields by their names
    total = part.get("total", True) if is_schema and part["type"] not in _MEMBERS else total
    made = {
        key: value if is_schema and key in NOT_SCHEMAS else with_absences(value, total=total)
        for key, value in part.items()
    }
    if is_schema and part["type"] == "dict" and "values_schema" in made:
        return {**made, "values_schema": _or_null(made["values_schema"], _omit)}
    return _member(made, total=total) if is_schema and part["type"] in _MEMBERS else made


def _member(field: Schema, *, total: bool) -> Schema:
    inner = field["schema"]
    if inner["type"] == "default":
        return {**field, "schema": {**inner, "schema": _or_null(inner["schema"], _use_default)}}
    may_lack = field["type"] == "typed-dict-field" and not field.get("required", total)
    return {**field, "schema": _or_null(inner, _omit)} if may_lack else field


def _or_null(schema: Schema, instead: Any) -> Schema:
    """A schema, or null, for which something is raised instead."""
    null = {
        "type": "function-after",
        "function": {"type": "no-info", "function": instead},
        "schema": {"type": "none"},
    }
    return {"type": "union", "mode": "left_to_right", "choices": [schema, null]}


def _use_default(_: None) -> NoReturn:
    raise PydanticUseDefault


def _omit(_: None) -> NoReturn:
    raise PydanticOmit
