"""Splits the core schema of a place into a base schema and the layers around it.

    default > nullable > function-after > str
    └────────── layers ─────────────┘   base

A core schema is what Pydantic compiles every type to, generics and recursion included:
https://docs.pydantic.dev/latest/api/pydantic_core_schema/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]

ANY: Schema = {"type": "any"}
FUNCTIONS = frozenset({"function-after", "function-before", "function-wrap"})
OPAQUE = frozenset({"function-before", "function-wrap"})
OBJECTS = frozenset({"model", "dataclass", "typed-dict"})
NOT_SCHEMAS = frozenset({"metadata", "config", "default", "serialization", "function"})


@dataclass(frozen=True, slots=True)
class LayeredSchema:
    """A base schema in layers.

    layers: the schemas around the base, the outermost first
    config: the config that applies to the base
    marks: `Whole`, `NotNull`, or both
    """

    layers: tuple[Schema, ...]
    base: Schema
    config: Schema
    marks: frozenset[str]

    @property
    def schema(self) -> Schema:
        """The place's whole schema."""
        return self.layers[0] if self.layers else self.base

    @property
    def parts(self) -> tuple[Schema, ...]:
        return (*self.layers, self.base)

    @property
    def nullable(self) -> bool:
        return any(layer["type"] == "nullable" for layer in self.layers)

    @property
    def default(self) -> bool:
        """Whether it has a default."""
        return any(layer["type"] == "default" for layer in self.layers)

    @property
    def asks(self) -> bool:
        """Whether one of its validators takes `info`, which says whether the input is JSON."""
        return any(_asks(layer) for layer in self.layers)

    @property
    def serializations(self) -> list[Schema]:
        """The place's own serializers; empty if it uses that of its type."""
        return [part["serialization"] for part in self.parts if "serialization" in part]

    @property
    def functions(self) -> bool:
        """Whether the place has its own validators, which may change its value."""
        return any(
            (layer["type"] in FUNCTIONS and not _makes_defaultdict(layer)) or layer.get("post_init")
            for layer in self.layers
        )

    @property
    def opaque(self) -> bool:
        """Whether its validators see the raw input, so that it can only be validated whole."""
        return any(
            (layer["type"] in OPAQUE and not _makes_defaultdict(layer))
            or layer.get("custom_init")
            or layer.get("on_error", "raise") != "raise"
            for layer in self.layers
        )

    @property
    def omits(self) -> bool:
        """Whether an invalid value is left out of the list or object around it."""
        return any(layer.get("on_error") == "omit" for layer in self.layers)

    @property
    def key(self) -> tuple[object, ...]:
        """An identity of the place, whatever path leads to it. (A model has its own config.)"""
        config = 0 if self.base["type"] == "model" else id(self.config)
        return (id(self.base), config, *map(id, self.layers))

    def opaque_to(self, count: int) -> bool:
        """Whether the object that holds the place needs the place's raw input.

        `count`: how many of the outermost layers that object applies.
        """
        return self.outside(count).opaque or _asks(self.base)

    def outside(self, count: int) -> LayeredSchema:
        """The `count` outermost layers alone."""
        return LayeredSchema(self.layers[:count], ANY, self.config, self.marks)

    def inside(self, count: int) -> LayeredSchema:
        """The place without its `count` outermost layers."""
        return LayeredSchema(self.layers[count:], self.base, self.config, self.marks)

    def inside_of(self, layer: Schema) -> LayeredSchema:
        """The place in one more layer."""
        return LayeredSchema((layer, *self.layers), self.base, self.config, self.marks)

    def around(self, base: Schema) -> Schema:
        """`base` in this place's layers."""
        return wrap(self.layers, base)


def peel(schema: Schema, definitions: Mapping[str, Schema], config: Schema) -> LayeredSchema:
    """Split a schema into its base and its layers. A RootModel is a layer around its content."""
    layers: list[Schema] = []
    marks: set[str] = set()
    while True:
        marks |= {mark for mark in ("Whole", "NotNull") if schema.get("metadata", {}).get(mark)}
        if schema["type"] == "definition-ref" and "serialization" not in schema:
            schema = definitions[schema["schema_ref"]]
            continue
        if _is_sequence(schema):
            schema = schema["json_schema"]
            continue
        if _is_defaultdict(schema):
            schema = schema["lax_schema"]
            continue
        if schema["type"] == "model" and schema.get("root_model"):
            config = schema.get("config", {})
        elif schema["type"] not in FUNCTIONS and schema["type"] not in ("default", "nullable"):
            return LayeredSchema(tuple(layers), schema, config, frozenset(marks))
        layers.append(schema)
        schema = schema["schema"]


