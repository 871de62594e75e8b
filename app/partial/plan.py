"""Compiles a type to nodes, which say how each of its places streams.

When a container closes, its members are validated already, so only the container itself has to be
validated. Compiling a member of an object gives two things: its node, and its *residual*. The
residual is the core schema that the object must still apply to the member's value. Mostly it is
`any`, so nothing is left to do. Otherwise it has a default, or a validator that takes `info` and
so needs the fields before its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, cast

from pydantic import TypeAdapter

from app.partial.close import CLOSED, Close, CloseAsJson, CloseInTwo
from app.partial.definitions import Definitions
from app.partial.layers import (
    ANY,
    LayeredSchema,
    Schema,
    asks_inside,
    layers_for_the_holder,
    leading_defaults,
    peel,
    wrap,
)
from app.partial.members import Member, Members, is_wrapped, members, title, with_residuals
from app.partial.node import Dict, Field, Leaf, List, Model, Node, String, Tagged, empty
from app.partial.planned import Planned
from app.partial.proof import Proof, needs_proof

_STRING_CHANGES = ("strip_whitespace", "to_lower", "to_upper")
_STRING_CHECKS = ("min_length", "max_length", "pattern", *_STRING_CHANGES)
_TRANSPARENT = frozenset({"nullable", "default"})
_SCALARS = frozenset({"str", "int", "bool", "none", "literal", "any"})


def plan(type_: Any, *, keep: bool = True) -> Node:
    """The node of a value of `type_`: anything that `pydantic.TypeAdapter` takes.

    keep: whether a decoder's `result` is wanted. Without it the members of lists and dicts are
        let go of once they are valid (0.5 KB each), where no validator around reads them

    Raises what Pydantic raises for a type that it has no schema for, and ValueError for one
    whose values may be left out where nothing holds them, or would have a key twice.
    """
    # Pydantic may build the schema lazily; `dict` builds it.
    root = Compiler(dict(cast(Schema, TypeAdapter(type_).core_schema))).root
    root.forgotten = not keep
    return root


class Compiler:
    """Compiles one core schema. A recursive reference becomes a reference to the same node."""

    def __init__(self, schema: Schema) -> None:
        self.definitions, schema = Definitions.split(schema)
        self._nodes: dict[tuple[object, ...], Node] = {}
        self._layered: list[LayeredSchema] = []  # keeps what the keys of _nodes are the ids of
        self._nullables: dict[int, Schema] = {}
        self._config: Schema = {}  # of a model at the root, by which every `Any` is serialized
        self.root = self._root(schema)

    def _root(self, schema: Schema) -> Node:
        layered = peel(schema, self.definitions, {})
        if layered.omits:
            raise ValueError("a value that is left out where it fails needs a list around it")
        models = [part for part in layered.parts if part["type"] == "model"]
        self._config = models[0].get("config", {}) if models else {}
        root = self._item(schema, {})
        if needs_proof(schema, self.definitions):
            root.proof = Proof(schema, self.definitions)
        return root

    def _item(self, schema: Schema, config: Schema) -> Node:
        """The node of the root, or of a list's or dict's member, which has no residual."""
        layered = peel(schema, self.definitions, config)
        if layered.omits:
            return self._omitting(layered)
        # The place's own validator may ask for the default (PydanticUseDefault).
        return self._node(
            layered if layered.functions else layered.inside(leading_defaults(layered))
        )

    def _omitting(self, layered: LayeredSchema) -> Leaf:
        """The leaf of an element that is left out if it is invalid."""
        leaf = replace(self._leaf(layered), omits=True)
        alone = {"type": "list", "items_schema": layered.schema}
        leaf.whole = self.definitions.validator(alone, layered.config)
        return leaf

    # -- nodes ----------------------------------------------------------------------------

    def _node(self, layered: LayeredSchema) -> Node:
        if "Whole" in layered.marks or layered.serializations:
            return self._leaf(layered)
        if layered.opaque:
            return self._opaque(layered)
        build = self._builders.get(layered.base["type"])
        return (build(self, layered) if build else None) or self._leaf(layered)

    def _leaf(self, layered: LayeredSchema) -> Leaf:
        return Leaf(
            **self._common(layered),
            plain=not layered.serializations and layered.base["type"] in _SCALARS,
            deferred=any(found.get("is_field_serializer") for found in layered.serializations),
        )

    def _opaque(self, layered: LayeredSchema) -> Leaf:
        """The leaf of a place whose validators get the raw input and may return any value."""
        leaf = self._leaf(layered)
        build = self._builders.get(layered.base["type"])
        if build and not layered.serializations and "Whole" not in layered.marks:
            nullable = tuple(layer for layer in layered.layers if layer["type"] == "nullable")
            shape = build(
                self, LayeredSchema(nullable[:1], layered.base, layered.config, layered.marks)
            )
            leaf.shape = None if isinstance(shape, String) else shape
        return leaf

    def _common(self, layered: LayeredSchema) -> dict[str, Any]:
        is_model = layered.base["type"] == "model"  # it has a config of its own
        written_by = self._config if is_model else layered.config
        return {
            "schema": self.definitions.complete(layered.schema),
            "config": layered.config,
            "nullable": layered.nullable,
            "whole": self.definitions.validator(layered.schema, layered.config),
            "serializer": self.definitions.serializer(layered.schema, written_by),
        }

    def _string(self, layered: LayeredSchema) -> Node:
        config = {key[4:]: value for key, value in layered.config.items() if key[:4] == "str_"}
        rules = {**config, **layered.base}
        transformed = any(rules.get(change) for change in _STRING_CHANGES)
        return String(
            **self._common(layered),
            checked=any(layer["type"] != "nullable" for layer in layered.layers)
            or any(rules.get(check) for check in _STRING_CHECKS),
            changing=transformed or layered.functions,
            max_length=None if transformed else rules.get("max_length"),
        )

    def _list(self, layered: LayeredSchema) -> Node:
        if known := self._nodes.get(layered.key):
            return known
        # Pydantic validates a generator only while it is read, and it can be read only once. So it
        # becomes a list.
        kind = "deque" if layered.base["type"] == "deque" else "list"
        base = {key: layered.base[key] for key in layered.base if key != "ref"} | {"type": kind}
        node = List(
            **self._common(LayeredSchema(layered.layers, base, layered.config, layered.marks)),
            item=cast(Node, None),
            max_length=base.get("max_length"),
        )
        self._remember(layered, node)
        node.item = self._item(base.get("items_schema", ANY), layered.config)
        node.close = self._close(layered, {**base, "items_schema": ANY})
        node.changing = layered.functions or _changes(node.item)
        node.needs_values = node.changing or not _is_transparent(layered)
        node.needs_count = _needs_count(base)
        return node

    def _dict(self, layered: LayeredSchema) -> Node:
        if known := self._nodes.get(layered.key):
            return known
        node = Dict(**self._common(layered), item=cast(Node, None))
        self._remember(layered, node)
        keys = layered.base.get("keys_schema", ANY)
        if keys["type"] != "any" and (keys != {"type": "str"} or _has_string_rules(layered.config)):
            only_keys = {"type": "dict", "keys_schema": keys, "values_schema": ANY}
            node.key = self.definitions.validator(only_keys, layered.config)
            node.key_serializer = self.definitions.serializer(only_keys, layered.config)
        node.item = self._item(layered.base.get("values_schema", ANY), layered.config)
        node.close = self._close(
            layered, {**layered.base, "keys_schema": ANY, "values_schema": ANY}
        )
        node.changing = layered.functions or _changes(node.item) or node.key is not None
        node.needs_values = node.changing or not _is_transparent(layered)
        node.needs_count = _needs_count(layered.base)
        return node

    def _close(self, layered: LayeredSchema, base: Schema) -> Close:
        """The `close` validator of a list or a dict. `base` has no schemas of the members."""
        base = {**base, "strict": False}  # the input is a plain list or dict, as from JSON
        if not layered.asks:
            return self.definitions.changed_validator(layered.around(base), layered.config)
        own = self.definitions.changed_validator(base, layered.config)
        return CloseInTwo(own, self.definitions.changed_validator(layered.around(CLOSED), {}))

    def _tagged(self, layered: LayeredSchema) -> Node | None:
        if known := self._nodes.get(layered.key):
            return known
        if not self._streams_by_tag(layered):
            return None
        tags = _simple_tags(layered.base["discriminator"])
        node = Tagged(**self._common(layered), tags=tags, choices={})
        self._remember(layered, node)
        node.choices = {
            getattr(value, "value", value): cast(Model | Tagged, self._choice(layered, choice))
            for value, choice in layered.base["choices"].items()
        }
        return node

    def _choice(self, union: LayeredSchema, choice: Schema) -> Node:
        """The node of one choice of a union, with the root models that are around the union."""
        layered = peel(choice, self.definitions, union.config)
        layered = layered.inside(leading_defaults(layered))
        for layer in reversed(union.layers):
            if layer["type"] == "model":
                layered = layered.inside_of(wrap((layer,), self.definitions.refer(layered.schema)))
        return self._node(layered)

    def _streams_by_tag(self, layered: LayeredSchema) -> bool:
        """Whether a discriminated union has simple tags, and all its choices are objects.

        Root models may be around the union: they are then put around each choice.
        """
        return (
            bool(_simple_tags(layered.base["discriminator"]))
            and all(layer["type"] in ("nullable", "model") for layer in layered.layers)
            and all(
                self._is_choice(peel(choice, self.definitions, layered.config))
                for choice in layered.base["choices"].values()
            )
        )

    def _is_choice(self, layered: LayeredSchema) -> bool:
        if layered.serializations or layered.opaque or layered.nullable or "Whole" in layered.marks:
            return False
        if layered.base["type"] == "tagged-union":
            return self._streams_by_tag(layered)
        return self._builders.get(layered.base["type"]) is Compiler._model and not is_wrapped(
            layered.base
        )

    # -- objects --------------------------------------------------------------------------

    def _model(self, layered: LayeredSchema) -> Node:
        if known := self._nodes.get(layered.key):
            return known
        node = Model(**self._common(layered), title=title(layered.base), origin=_origin(layered))
        self._remember(layered, node)
        found = members(layered.base, layered.config)
        if twice := found.written_twice:
            raise ValueError(f"{node.title} has two fields that are written as {twice!r}")
        residuals = self._fill(node, found, asks=layered.asks)
        if is_wrapped(layered.base):
            leaf = self._leaf(layered)
            leaf.shape = node
            self._remember(layered, leaf)
            return leaf
        shallow = layered.around(with_residuals(layered.base, residuals))
        validator = self.definitions.changed_validator(shallow, layered.config)
        node.close = CloseAsJson(validator, _names(found)) if node.as_json else validator
        node.changing = layered.functions or found.hooks or node.as_json
        node.needs_values = (
            node.changing or not _is_transparent(layered) or _needs_values(node, found)
        )
        return node

    def _fill(self, node: Model, found: Members, *, asks: bool) -> dict[str, Schema]:
        """Compile the members of an object into its node. Returns their residuals by name."""
        node.computed.update(found.computed)
        node.extra, node.read_at_close = found.extra, found.read_at_close
        planned = [(member, self._member(member, found)) for member in found.members]
        node.as_json = asks or found.particular or any(each.needs_json for _, each in planned)
        for member, each in planned:
            keys = () if member.paths or found.shares(member) else member.keys
            self._add(node, member, each, keys)
        return {
            member.name: each.residual(member, as_json=node.as_json) for member, each in planned
        }

    def _add(self, node: Model, member: Member, planned: Planned, keys: tuple[str, ...]) -> None:
        inner = planned.node
        required = member.required and not member.vanishing and not planned.layered.omits
        field = Field(
            member.out,
            inner,
            not_null="NotNull" in planned.layered.marks,
            required=required,
            names=keys,
            default=planned.layered.default,
        )
        node.fields.append(field)
        node.not_null = node.not_null or (field.not_null and empty(inner) is None)
        node.keys.update(dict.fromkeys(keys, field))

    def _member(self, member: Member, found: Members) -> Planned:
        layered = peel(member.schema, self.definitions, found.config)
        defaults = leading_defaults(layered)
        inner = layered.inside(defaults)
        count = layers_for_the_holder(inner)
        layers = layered.layers[: defaults + count]
        if (
            member.paths
            or not found.read_at_close.isdisjoint(member.keys)
            or layered.omits
            or inner.opaque_to(count)
            or asks_inside(inner.base, self.definitions)
        ):
            node = self._shown_as(layered, len(layers), self._opaque(inner), deferred=True)
            node.raw = True
            return Planned(node, layered, raw=True)
        own = self._own(inner, count)
        node = self._leaf(own) if member.vanishing else self._node(own)
        node = self._shown_as(layered, len(layers), node, deferred=member.vanishing or count > 0)
        validated = any(_is_validated(layer, found.config) for layer in layered.layers[:defaults])
        default = self.definitions.refer(own.schema) if validated else None
        return Planned(node, layered, layers, default, asks=count > 0)

    def _own(self, layered: LayeredSchema, count: int) -> LayeredSchema:
        """A member's place without its `count` outermost layers. It stays nullable if it was."""
        own = layered.inside(count)
        if own.nullable or not layered.outside(count).nullable:
            return own
        nullable = {"type": "nullable", "schema": self.definitions.refer(own.schema)}
        return own.inside_of(self._nullables.setdefault(id(own.schema), nullable))

    def _shown_as(self, layered: LayeredSchema, count: int, node: Node, *, deferred: bool) -> Node:
        """A member's node. It becomes a leaf if its `count` outermost layers have a serializer."""
        if layered.outside(count).serializations:
            leaf = self._leaf(layered)
            leaf.whole, leaf.deferred = node.whole, leaf.deferred or node.deferred
            node = leaf
        return replace(node, deferred=True) if deferred and isinstance(node, Leaf) else node

    def _remember(self, layered: LayeredSchema, node: Node) -> None:
        self._layered.append(layered)
        self._nodes[layered.key] = node

    _builders: ClassVar[dict[str, Callable[[Compiler, LayeredSchema], Node | None]]] = {
        "str": _string,
        "list": _list,
        "generator": _list,
        "deque": _list,
        "dict": _dict,
        "ordered-dict": _dict,
        "counter": _dict,
        "tagged-union": _tagged,
        "model": _model,
        "dataclass": _model,
        "typed-dict": _model,
    }


