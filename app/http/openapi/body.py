"""The bodies of requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.http.openapi.components import Json
from app.views.specs import VIEWS


def body(schema: Json, examples: Iterable[Mapping[str, Any]]) -> Json:
    """The body of a call that begins a stream. schema: the JSON Schema of the parameters."""
    named = {
        f"example-{number}": {"summary": _summary(example), "value": dict(example)}
        for number, example in enumerate(examples, 1)
    }
    content = {"schema": schema} | ({"examples": named} if named else {})
    return {
        "description": _description(),
        "required": True,
        "content": {"application/json": content},
    }


def _description() -> str:
    """The description of a body: which kinds of body each view accepts."""
    front_ends = [
        f"With `view={spec.name}` it may also be {spec.body.meaning}."
        for spec in VIEWS.values()
        if spec.body is not None
    ]
    return " ".join(["The schema's parameters.", *front_ends])


def _summary(example: Mapping[str, Any]) -> str:
    schema = f"{example['schema']}: " if "schema" in example else ""
    return f"{schema}{example.get('topic', '')}"