def leading_defaults(layered: LayeredSchema) -> int:
    """How many of the outermost layers are defaults. Those that replace a bad value don't count."""
    for index, layer in enumerate(layered.layers):
        if layer["type"] != "default" or layer.get("on_error", "raise") != "raise":
            return index
    return len(layered.layers)


def layers_for_the_holder(layered: LayeredSchema) -> int:
    """How many of the outermost layers only the object that holds the place can apply.

    These are the layers down to the last field validator that takes `info`, because `info` has
    the fields before its own. The validators of a class don't count: they are layers of the class.
    """
    limit = len(layered.layers) - _class_layers(layered.base)
    for index, layer in enumerate(layered.layers):
        if layer["type"] == "model":
            limit = min(limit, index - _class_layers(layer))
    asking = [index for index, layer in enumerate(layered.layers[: max(limit, 0)]) if _asks(layer)]
    return asking[-1] + 1 if asking else 0


def asks_inside(base: Schema, definitions: Mapping[str, Schema]) -> bool:
    """Whether a validator somewhere inside needs the fields of the object around this place.

    Validators of an inner object's members don't count: they get the inner object's fields.
    """
    seen: set[int] = set()
    stack = _children(base)
    while stack:
        schema = stack.pop()
        if id(schema) in seen:
            continue
        seen.add(id(schema))
        layered = peel(schema, definitions, {})
        if _asks(layered.base) or layers_for_the_holder(layered):
            return True
        stack.extend(_children(layered.base))
    return False


def _children(base: Schema) -> list[Schema]:
    """The schemas directly inside a schema, except for those of an object's members."""
    if base["type"] in OBJECTS:
        return []
    found: list[Schema] = []
    stack = [value for key, value in base.items() if key not in NOT_SCHEMAS]
    while stack:
        part = stack.pop()
        if isinstance(part, dict) and isinstance(part.get("type"), str):
            found.append(part)
        elif isinstance(part, dict):
            stack.extend(part.values())
        elif isinstance(part, list | tuple):
            stack.extend(part)
    return found


def _asks(schema: Schema) -> bool:
    """Whether its function takes `info`."""
    found = schema["type"].startswith("function-") and schema["function"]["type"] == "with-info"
    return bool(found)


def _is_sequence(schema: Schema) -> bool:
    """Whether it is Pydantic's core schema for a `Sequence`, which is a list in JSON."""
    function = schema.get("serialization", {}).get("function")
    return (
        schema["type"] == "json-or-python"
        and schema["json_schema"]["type"] == "list"
        and getattr(function, "__name__", "") == "serialize_sequence_via_list"
    )


def _is_defaultdict(schema: Schema) -> bool:
    """Whether it is Pydantic's core schema for a `defaultdict`, which is an object in JSON."""
    function = schema.get("serialization", {}).get("function")
    return (
        schema["type"] == "lax-or-strict"
        and _makes_defaultdict(schema["lax_schema"])
        and str(getattr(function, "__module__", "")).startswith("pydantic.")
    )


def _makes_defaultdict(schema: Schema) -> bool:
    """Whether it is the part of that core schema that makes a `defaultdict` from a dict."""
    function = schema.get("function", {}).get("function")
    return (
        schema["type"] == "function-wrap"
        and schema["schema"]["type"] == "dict"
        and getattr(getattr(function, "func", None), "__name__", "") == "defaultdict_validator"
    )


def _class_layers(base: Schema) -> int:
    """How many layers a class's validators put around its own schema."""
    own = getattr(base.get("cls"), "__pydantic_core_schema__", None)
    if not isinstance(own, dict):
        return 0
    definitions: dict[str, Schema] = {}
    count = 0
    while own["type"] not in ("model", "dataclass"):
        if own["type"] == "definitions":
            definitions |= {found["ref"]: found for found in own["definitions"]}
        elif own["type"] in FUNCTIONS:
            count += 1
        own = definitions[own["schema_ref"]] if own["type"] == "definition-ref" else own["schema"]
    return count


def wrap(layers: tuple[Schema, ...], base: Schema) -> Schema:
    """`base` in copies of `layers`."""
    for layer in reversed(layers):
        base = {**layer, "schema": base}
        base.pop("ref", None)
    return base