def _is_transparent(layered: LayeredSchema) -> bool:
    """Whether no layer of a place reads its value."""
    return all(
        layer["type"] in _TRANSPARENT
        or (
            layer["type"] == "model" and not layer.get("post_init") and not layer.get("custom_init")
        )
        for layer in layered.layers
    )


def _needs_values(node: Model, found: Members) -> bool:
    """Whether closing the object needs its members' values.

    It does if a serializer or a default factory gets them, or if a member may become an extra key.
    """
    return (
        any(field.node.deferred for field in node.fields)
        or any(_has_factory_of_others(member.schema) for member in found.members)
        or (node.extra != "ignore" and any(len(field.names) > 1 for field in node.fields))
    )


def _has_factory_of_others(schema: Schema) -> bool:
    while "schema" in schema:
        if schema.get("default_factory_takes_data"):
            return True
        schema = schema["schema"]
    return False


def _needs_count(base: Schema) -> bool:
    return "min_length" in base or "max_length" in base


def _changes(node: Node) -> bool:
    return isinstance(node, String) and node.changing


def _origin(layered: LayeredSchema) -> object:
    """An identity for a class and its way of serialization."""
    written = [(key, value) for key, value in layered.config.items() if key[:8] == "ser_json"]
    return (layered.base.get("cls", id(layered.base)), *sorted(written))


def _names(found: Members) -> dict[str, str]:
    return {key: member.name for member in found.members for key in member.keys}


def _has_string_rules(config: Schema) -> bool:
    return any(config.get(f"str_{rule}") for rule in _STRING_CHECKS)


def _is_validated(default: Schema, config: Schema) -> bool:
    return bool(default.get("validate_default", config.get("validate_default", False)))


def _simple_tags(discriminator: Any) -> tuple[str, ...]:
    """The keys that may hold the tag, in order of precedence; () if it is found in another way."""
    if isinstance(discriminator, str):
        return (discriminator,)
    paths = discriminator if isinstance(discriminator, list) else []
    keys = [path[0] for path in paths if isinstance(path, list) and len(path) == 1]
    simple = len(keys) == len(paths) and all(isinstance(key, str) for key in keys)
    return tuple(keys) if simple else ()
