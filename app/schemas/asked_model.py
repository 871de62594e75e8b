"""What a model is asked for, whatever its provider: a name, a description and a JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from app.schemas.dialects import Dialect, in_dialect


@dataclass(frozen=True, slots=True, eq=False)
class AskedModel:
    """A value that a model is asked for.

    name: of the tool that takes it: `[a-zA-Z0-9_-]{1,64}`
    json_schema: that of an object. It is not to be changed: requests share it
    kept: what providers have made of it, so that it lives no longer than this
    """

    name: str
    description: str
    json_schema: dict[str, Any]
    kept: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def in_dialect(self, dialect: Dialect, *, examples: bool = True) -> AskedModel:
        """The same in a dialect of JSON Schema, with or without the examples.

        Raises `Unsayable` where the dialect can't say what the schema says.
        """
        return replace(self, json_schema=in_dialect(self.json_schema, dialect, examples=examples))
