"""The service on a real socket, in the test's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import FastAPI

from app.http.server.server import Server, server
from app.main import create_app
from app.schemas.registry import Registry, load
from app.settings import Settings
from app.streams.registry import Streams
from tests.support.schema_files import FOLDER

DEFAULTS: dict[str, Any] = {
    "port": 0,
    "schemas": (str(FOLDER),),
    "demo_tokens_per_second": 0,
    "model": "m",
}


@dataclass
class Service:
    """A running service: where it listens, and its parts."""

    url: str
    app: FastAPI
    server: Server

    @property
    def streams(self) -> Streams:
        streams: Streams = self.app.state.streams
        return streams

    @property
    def connections(self) -> int:
        """How many clients' connections are open."""
        return len(self.server.server_state.connections)


@asynccontextmanager
async def running(
    *, registry: Any = None, provider: Any = None, middleware: Any = None, **settings: Any
) -> AsyncIterator[Service]:
    """A service on a free port with these settings (by their lower-case names).

    It serves the tests' own schemas, unless `registry` or the setting `schemas` names others.

    With neither `openai_base_url` nor `openai_api_key` it uses the demo model, as fast as it can.
    """
    configured = Settings(**{**DEFAULTS, **settings})
    if configured.schemas == DEFAULTS["schemas"]:
        registry = registry or _schemas()
    app = create_app(configured, registry=registry, provider=provider)
    if middleware is not None:
        app.add_middleware(middleware)
    started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    service = server(app, configured, started.set_result)
    serving = asyncio.create_task(service.serve())
    await asyncio.wait({serving, started}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        await serving
    try:
        yield Service(await started, app, service)
    finally:
        service.should_exit = True
        await serving


@cache
def _schemas() -> Registry:
    """The tests' own schemas. To compile them takes longer than to start the service."""
    return load(FOLDER)


async def eventually(condition: Any, seconds: float = 10) -> None:
    """Poll until `condition()` is true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
