"""JSON Schema as providers take it: each takes another part of it, and refuses the rest. Pure.

    in_dialect(schema, "strict") -> the schema in that dialect

What a dialect can't say is said to the model in words, and is checked in its answer like
everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from app.schemas.inline import inline
from app.schemas.plain import plain
from app.schemas.strict import strict
from app.schemas.subschemas import Json, mapped
from app.schemas.unsayable import Unsayable

__all__ = ["DIALECTS", "Dialect", "Unsayable", "in_dialect"]

Dialect = Literal["full", "strict", "inline", "plain"]

DIALECTS: Final[dict[Dialect, Callable[[Json], Json]]] = {
    "full": lambda schema: schema,
    "strict": strict,
    "inline": inline,
    "plain": plain,
}
"""What puts a JSON Schema into each dialect."""


def in_dialect(schema: Json, dialect: Dialect, *, examples: bool = True) -> Json:
    """A JSON Schema, whose root is an object, in a dialect.

    examples: whether those in the schema stay

    The schema is not changed. Raises `Unsayable` where the dialect can't say what it says.
    """
    return DIALECTS[dialect](schema if examples else _without_examples(schema))


def _without_examples(schema: Json) -> Json:
    kept = {key: schema[key] for key in schema if key != "examples"}
    return mapped(kept, _without_examples)
