"""Closing an object whose members it still has a say in.

Most objects are closed from values that have been validated already. Some members only the
object itself can validate: one whose validator asks for the fields before its own, one that
an alias finds inside another value, a default that is to be validated. Such an object is
closed as Pydantic would have it: from JSON, in which each member that is known already is a
placeholder that its validator swaps for the value.
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
    """Makes a container's value of what its members have handed up."""

    def validate_python(self, input: Any, /) -> Any: ...


class CloseAsJson:
    """names: from the keys in the JSON text to the member's name, the ones that win first."""

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
    """A list or dict whose validators ask for `info`: these are told that they are given JSON.

    own: validates what is the container's own
    layers: its validators, around what `own` has made
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
"""The schema of what `CloseInTwo` has made, for the layers around it."""


def known_or(name: str, schema: Schema) -> Schema:
    """The schema of a member that may be known; what is not known is its default."""
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
    """Null stays null, as a validator around it may see only whether it is."""
    if isinstance(value, Raw):
        return value
    return "null" if value is None else "0"
