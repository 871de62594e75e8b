"""From a type to the nodes that say how each of its places streams.

Compiling a place gives its node and its *residual*: what the object that holds it still
has to apply to the value that the place hands up. Mostly that is nothing (`any`), as a
place validates itself; it is a default, or a validator that asks for the fields before
its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic_core import SchemaSerializer, SchemaValidator

from app.partial.members import Member, is_wrapped, members, title, with_residuals
from app.partial.node import Dict, Field, Leaf, List, Model, Node, String, Tagged, empty
from app.partial.place import (
    ANY,
    Place,
    Schema,
    layers_for_the_holder,
    leading_defaults,
    references,
    take_apart,
    wrap,
)

_STRING_CHANGES = ("strip_whitespace", "to_lower", "to_upper")
_STRING_CHECKS = ("min_length", "max_length", "pattern", *_STRING_CHANGES)


def plan(type_: Any) -> Node:
    """The node of a value of `type_`: anything that `pydantic.TypeAdapter` takes.

    Raises what Pydantic raises for a type that it has no schema for.
    """
    return Compiler(cast(Schema, TypeAdapter(type_).core_schema)).root


class Compiler:
    """Compiles one core schema; a recursive reference leads back to the node it names."""

    def __init__(self, schema: Schema) -> None:
        self.definitions: dict[str, Schema] = {}
        while schema["type"] == "definitions":
            self.definitions |= {found["ref"]: found for found in schema["definitions"]}
            schema = schema["schema"]
        self._nodes: dict[tuple[object, ...], Node] = {}
        self._places: list[Place] = []  # keeps what the keys of _nodes are the ids of
        self.root = self._node(take_apart(schema, self.definitions, {}))

    def place(self, schema: Schema, config: Schema) -> tuple[Node, Schema, Place]:
        """The node of a place, its residual, and the place itself."""
        place = take_apart(schema, self.definitions, config)
        defaults = leading_defaults(place)
        inner = place.inside(defaults)
        count = layers_for_the_holder(inner)
        if inner.opaque_to(count):
            node: Node = self._opaque(inner)
            node.raw = node.deferred = True
            residual = inner.schema
        else:
            node = self._node(inner.inside(count))
            residual = wrap(inner.layers[:count], ANY)
            if count and isinstance(node, Leaf):
                node.deferred = True
        if place.outside(defaults).serializations:
            leaf = self._leaf(place)
            leaf.whole, leaf.raw = node.whole, node.raw
            leaf.deferred = leaf.deferred or node.deferred
            node = leaf
        for layer in reversed(place.layers[:defaults]):
            residual = self._default(layer, residual, config)
        return node, residual, place

    def _default(self, layer: Schema, residual: Schema, config: Schema) -> Schema:
        """A default around a residual. One that is to be validated is, by the whole schema."""
        if layer.get("validate_default", config.get("validate_default", False)):
            return _validated_default(layer, self._validator(layer["schema"], config), residual)
        return wrap((layer,), residual)

    # -- nodes ----------------------------------------------------------------------

    def _node(self, place: Place) -> Node:
        if "Whole" in place.marks or place.serializations:
            return self._leaf(place)
        if place.opaque:
            return self._opaque(place)
        build = self._builders.get(place.base["type"])
        return (build(self, place) if build else None) or self._leaf(place)

    def _leaf(self, place: Place) -> Leaf:
        return Leaf(
            **self._common(place),
            plain=not place.serializations,
            deferred=any(found.get("is_field_serializer") for found in place.serializations),
        )

    def _opaque(self, place: Place) -> Leaf:
        """A place whose validators may make anything of anything: it comes whole."""
        leaf = self._leaf(place)
        build = self._builders.get(place.base["type"])
        if build and not place.serializations:
            nullable = tuple(layer for layer in place.layers if layer["type"] == "nullable")
            shape = build(self, Place(nullable[:1], place.base, place.config, place.marks))
            leaf.shape = None if isinstance(shape, String) else shape
        return leaf

    def _common(self, place: Place) -> dict[str, Any]:
        complete: Any = self._complete(place.schema)
        config: Any = place.config
        return {
            "schema": complete,
            "nullable": place.nullable,
            "whole": SchemaValidator(complete, config),
            "serializer": SchemaSerializer(complete, config),
        }

    def _string(self, place: Place) -> Node:
        config = {key[4:]: value for key, value in place.config.items() if key[:4] == "str_"}
        rules = {**config, **place.base}
        return String(
            **self._common(place),
            checked=any(layer["type"] != "nullable" for layer in place.layers)
            or any(rules.get(check) for check in _STRING_CHECKS),
            max_length=None
            if any(rules.get(change) for change in _STRING_CHANGES)
            else rules.get("max_length"),
        )

    def _list(self, place: Place) -> Node:
        if known := self._nodes.get(place.key):
            return known
        node = List(
            **self._common(place),
            item=cast(Node, None),
            max_length=place.base.get("max_length"),
        )
        self._remember(place, node)
        node.item, residual, _ = self.place(place.base.get("items_schema", ANY), place.config)
        shallow = {**place.base, "items_schema": residual}
        node.close = self._validator(place.around(shallow), place.config)
        node.changing = place.functions or residual is not ANY
        return node

    def _dict(self, place: Place) -> Node:
        if known := self._nodes.get(place.key):
            return known
        node = Dict(**self._common(place), item=cast(Node, None))
        self._remember(place, node)
        keys = place.base.get("keys_schema", ANY)
        if keys["type"] != "any" and keys != {"type": "str"}:
            only_keys = {"type": "dict", "keys_schema": keys, "values_schema": ANY}
            node.key = self._validator(only_keys, place.config)
            complete: Any = self._complete(only_keys)
            node.key_serializer = SchemaSerializer(complete, cast(Any, place.config))
        node.item, residual, _ = self.place(place.base.get("values_schema", ANY), place.config)
        shallow = {**place.base, "keys_schema": ANY, "values_schema": residual}
        node.close = self._validator(place.around(shallow), place.config)
        node.changing = place.functions or residual is not ANY
        return node

    def _tagged(self, place: Place) -> Node | None:
        tag = _simple_tag(place.base["discriminator"])
        if tag is None or any(layer["type"] != "nullable" for layer in place.layers):
            return None
        if known := self._nodes.get(place.key):
            return known
        node = Tagged(**self._common(place), tag=tag, choices={})
        self._remember(place, node)
        choices: dict[str | int | bool, Model] = {}
        for value, choice in place.base["choices"].items():
            chosen, residual, _ = self.place(choice, place.config)
            if not isinstance(chosen, Model) or residual is not ANY or chosen.nullable:
                del self._nodes[place.key]
                return None
            choices[getattr(value, "value", value)] = chosen
        node.choices = choices
        return node

    def _model(self, place: Place) -> Node:
        if known := self._nodes.get(place.key):
            return known
        node = Model(**self._common(place), title=title(place.base))
        self._remember(place, node)
        found = members(place.base, place.config)
        residuals = self._fill(node, found)
        if is_wrapped(place.base):
            leaf = self._leaf(place)
            leaf.shape = node
            self._remember(place, leaf)
            return leaf
        node.close = self._validator(
            place.around(with_residuals(place.base, residuals)), place.config
        )
        node.changing = (
            place.functions
            or found.hooks
            or any(residual["type"] not in ("any", "default") for residual in residuals.values())
        )
        return node

    def _fill(self, node: Model, found: Any) -> dict[str, Schema]:
        """Compile the members of a model into its node; their residuals by name."""
        residuals = {}
        kept: set[str] | None = None if found.extra != "ignore" else set()
        for member in found.members:
            residuals[member.name] = self._member(node, member, found.config, kept)
        node.computed.update(found.computed)
        node.kept = None if kept is None else frozenset(kept)
        node.open_ended = found.extra == "allow"
        return residuals

    def _member(
        self, node: Model, member: Member, config: Schema, kept: set[str] | None
    ) -> Schema:
        inner, residual, place = self.place(member.schema, config)
        if member.paths:
            # Parts of its input lie elsewhere: only the object itself can find them.
            inner = self._leaf(place)
            inner.raw = inner.deferred = True
            residual = member.schema
            if kept is not None:
                kept.update(member.paths)
        field = Field(member.out, inner, "NotNull" in place.marks, member.required)
        node.fields.append(field)
        node.not_null = node.not_null or (field.not_null and empty(inner) is None)
        for key in () if member.paths else member.keys:
            node.keys.setdefault(key, field)
        return residual

    def _remember(self, place: Place, node: Node) -> None:
        self._places.append(place)
        self._nodes[place.key] = node

    # -- validators -----------------------------------------------------------------

    def _validator(self, schema: Schema, config: Schema) -> SchemaValidator:
        return SchemaValidator(cast(Any, self._complete(schema)), cast(Any, config))

    def _complete(self, schema: Schema) -> Schema:
        """A schema with the definitions that it needs."""
        needed: dict[str, Schema] = {}
        pending = list(references(schema))
        while pending:
            name = pending.pop()
            if name not in needed:
                needed[name] = self.definitions[name]
                pending.extend(references(needed[name]))
        if not needed:
            return schema
        if schema.get("ref") in needed:
            schema = {"type": "definition-ref", "schema_ref": schema["ref"]}
        return {"type": "definitions", "schema": schema, "definitions": list(needed.values())}

    _builders: dict[str, Callable[[Compiler, Place], Node | None]] = {
        "str": _string,
        "list": _list,
        "dict": _dict,
        "tagged-union": _tagged,
        "model": _model,
        "dataclass": _model,
        "typed-dict": _model,
    }


def _simple_tag(discriminator: Any) -> str | None:
    """The one key that holds the tag, None where it is found in another way."""
    if isinstance(discriminator, list) and len(discriminator) == 1:
        (discriminator,) = discriminator
        if isinstance(discriminator, list) and len(discriminator) == 1:
            (discriminator,) = discriminator
    return discriminator if isinstance(discriminator, str) else None


def _validated_default(layer: Schema, validator: SchemaValidator, residual: Schema) -> Schema:
    """A default layer that validates its default by itself, around a residual."""
    made = {key: value for key, value in layer.items() if key not in ("default", "ref")}
    factory = layer.get("default_factory")
    if factory is None:
        made["default_factory"] = lambda: validator.validate_python(layer["default"])
    elif layer.get("default_factory_takes_data"):
        made["default_factory"] = lambda data: validator.validate_python(factory(data))
    else:
        made["default_factory"] = lambda: validator.validate_python(factory())
    return {**made, "validate_default": False, "schema": residual}
