"""`/docs`: Swagger UI for `/openapi.json`, all of it served by us (see app/web/swagger)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER: Final = Path(__file__).resolve().parent.parent / "web" / "swagger"

HEADERS: Final = {
    # Kept by browsers, but asked for each time: the ETag makes that a short 304.
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
}
# Tried: Swagger UI, with its "try it out", needs data: images and nothing else that isn't ours.
POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)


def mount_docs(app: FastAPI) -> None:
    """Add `/docs` with its assets, and a redirect from `/` to it."""
    app.add_route("/", _to_docs, include_in_schema=False)
    app.add_route("/docs", _page, include_in_schema=False)
    app.add_route("/docs/", _to_docs, include_in_schema=False)
    app.mount("/docs/assets", _Assets(directory=FOLDER), name="docs-assets")


class _Assets(StaticFiles):
    """The page's files, with an ETag each."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


async def _page(request: Request) -> Response:
    headers = HEADERS | {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
    return FileResponse(FOLDER / "index.html", headers=headers, media_type="text/html")


async def _to_docs(request: Request) -> Response:
    # Without a host: behind a proxy we don't know ours.
    return RedirectResponse(f"{request.scope.get('root_path', '').rstrip('/')}/docs", 307)
