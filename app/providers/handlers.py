"""Instructor's handlers for a mode: what makes a request, and what takes the text out of chunks.

Its registry gives them to whoever asks. Its `create` is not used: that parses the whole text
again at each chunk.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from instructor import Mode, response_schema
from instructor import Provider as InstructorProvider
from instructor.v2 import mode_registry
from pydantic import BaseModel


def handlers(provider: InstructorProvider, mode: Mode) -> Any:
    """Instructor's handlers for a mode of a provider."""
    return mode_registry.get_handlers(provider, mode)


@cache
def described(model: type[BaseModel]) -> type[BaseModel]:
    """Instructor's class for a response model. It is made once, and not for each request."""
    made: Any = response_schema(model)
    # Pydantic would make the JSON Schema for each request, in half a millisecond or more.
    made.model_json_schema = cache(made.model_json_schema)
    described: type[BaseModel] = made
    return described
