"""`/`: the page to try the service (see app/web/playground). It reads streams with clients/js."""

from __future__ import annotations

from html import escape
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from app.http.context import prefix
from app.http.endpoints.assets import WEB, Assets, page, policy

FOLDER: Final = WEB / "playground"
CLIENT: Final = WEB.parent.parent / "clients" / "js" / "src"

POLICY: Final = policy(base="'self'")


def mount_playground(app: FastAPI, head: str = "") -> None:
    """Add `/` with its assets, and the client's modules.

    head: more lines for the page's head
    """
    text = (FOLDER / "index.html").read_text(encoding="utf-8").replace("</head>", f"{head}</head>")

    async def show(request: Request) -> Response:
        return page(_under(prefix(request.scope), text), POLICY)

    app.add_route("/", show, include_in_schema=False)
    app.mount("/web/playground", Assets(FOLDER), name="playground")
    app.mount("/web/client", Assets(CLIENT, _is_module), name="client")


def _under(prefix: str, text: str) -> str:
    """The page's addresses are relative. Without a base, a page at `/api` would look in `/`."""
    base = f'<head>\n    <base href="{escape(prefix)}/">'
    return text.replace("<head>", base, 1) if prefix else text


def _is_module(path: str) -> bool:
    """Whether a file is a module of the client. The folder has other files, too."""
    return path.endswith(".js") and "/" not in path
