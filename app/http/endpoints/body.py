"""The JSON bodies of requests."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request

from app.errors import BodyTooSlow, InvalidRequest, PayloadTooLarge, UnsupportedMediaType
from app.http.context import note_received
from app.partial.scan import MAX_DEPTH
from app.partial.value import depth, loads

SECONDS = 10
"""The time that a body may take. A client that sends one slowly holds a connection and a task."""

EXACT = 2**53
"""A double represents every whole number below this one exactly."""


async def read_object(request: Request, limit: int) -> tuple[dict[str, Any], int]:
    """A request's body, of at most `limit` bytes, as an object; and how many bytes it has.

    Raises `UnsupportedMediaType`, `PayloadTooLarge` and `BodyTooSlow`. Raises `InvalidRequest`
    with status 400 if the body is not JSON, and with 422 if it is JSON but not an object. NaN, a
    repeated key, a lone surrogate and too deep a nesting count as not JSON.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMediaType
    try:
        async with asyncio.timeout(SECONDS):
            content = await _read(request, limit)
    except TimeoutError:
        raise BodyTooSlow from None
    note_received(request.scope)
    try:
        body = loads(content.decode())
        if depth(body) > MAX_DEPTH:  # Python's own limit depends on its version
            raise ValueError
    except ValueError:
        raise InvalidRequest("The body is not valid JSON.", status=400) from None
    if not isinstance(body, dict):
        raise InvalidRequest(
            "The body must be a JSON object.",
            errors=[{"path": "", "message": "must be an object"}],
        )
    return body, len(content)


async def _read(request: Request, limit: int) -> bytearray:
    """The bytes of a body. Raises `PayloadTooLarge`.

    FastAPI's `max_body_size` is not used: the body of its 413 is not an RFC 9457 problem, and no
    middleware sees it.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise PayloadTooLarge
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > limit:
            raise PayloadTooLarge
    return content


def with_whole_numbers(value: Any) -> Any:
    """A JSON value in which `5.0` is the integer 5, as JSON Schema defines integers."""
    if isinstance(value, dict):
        return {key: with_whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_whole_numbers(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return int(value)
    return value
