"""JSON that stays the same while the service runs: it is made once, and sent as bytes."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.partial.value import dumps


class FixedJson:
    """A document. A client that has it already, as its ETag says, is sent a 304."""

    def __init__(self, value: Any) -> None:
        self._body = dumps(value)
        self._etag = f'"{sha256(self._body).hexdigest()[:32]}"'

    def response(self, request: Request) -> Response:
        """The answer to a GET."""
        headers = {"ETag": self._etag, "Cache-Control": "no-cache"}
        if self._is_had(request):
            return Response(status_code=304, headers=headers)
        return Response(self._body, media_type="application/json", headers=headers)

    def _is_had(self, request: Request) -> bool:
        """Whether `If-None-Match` names it, or anything (RFC 9110 13.1.2: weakly compared)."""
        given = ",".join(request.headers.getlist("If-None-Match"))
        return any(tag.strip().removeprefix("W/") in (self._etag, "*") for tag in given.split(","))
