"""The error responses, by status, with the codes that each may have. `app/errors.py` has them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from app.errors import (
    Cancelled,
    ErrorDetail,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    OutputInvalid,
    Overloaded,
    PayloadTooLarge,
    ServiceError,
    UnknownSchema,
    UnsupportedMediaType,
)
from app.http.openapi.components import Components, Json, record
from app.http.problem import MEDIA_TYPE, problem

REQUEST_ID: Final = "4b1d5e0c9a7f3e21"
"""The request id in the examples."""

# Errors that only some of the calls that stream may have, grouped by what a call needs for them.
_NO_OPERATION: Final = frozenset({NotFound, MethodNotAllowed})
_POST: Final = frozenset({PayloadTooLarge, UnsupportedMediaType})
_NAMED_SCHEMA: Final = frozenset({UnknownSchema})

_DETAILS_OF: Final[dict[type[ServiceError], list[ErrorDetail]]] = {
    InvalidRequest: [ErrorDetail(path="/topic", message="is required")],
    OutputInvalid: [ErrorDetail(path="/0/title", message="is required")],
}

ERROR_DETAIL: Final = record(
    {
        "path": {"type": "string", "description": "A JSON Pointer; empty for the root."},
        "message": {"type": "string"},
    }
)
_RETRY_AFTER: Final = {
    "description": "Seconds to wait before trying again, if they are known.",
    "schema": {"type": "integer", "minimum": 0},
}


def kinds(root: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    """Every error that has a code, in the order of the tree."""
    if "code" in vars(root):
        yield root
    for child in root.__subclasses__():
        yield from kinds(child)


def codes(found: Iterable[type[ServiceError]]) -> list[str]:
    return list(dict.fromkeys(kind.code for kind in found))


def in_stream() -> list[type[ServiceError]]:
    """The errors that may come after the first byte. None of them is about the request."""
    found = [kind for kind in kinds() if kind.status >= 500 or kind is Cancelled]
    return [kind for kind in found if kind is not Overloaded]


def of_stream(*, post: bool, named: bool) -> list[ServiceError]:
    """The errors that a call that streams may answer.

    post: whether it has a body
    named: whether the body names the schema
    """
    absent = _NO_OPERATION if post else _NO_OPERATION | _POST
    absent = absent if named else absent | _NAMED_SCHEMA
    found = [_instance(kind) for kind in kinds() if kind not in absent]
    broken = InvalidRequest("The body is not valid JSON.", status=400)
    return [broken, *found] if post else found


def responses(errors: Iterable[ServiceError], components: Components) -> Json:
    """References to the responses of these errors, by status."""
    by_status: dict[int, list[ServiceError]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    return {
        str(status): components.add("responses", f"Error{status}", response(found, components))
        for status, found in sorted(by_status.items())
    }


def response(errors: list[ServiceError], components: Components) -> Json:
    """The response of errors that have the same status."""
    headers = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
    if any(error.retry_after for error in errors):
        headers["Retry-After"] = components.add("headers", "Retry-After", _RETRY_AFTER)
    return {
        "description": "\n".join(f"- `{error.code}`: {_words(error)}" for error in errors),
        "headers": headers,
        "content": {
            MEDIA_TYPE: {
                "schema": _schema(errors, components),
                "examples": {
                    error.code: {"summary": _words(error), "value": _body(error)}
                    for error in errors
                },
            }
        },
    }


def _schema(errors: list[ServiceError], components: Components) -> Json:
    """A reference to the schema of a problem with this status and its codes.

    It uses `enum` instead of `const`: openapi-python-client can't merge a number with a constant.
    """
    number = errors[0].status
    status = {"type": "integer", "enum": [number]}
    code = {"type": "string", "enum": codes(map(type, errors))}
    narrowed = {"type": "object", "properties": {"status": status, "code": code}}
    problem = {"allOf": [problem_schema(components), narrowed]}
    return components.schema(f"Problem{number}", problem)


def problem_schema(components: Components) -> Json:
    """A reference to the body of every error (RFC 9457)."""
    errors = {"type": "array", "items": components.schema("ErrorDetail", ERROR_DETAIL)}
    required: Json = {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "For people; it never repeats input."},
        "code": {"type": "string", "enum": codes(kinds()), "description": "For a program."},
        "error": {"type": "string", "description": "The same as `detail`, as in an `error` event."},
        "retryable": {"type": "boolean", "description": "Whether trying again may help."},
        "request_id": {"type": "string", "description": "The response's `X-Request-ID`."},
    }
    return components.schema("Problem", record(required, {"errors": errors}))


def _instance(kind: type[ServiceError]) -> ServiceError:
    """An error as a client may meet it."""
    unavailable = kind.retryable and kind.status in (429, 503)
    return kind(retry_after=1 if unavailable else None, errors=_DETAILS_OF.get(kind, ()))


def _body(error: ServiceError) -> Any:
    return json.loads(bytes(problem(error, REQUEST_ID).body))


def _words(error: ServiceError) -> str:
    """The error's own message, or the first line of its class's docstring."""
    if error.detail != error.message:
        return error.detail
    return (type(error).__doc__ or error.detail).splitlines()[0]
