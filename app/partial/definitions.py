"""The definitions of a core schema, and the validators and serializers that need them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from pydantic_core import SchemaSerializer, SchemaValidator

from app.partial.layers import Schema

_NOT_SCHEMAS = frozenset({"metadata", "config", "default"})


class Definitions(dict[str, Schema]):
    """The schemas that others refer to, by name."""

    @staticmethod
    def split(schema: Schema) -> tuple[Definitions, Schema]:
        """A schema's definitions, and the schema without them."""
        found = Definitions()
        while schema["type"] == "definitions":
            found.update({definition["ref"]: definition for definition in schema["definitions"]})
            schema = schema["schema"]
        return found, schema

    def validator(self, schema: Schema, config: Schema) -> SchemaValidator:
        return SchemaValidator(cast(Any, self.complete(schema)), cast(Any, config))

    def changed_validator(self, schema: Schema, config: Schema) -> SchemaValidator:
        """The validator for a changed schema of a class.

        For a schema that names a class, Pydantic uses the class's own validator. This private
        argument is the only way to prevent that; a test fails if Pydantic removes it.
        """
        complete: Any = self.complete(schema)
        return SchemaValidator(complete, cast(Any, config), _use_prebuilt=False)

    def serializer(self, schema: Schema, config: Schema) -> SchemaSerializer:
        return SchemaSerializer(cast(Any, self.complete(schema)), cast(Any, config))

    def complete(self, schema: Schema) -> Schema:
        """A schema with the definitions that it needs."""
        needed: dict[str, Schema] = {}
        pending = list(_references(schema))
        while pending:
            name = pending.pop()
            if name not in needed:
                needed[name] = self[name]
                pending.extend(_references(needed[name]))
        if not needed:
            return schema
        return {
            "type": "definitions",
            "schema": self.refer(schema, needed),
            "definitions": list(needed.values()),
        }

    def refer(self, schema: Schema, known: dict[str, Schema] | None = None) -> Schema:
        """A schema for use inside another one: a reference, if it has a name."""
        if schema.get("ref") in (self if known is None else known):
            return {"type": "definition-ref", "schema_ref": schema["ref"]}
        return schema


def _references(schema: object) -> Iterator[str]:
    """The names of the definitions that a schema refers to directly."""
    stack = [schema]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            if part.get("type") == "definition-ref":
                yield part["schema_ref"]
            is_schema = isinstance(part.get("type"), str)  # otherwise its keys are field names
            stack.extend(
                value for key, value in part.items() if not (is_schema and key in _NOT_SCHEMAS)
            )
        elif isinstance(part, list | tuple):
            stack.extend(part)
