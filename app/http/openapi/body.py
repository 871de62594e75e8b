"""The bodies of requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.http.openapi.components import Json

_WORDS: Final = """\
The schema's parameters. With `view=ui-message` it may also be what the AI SDK's `useChat` posts \
(the user's last text is the topic; what is beside `id`, `messages`, `trigger` and `messageId` are \
the other parameters), with `view=ag-ui` AG-UI's `RunAgentInput` (they are in `forwardedProps`).
"""


def body(schema: Json, examples: Iterable[Mapping[str, Any]]) -> Json:
    """The body of a call that begins a stream. schema: of the parameters."""
    named = {
        f"example-{number}": {"summary": _summary(example), "value": dict(example)}
        for number, example in enumerate(examples, 1)
    }
    content = {"schema": schema} | ({"examples": named} if named else {})
    return {
        "description": _WORDS,
        "required": True,
        "content": {"application/json": content},
    }


def _summary(example: Mapping[str, Any]) -> str:
    schema = f"{example['schema']}: " if "schema" in example else ""
    return f"{schema}{example.get('topic', '')}"
