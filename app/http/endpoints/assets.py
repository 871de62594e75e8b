"""Serves pages and their files. No page has inline scripts or loads files from other hosts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.http.context import NOSNIFF

WEB: Final = Path(__file__).resolve().parents[2] / "web"

HEADERS: Final = {
    # Browsers keep the file, and ask each time whether it has changed. If its ETag has not, the
    # answer is a 304.
    "Cache-Control": "no-cache",
    **NOSNIFF,
}


def policy(*, images: str = "'self'", base: str = "'none'") -> str:
    """A Content-Security-Policy that allows nothing but the service's own files."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src {images}",
            "connect-src 'self'",
            f"base-uri {base}",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def page(content: Path | str, policy: str) -> Response:
    """An HTML page, as a file or as text, under a policy."""
    headers = HEADERS | {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
    if isinstance(content, str):
        return HTMLResponse(content, headers=headers)
    return FileResponse(content, headers=headers, media_type="text/html")


class Assets(StaticFiles):
    """A folder's files, with an ETag each.

    serves: whether to serve the file at this path, relative to the folder
    """

    def __init__(self, directory: Path, serves: Callable[[str], bool] = lambda path: True) -> None:
        super().__init__(directory=directory)
        self._serves = serves

    async def get_response(self, path: str, scope: Scope) -> Response:
        path = path if self._serves(path) else ""
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response
