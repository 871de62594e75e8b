"""Pages for a browser, which note what they see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route


class Notes:
    """What a page has noted, in order."""

    def __init__(self) -> None:
        self.url = ""
        self.all: list[Any] = []
        self._more = asyncio.Condition()

    async def take(self, request: Request) -> Response:
        async with self._more:
            self.all.append(await request.json())
            self._more.notify_all()
        return Response()

    async def until(self, type: str, **more: Any) -> Any:
        """The first note of this type, with these values."""
        async with asyncio.timeout(60), self._more:
            while True:
                for note in self.all:
                    if note["type"] == type and more.items() <= note.items():
                        return note
                await self._more.wait()


@asynccontextmanager
async def pages(file: Path) -> AsyncIterator[Notes]:
    """A server of this page, and of what it notes (`POST /note`)."""
    notes = Notes()

    async def page(request: Request) -> Response:
        return FileResponse(file)

    app = Starlette(
        routes=[Route("/", page), Route("/note", notes.take, methods=["POST"])],
    )
    async with serving(app) as notes.url:
        yield notes


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """The URL of an application that is served."""
    config = uvicorn.Config(
        app, port=0, lifespan="off", ws="none", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        await task
