"""`/docs`: Swagger UI for `/openapi.json`, all of it served by us (see app/web/swagger)."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.http.endpoints.assets import WEB, Assets, page, policy

FOLDER: Final = WEB / "swagger"

# Swagger UI needs images in `data:` URLs. Everything else comes from this service.
POLICY: Final = policy(images="'self' data:")


def mount_docs(app: FastAPI) -> None:
    """Add `/docs` with its assets."""
    app.add_route("/docs", _page, include_in_schema=False)
    app.add_route("/docs/", _to_docs, include_in_schema=False)
    app.mount("/docs/assets", Assets(FOLDER), name="docs-assets")


async def _page(request: Request) -> Response:
    return page(FOLDER / "index.html", POLICY)


async def _to_docs(request: Request) -> Response:
    # The address has no host, as behind a proxy the service doesn't know its public host name.
    return RedirectResponse(f"{request.scope.get('root_path', '').rstrip('/')}/docs", 307)
