"""Which pages of other origins may call, and what they may read."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from app.http.context import NOSNIFF


class Cors(CORSMiddleware):
    """Starlette's middleware. It answers preflights itself, so `RequestContext` sees none."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a preflight, with the headers that every answer has."""
        response = super().preflight_response(request_headers)
        response.headers.update(NOSNIFF)
        return response
