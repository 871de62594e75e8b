"""`/openapi.json` and `/openapi-3.2.json`. Each is made once, and sent as bytes from then on.

They name the prefix under which the service is reached. An app in which it is mounted tells that
prefix with each request, so the first request is waited for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from threading import Lock
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from app.http.context import prefix
from app.http.endpoints.fixed_json import FixedJson

Make = Callable[[str], dict[str, Any]]
"""Makes a document for a prefix."""


def add_openapi(app: FastAPI, path: str, make: Make) -> None:
    """Serve the document that `make` makes at this path. It is made at the first request."""
    app.add_api_route(path, _endpoint(make), include_in_schema=False)


def _endpoint(make: Make) -> Callable[[Request], Awaitable[Response]]:
    made: dict[str, FixedJson] = {}  # by the prefix, of which most services have one
    lock = Lock()

    def make_once(under: str) -> None:
        with lock:
            if under not in made:
                made[under] = FixedJson(make(under))

    async def endpoint(request: Request) -> Response:
        under = prefix(request.scope)
        if under not in made:  # making it takes a sixth of a second, too long for the event loop
            await run_in_threadpool(make_once, under)
        return made[under].response(request)

    return endpoint
