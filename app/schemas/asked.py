"""The JSON Schema that a model is asked in: as narrow as what is checked."""

from __future__ import annotations

from pydantic.json_schema import GenerateJsonSchema


class AskedJsonSchema(GenerateJsonSchema):
    """Pydantic's JSON Schema, narrowed to what its validation takes."""
