"""A schema with what is computed from it: JSON Schemas, the plan, and the response model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel, TypeAdapter

from app.partial.json_schema import ResultJsonSchema, partial_json_schema
from app.partial.node import Node
from app.partial.plan import plan
from app.schema import Schema
from app.schemas.asked import AskedJsonSchema
from app.schemas.asked_model import AskedModel
from app.schemas.names import as_type
from app.schemas.subschemas import with_root, wrapped
from app.schemas.version import sources, version

LONGEST_NAME: Final = 64
"""Of a tool, to OpenAI. https://platform.openai.com/docs/api-reference/chat/create"""


@dataclass(frozen=True, eq=False)
class SchemaEntry:
    """One schema. Everything else is computed from it once, when it is first needed."""

    name: str
    file: Path
    schema: Schema
    _response_models: dict[tuple[int, int] | None, AskedModel] = field(
        default_factory=dict, init=False, repr=False
    )

    @cached_property
    def is_list(self) -> bool:
        """Whether the result is a list, whose length the parameter `count` bounds."""
        base, _ = _unannotated(self.schema.result)
        return base is list or get_origin(base) is list

    @cached_property
    def root_key(self) -> str | None:
        """The field of `response_model` that holds the result; None if the model is the result."""
        if self.is_list:
            return "items"
        return None if _is_object_model(self.schema.result) else "value"

    def default_model(self, models: Sequence[str]) -> str:
        """The model that is asked unless a request chooses another.

        models: those that a request may choose from, the service's default one first
        """
        return self.schema.model or models[0]

    @cached_property
    def parameters_json_schema(self) -> dict[str, Any]:
        """The JSON Schema of the parameters. Its root is an object, with their `properties`."""
        return with_root(self.schema.parameters.model_json_schema())

    @cached_property
    def parameter_keys(self) -> frozenset[str]:
        """All keys that the parameters may have, at any depth."""
        return frozenset(_property_names(self.parameters_json_schema))

    @cached_property
    def result_json_schema(self) -> dict[str, Any]:
        """The JSON Schema of the final value as it is sent: with aliases, and a list's bounds."""
        schema = TypeAdapter(self.schema.result).json_schema(
            mode="serialization", schema_generator=ResultJsonSchema
        )
        return schema | {"minItems": 1, "maxItems": self.max_count} if self.is_list else schema

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits that change with what the schema asks and checks.

        They are the same in every process that has the same files and versions of libraries.
        """
        checked = TypeAdapter(self.schema.result).json_schema(mode="validation")
        schemas = [self.parameters_json_schema, checked, self.result_json_schema]
        return version(sources(self.file), schemas)

    @cached_property
    def plan(self) -> Node:
        """The plan of how the result streams."""
        return plan(self.schema.result, keep=False)

    @cached_property
    def partial_json_schema(self) -> dict[str, Any]:
        """The JSON Schema of every partial."""
        return partial_json_schema(self.plan)

    @cached_property
    def max_count(self) -> int | None:
        """The largest `count` of a list; None if the result is no list."""
        return (
            self.parameters_json_schema["properties"]["count"]["maximum"] if self.is_list else None
        )

    def response_model(self, count: int | None, kept: int = 0) -> AskedModel:
        """What a model is asked for. Its root is an object.

        count: the bound of a list; ignored if the result is no list
        kept: how many elements of the list are there already. The rest alone is asked for, and
            may be empty

        The same count gives the same one. Each is kept for good, so there are few counts.
        Raises ValueError for a list without a count from 1 to `max_count`, or without a rest.
        """
        bounds = self._bounds(count, kept)
        if bounds not in self._response_models:
            self._response_models[bounds] = self._asked_model(bounds)
        return self._response_models[bounds]

    @property
    def response_models(self) -> Iterator[AskedModel]:
        """All that a model may be asked for first: one for each count of a list."""
        schema = self.parameters_json_schema["properties"].get("count", {})
        counts = range(schema["minimum"], schema["maximum"] + 1) if self.is_list else [None]
        return map(self.response_model, counts)

    def _bounds(self, count: int | None, kept: int) -> tuple[int, int] | None:
        """The least and the most elements to ask for; None if the result is no list."""
        if self.max_count is None:
            return None
        if count is None or not 1 <= count <= self.max_count:
            raise ValueError(f"{self.name}: count must be from 1 to {self.max_count}")
        if not 0 <= kept < count:
            raise ValueError(f"{self.name}: {kept} elements of {count} leave no rest")
        return (0 if kept else 1), count - kept

    @cached_property
    def _asked_json_schema(self) -> dict[str, Any]:
        """The JSON Schema of the result as a model is asked for it, a list without its bounds."""
        return TypeAdapter(self.schema.result).json_schema(schema_generator=AskedJsonSchema)

    def _asked_model(self, bounds: tuple[int, int] | None) -> AskedModel:
        name = as_type(self.name)[:LONGEST_NAME]
        schema = with_root(self._asked_json_schema)
        if self.root_key is not None:
            items = dict(zip(("minItems", "maxItems"), bounds or (), strict=False))
            schema = wrapped(self.root_key, {**self._asked_json_schema, **items})
        description = schema.get("description") or self.schema.description
        schema = {**schema, "title": name, "description": description}
        return AskedModel(name, description, schema)


def _unannotated(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    if get_origin(annotation) is Annotated:
        base, *metadata = get_args(annotation)
        return base, tuple(metadata)
    return annotation, ()


def _property_names(schema: Any) -> Iterator[str]:
    """The names of all properties in a JSON Schema."""
    for part in schema if isinstance(schema, list) else ():
        yield from _property_names(part)
    for key, part in schema.items() if isinstance(schema, dict) else ():
        if key == "properties" and isinstance(part, dict):
            yield from part
        yield from _property_names(part)


def _is_object_model(result: Any) -> bool:
    if not (isinstance(result, type) and issubclass(result, BaseModel)):
        return False
    schema = result.model_json_schema()
    # The JSON Schema of a recursive model is a reference to a definition inside it.
    root = schema["$defs"][schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema
    return root.get("type") == "object"
