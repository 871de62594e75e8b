"""`/`: the page to try the service (see app/web/playground). It reads streams with clients/js."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from app.http.endpoints.assets import WEB, Assets, page, policy

FOLDER: Final = WEB / "playground"
CLIENT: Final = WEB.parent.parent / "clients" / "js" / "src"

POLICY: Final = policy(base="'self'")


def mount_playground(app: FastAPI, root_path: str = "") -> None:
    """Add `/` with its assets, and the client's modules.

    root_path: the prefix under which the service is reached
    """
    text = (FOLDER / "index.html").read_text(encoding="utf-8")
    if root_path:
        # The page's addresses are relative. Without a base, a page at `/api` would look in `/`.
        text = text.replace("<head>", f'<head>\n    <base href="{root_path}/">', 1)

    async def show(request: Request) -> Response:
        return page(text, POLICY)

    app.add_route("/", show, include_in_schema=False)
    app.mount("/web/playground", Assets(FOLDER), name="playground")
    app.mount("/web/client", Assets(CLIENT, _is_module), name="client")


def _is_module(path: str) -> bool:
    """Whether a file is a module of the client. The folder has other files, too."""
    return path.endswith(".js") and "/" not in path
