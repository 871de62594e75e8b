"""Prompts: made of parameters by a schema's own function, and checked."""

from __future__ import annotations

import inspect
import traceback
from pathlib import Path
from typing import Any

from app.schema import Parameters, Prompt, Schema


def render(schema: Schema, parameters: Parameters) -> Prompt:
    """The prompt for these parameters.

    Raises TypeError if the schema's function gives something else than two strings, and what
    the function raises.
    """
    made: Any = schema.prompt(parameters)
    if not isinstance(made, Prompt):
        if inspect.iscoroutine(made):
            made.close()  # else Python warns that nobody has awaited it
        raise TypeError(f"it gave {_kind(made)}, and not a Prompt")
    for name, part in zip(("system", "user"), made, strict=True):
        if not isinstance(part, str):
            raise TypeError(f"the {name} part of its Prompt is {_kind(part)}, and not a string")
    return made


def line_of(error: Exception, file: Path) -> int | None:
    """The line of a schema's file in which an exception was raised, or on the way to where."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == file]
    return lines[-1] if lines else None


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"
