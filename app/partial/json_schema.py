"""The JSON Schema that every partial of a type satisfies.

It is the result's JSON Schema with two changes. Every place that may be unknown may be null.
Rules that only a complete value can satisfy (a string's length or pattern, the least length of a
list) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, cast

from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaWarningKind
from pydantic_core import core_schema

from app.partial.node import Dict, Field, Leaf, List, Model, Node, String, Tagged, empty

Json = dict[str, Any]
_NULL: Json = {"type": "null"}
_MEMBER = "\0"  # the key of a leaf in a dummy object that has the config of its real object


def partial_json_schema(root: Node) -> Json:
    """The JSON Schema (2020-12) of the partials of a plan's root."""
    return _Writer(root).schema


class ResultJsonSchema(GenerateJsonSchema):
    """Pydantic's JSON Schema, which values can have that Pydantic's own schema doesn't allow.

    `ser_json_inf_nan="strings"` writes NaN as `"NaN"`: numbers may be strings then. The lengths of
    bytes are left out, because the string that stands for them has another length.
    Raises PydanticInvalidForJsonSchema if a choice of a union has no JSON Schema. Pydantic leaves
    such a choice out, but the decoder may show its values.
    """

    def __init__(self, by_alias: bool = True, **options: Any) -> None:
        super().__init__(by_alias, **options)
        self._told = [False]  # for each class that is open: whether its config says "strings"

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        if kind == "skipped-choice":
            raise PydanticInvalidForJsonSchema(detail)
        super().emit_warning(kind, detail)

    def float_schema(self, schema: core_schema.FloatSchema) -> Json:
        number = super().float_schema(schema)
        if self.mode == "validation" or not self._told[-1]:
            return number
        return {"anyOf": [number, {"type": "string", "enum": _NO_NUMBERS}]}

    def bytes_schema(self, schema: core_schema.BytesSchema) -> Json:
        made = super().bytes_schema(schema)
        lengths = ("minLength", "maxLength") if self.mode == "serialization" else ()
        return {key: value for key, value in made.items() if key not in lengths}

    def model_schema(self, schema: core_schema.ModelSchema) -> Json:
        with self._configured(schema.get("config", {})):
            return super().model_schema(schema)

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> Json:
        config = schema.get("config")
        with nullcontext() if config is None else self._configured(config):
            return super().dataclass_schema(schema)

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> Json:
        config = getattr(schema.get("cls"), "__pydantic_config__", None)
        with nullcontext() if config is None else self._configured(config):
            return super().typed_dict_schema(schema)

    @contextmanager
    def _configured(self, config: Mapping[str, Any]) -> Iterator[None]:
        self._told.append(config.get("ser_json_inf_nan") == "strings")
        try:
            yield
        finally:
            self._told.pop()


_NO_NUMBERS = ["NaN", "Infinity", "-Infinity"]


