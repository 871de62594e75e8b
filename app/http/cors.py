"""Which pages of other origins may call, and what they may read."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.auth.origins import Origins
from app.http.context import NOSNIFF


class Cors(CORSMiddleware):
    """Starlette's middleware. It answers preflights itself, so `RequestContext` sees none.

    origins: which pages may call
    options: those of Starlette's middleware
    """

    def __init__(self, app: ASGIApp, /, origins: Origins, **options: Any) -> None:
        super().__init__(app, **options)
        self._origins = origins

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether pages of this origin may read answers."""
        return self._origins.allows(origin)

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a preflight, with the headers that every answer has."""
        self._origins.tell(request_headers)
        response = super().preflight_response(request_headers)
        response.headers.update(NOSNIFF)
        return response

    async def simple_response(
        self, scope: Scope, receive: Receive, send: Send, request_headers: Headers
    ) -> None:
        """Answer a request that is no preflight."""
        self._origins.tell(request_headers)
        await super().simple_response(scope, receive, send, request_headers)
