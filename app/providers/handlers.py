"""Instructor's handlers for a mode. They make requests, and take the text out of chunks.

Instructor's registry has them. Instructor's `create` is not used, because it parses the whole
text again at each chunk.
"""

from __future__ import annotations

from typing import Any

from instructor import Mode, ResponseSchema
from instructor import Provider as InstructorProvider
from instructor.v2 import mode_registry

from app.schemas.asked_model import AskedModel


def handlers(provider: InstructorProvider, mode: Mode) -> Any:
    """Instructor's handlers for a mode of a provider."""
    return mode_registry.get_handlers(provider, mode)


def described(asked: AskedModel) -> type[ResponseSchema]:
    """The class that Instructor's handlers take for what is asked. It takes 1 ms to make.

    They read a class's name and its JSON Schema. So that the schema's own class need not be
    subclassed, which some classes don't allow, this one has nothing but these.
    """

    own = {
        "__module__": __name__,
        "__doc__": None,  # what it said of arguments would be written into the JSON Schema
        "model_json_schema": staticmethod(lambda **_: asked.json_schema),
    }
    return type(asked.name, (ResponseSchema,), own)
