"""Validates objects (lists, dicts) at their end, if not all of their members are valid already.

Most objects are closed from values that have been validated already. But some members can only be
validated by the object itself: a member whose validator takes `info` and so reads the fields
before its own, a member that an alias finds inside another value, and a default that must be
validated. Such an object is closed as in Pydantic, from JSON. In that JSON, each member that is
validated already is a placeholder, and its validator replaces the placeholder by the value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Protocol

from pydantic_core import SchemaValidator

from app.partial.layers import Schema

_known: ContextVar[Mapping[str, Any]] = ContextVar("known")


class Raw(str):
    """The JSON text of a member that the object validates."""

    __slots__ = ()


class Close(Protocol):
    """Makes a container's value from the values of its members."""

    def validate_python(self, input: Any, /) -> Any: ...


class CloseAsJson:
    """Closes an object from JSON with placeholders.

    names: the member's name for each key in the JSON text; keys with precedence come first
    """

    def __init__(self, validator: SchemaValidator, names: Mapping[str, str]) -> None:
        self._validator = validator
        self._names = names

    def validate_python(self, input: Mapping[str, Any], /) -> Any:
        known: dict[str, Any] = {}
        for key, name in self._names.items():
            if key in input and not isinstance(input[key], Raw):
                known.setdefault(name, input[key])
        token = _known.set(known)
        try:
            return self._validator.validate_json(_text(input))
        finally:
            _known.reset(token)


class CloseInTwo:
    """Closes a list or dict whose validators take `info`, so that `info.mode` is "json" for them.

    own: validates the container itself, without its members
    layers: the validators around it
    """

    def __init__(self, own: SchemaValidator, layers: SchemaValidator) -> None:
        self._own = own
        self._layers = layers

    def validate_python(self, input: Any, /) -> Any:
        token = _known.set({"": self._own.validate_python(input)})
        try:
            return self._layers.validate_json("0")
        finally:
            _known.reset(token)


CLOSED: Schema = {
    "type": "function-plain",
    "function": {"type": "no-info", "function": lambda value: _known.get()[""]},
}
"""The core schema that stands for the result of `own`, inside of the layers."""


def known_or(name: str, schema: Schema) -> Schema:
    """The schema of a member that uses the validated value if there is one, else `schema`."""
    return {
        "type": "function-wrap",
        "function": {"type": "no-info", "function": _swap(name)},
        "schema": schema,
    }


def _swap(name: str) -> Callable[[Any, Callable[[Any], Any]], Any]:
    def swap(value: Any, handler: Callable[[Any], Any]) -> Any:
        known = _known.get()
        return known[name] if name in known else handler(value)

    return swap


def _text(values: Mapping[str, Any]) -> str:
    return "{" + ",".join(f"{json.dumps(k)}:{_placeholder(v)}" for k, v in values.items()) + "}"


def _placeholder(value: Any) -> str:
    """The JSON in place of a value. Null stays null, as a validator around may check for it."""
    if isinstance(value, Raw):
        return value
    return "null" if value is None else "0"
