"""Errors before the first byte: RFC 9457 problems. They never echo what was sent.

A problem also has the fields of the `error` event (`error`, `code`, `retryable`, `request_id`,
`errors`), so that a client can handle both with the same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.errors import (
    BodyTooSlow,
    Internal,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    ServiceError,
)
from app.http.context import NOSNIFF, request_id
from app.partial.value import dumps
from app.streams.log_entry import Failed

MEDIA_TYPE = "application/problem+json"

_OF_STATUS: dict[int, type[ServiceError]] = {
    400: InvalidRequest,
    404: NotFound,
    405: MethodNotAllowed,
    413: PayloadTooLarge,
}

_TITLES: dict[int, str] = {413: "Content Too Large", 422: "Unprocessable Content"}
"""What RFC 9110 calls them. Before version 3.13, Python has the words of an older RFC."""


def problem(
    error: ServiceError | Failed, request_id: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The response of an error, or of a stream that has failed."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(error.status) or HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "error": error.detail,
        "retryable": error.retryable,
        "request_id": request_id,
    }
    sent = {**NOSNIFF, **(headers or {})}
    if error.retry_after is not None:
        sent["Retry-After"] = str(ceil(error.retry_after))
    if error.status == 401:
        sent["WWW-Authenticate"] = "Bearer"
    if error.errors:
        body["errors"] = error.errors
    return Response(dumps(body), error.status, sent, MEDIA_TYPE)


async def on_service_error(request: Request, error: Exception) -> Response:
    """Starlette's handler for our own errors."""
    assert isinstance(error, ServiceError)
    headers = {"Connection": "close"} if isinstance(error, BodyTooSlow) else None
    return problem(error, request_id(request.scope), headers)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's handler for the framework's own errors, such as an unknown path or method."""
    assert isinstance(error, HTTPException)
    kind = _OF_STATUS.get(error.status_code, Internal)
    ours = kind(status=error.status_code) if kind is InvalidRequest else kind()
    return problem(ours, request_id(request.scope), error.headers)
