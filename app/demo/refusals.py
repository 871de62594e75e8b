"""The requests that some of the demo's models refuse, as real providers refuse them. Pure.

Each model takes all but one part of a request, so that a caller has to do without it. The words
and shapes are those of different providers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from app.demo.chunks import problem

Asked = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refusing:
    """What a model does not take, and its answer to it."""

    refuses: Callable[[Asked], bool]
    status: int
    answer: Any


def _kind(message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    return problem(message, "invalid_request_error", code, param)


def _format(asked: Asked) -> dict[str, Any]:
    """The `json_schema` of a request's format, or an empty object."""
    found = asked.get("response_format")
    schema = found.get("json_schema") if isinstance(found, dict) else None
    return schema if isinstance(schema, dict) else {}


def _is_strict(asked: Asked) -> bool:
    return _format(asked).get("strict") is True


def _forces_a_call(asked: Asked) -> bool:
    return asked.get("tool_choice") not in (None, "auto", "none")


def _has_references(asked: Asked) -> bool:
    return '"$ref"' in json.dumps([asked.get("tools"), asked.get("response_format")])


_NO_TOOLS: Final = Refusing(
    lambda asked: "tools" in asked,
    400,
    _kind("demo: this model does not support tools", "tools"),
)
_UNKNOWN: Final = "Invalid JSON payload received. Unknown name \"{}\" at '{}': Cannot find field."

REFUSING: Final[dict[str, tuple[Refusing, ...]]] = {
    "demo-no-tools": (_NO_TOOLS,),
    "demo-no-forced-tool": (
        Refusing(_forces_a_call, 400, _kind("Thinking mode does not support this tool_choice")),
    ),
    "demo-no-parallel-tool-calls": (
        Refusing(
            lambda asked: "parallel_tool_calls" in asked,
            400,
            [
                {
                    "error": {
                        "code": 400,
                        "message": _UNKNOWN.format("parallel_tool_calls", ""),
                        "status": "INVALID_ARGUMENT",
                    }
                }
            ],
        ),
    ),
    "demo-no-strict": (
        _NO_TOOLS,
        Refusing(
            _is_strict,
            400,
            _kind(
                "Invalid schema for response_format 'answer': In context=('properties', 'url'),"
                " 'uri' is not a valid format.",
                "response_format",
            ),
        ),
    ),
    "demo-no-json-schema": (
        _NO_TOOLS,
        Refusing(
            lambda asked: bool(_format(asked)),
            400,
            _kind("This response_format type is unavailable now", None, "invalid_request_error"),
        ),
    ),
    "demo-no-references": (
        Refusing(
            _has_references,
            400,
            [{"error": {"code": 400, "message": _UNKNOWN.format("$ref", "tools[0].function")}}],
        ),
    ),
    "demo-no-stream-options": (
        Refusing(
            lambda asked: "stream_options" in asked,
            422,
            {
                "detail": [
                    {
                        "type": "extra_forbidden",
                        "loc": ["body", "stream_options"],
                        "msg": "Extra inputs are not permitted",
                        "input": {"include_usage": True},
                    }
                ]
            },
        ),
    ),
    "demo-no-max-tokens": (
        Refusing(
            lambda asked: "max_tokens" in asked,
            400,
            _kind(
                "Unsupported parameter: 'max_tokens' is not supported with this model."
                " Use 'max_completion_tokens' instead.",
                "max_tokens",
                "unsupported_parameter",
            ),
        ),
    ),
}
"""What each of these models refuses, by name. The first that applies is answered."""


def refused(model: str, asked: Asked) -> Refusing | None:
    """What is refused of a request for this model, or None if it takes all of it."""
    return next((it for it in REFUSING.get(model, ()) if it.refuses(asked)), None)