class _Writer:
    def __init__(self, root: Node) -> None:
        self._names: dict[object, str] = {}
        self._nodes: dict[int, Node] = {}
        self._collect(root)
        self._leaves, definitions = ResultJsonSchema().generate_definitions(list(self._schemas()))
        self._definitions: Json = {}
        self._taken = {str(name) for name in definitions}
        self.schema = self._element(root)
        everything = {**{str(name): definitions[name] for name in definitions}, **self._definitions}
        if everything:
            self.schema = {**self.schema, "$defs": everything}

    # -- leaves: Pydantic's own schemas, made together so that they share definitions ---

    def _collect(self, node: Node) -> None:
        if id(node) not in self._nodes:
            self._nodes[id(node)] = node
            for child in _children(node):
                self._collect(child)

    def _schemas(self) -> Iterator[tuple[Any, JsonSchemaMode, Any]]:
        for key, node in self._nodes.items():
            if isinstance(node, Leaf | String):
                yield key, "serialization", _configured(node.schema, node)
            if isinstance(node, Model):
                for name, returned in node.computed.items():
                    yield f"{key}.{name}", "serialization", _configured(returned, node)

    def _whole(self, key: object) -> Json:
        schema: Json = self._leaves[cast(Any, (key, "serialization"))]
        if _MEMBER not in schema.get("properties", ()):
            return schema
        member: Json = schema["properties"][_MEMBER]
        return {name: item for name, item in member.items() if (name, item) != ("title", _MEMBER)}

    # -- places -------------------------------------------------------------------------

    def _field(self, node: Node) -> Json:
        """The schema of a place that is there from the start, with null for "not known"."""
        shown = self._element(node)
        return _or_null(shown) if empty(node) is None or _holds_itself(node) else shown

    def _element(self, node: Node) -> Json:
        """The schema of a place that is absent until it is known."""
        schema = self._shown(node)
        return _or_null(schema) if node.nullable else schema

    def _shown(self, node: Node) -> Json:
        match node:
            case Leaf(shape=Node() as shape):
                return {"anyOf": [self._whole(id(node)), self._element(shape)]}
            case String():
                return _string(self._whole(id(node)))
            case List():
                return {"type": "array", "items": self._element(node.item)}
            case Dict():
                return {"type": "object", "additionalProperties": self._element(node.item)}
            case Tagged():
                choices = {id(choice): choice for choice in node.choices.values()}
                return {"anyOf": [self._shown(choice) for choice in choices.values()]}
            case Model():
                return {"$ref": f"#/$defs/{self._definition(node)}"}
            case _:
                return self._whole(id(node))

    def _definition(self, node: Model) -> str:
        if known := self._names.get(node.origin):
            return known
        name = base = re.sub(r"[^A-Za-z0-9.\-_]", "_", f"Partial{node.title}")  # for a URI
        count = 1
        while name in self._taken:
            count += 1
            name = f"{base}{count}"
        self._taken.add(name)
        self._names[node.origin] = name
        self._definitions[name] = {}  # reserves the name, as the model may contain itself
        self._definitions[name].update(self._model(node))
        return name

    def _model(self, node: Model) -> Json:
        shown = [field for field in node.fields if field.out is not None]
        properties = {str(field.out): self._member(field) for field in shown}
        for key in node.computed:
            properties[key] = _or_null(self._whole(f"{id(node)}.{key}"))
        required = [str(field.out) for field in shown if field.required]
        schema: Json = {"type": "object", "title": node.title, "properties": properties}
        if node.extra != "allow":
            schema["additionalProperties"] = False
        schema["required"] = [*required, *node.computed]
        return schema

    def _member(self, field: Field) -> Json:
        """The schema of a member. One that is not null is known wherever its object is shown."""
        is_known = field.not_null or not field.required
        return self._element(field.node) if is_known else self._field(field.node)


def _children(node: Node) -> list[Node]:
    match node:
        case Leaf(shape=Node() as shape):
            return [shape]
        case List() | Dict():
            return [node.item]
        case Tagged():
            return list(node.choices.values())
        case Model():
            return [field.node for field in node.fields if field.out is not None]
        case _:
            return []


def _holds_itself(node: Node) -> bool:
    """Whether the model contains itself without end. Inside itself, it is then null."""
    seen: set[Node] = set()
    stack = [node]
    while stack:
        place = stack.pop()
        if isinstance(place, Model | Leaf) and not place.nullable:
            stack.extend(child for child in _children(place) if child not in seen)
            seen.update(_children(place))
    return node in seen


def _configured(schema: Any, node: Node) -> Any:
    """A schema inside of a dummy object with its object's config, if that affects serialization."""
    written = {key: value for key, value in node.config.items() if key.startswith("ser_json")}
    if not written:
        return schema
    fields = {_MEMBER: {"type": "typed-dict-field", "schema": schema}}
    holder = type("Holder", (), {"__pydantic_config__": written})
    return {"type": "typed-dict", "fields": fields, "cls": holder}


def _string(schema: Json) -> Json:
    """A string's schema without the rules that only a complete string can satisfy."""
    kept: Json = {key: schema[key] for key in _ANNOTATIONS if key in schema}
    return {"type": "string", **kept}


_ANNOTATIONS = ("title", "description", "examples")


def _or_null(schema: Json) -> Json:
    if schema.get("type") == "null" or _NULL in schema.get("anyOf", ()):
        return schema
    if isinstance(schema.get("type"), list) and "null" in schema["type"]:
        return schema
    if schema.keys() == {"anyOf"}:
        return {"anyOf": [*schema["anyOf"], _NULL]}
    if isinstance(schema.get("type"), str) and schema.keys() <= {"type", "title"}:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, _NULL]}
