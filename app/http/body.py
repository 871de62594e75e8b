"""The JSON bodies of requests."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json
from starlette.requests import Request

from app.errors import InvalidRequest, UnsupportedMediaType


async def read_object(request: Request) -> dict[str, Any]:
    """A request's body as an object. (FastAPI bounds its size.)

    Raises `UnsupportedMediaType`, and `InvalidRequest` with the status 400 where the body is
    not JSON: NaN, a lone surrogate or too deep a nesting are none; 422 where it is no object.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMediaType
    try:
        body = from_json(await request.body(), allow_inf_nan=False)
    except ValueError:
        raise InvalidRequest("The body is not valid JSON.", status=400) from None
    if not isinstance(body, dict):
        raise InvalidRequest(
            "The body must be a JSON object.",
            errors=[{"path": "", "message": "must be an object"}],
        )
    return body
