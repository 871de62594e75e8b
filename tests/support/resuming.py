"""A stream of ideas that readers come back to, and the provider that it comes from."""

from __future__ import annotations

import json
from typing import Any

from tests.support.connection import Event, connected
from tests.support.service import Service
from tests.support.upstream import HEAD, Exchange, Upstream

FIGS = {"title": "Figs", "blurb": "Sweet."}
NUTS = {"title": "Nuts", "blurb": "Dry."}
RICE = {"title": "Rice", "blurb": "White."}
ALL = [FIGS, NUTS, RICE]
ANSWER = json.dumps({"items": ALL})
QUERY = "topic=figs&count=3&interval_ms=0&resumable=true"

NEVER = "0" * 22
"""A valid id that no stream has."""


class Opened:
    """A stream, with its provider, whose answer the test writes."""

    def __init__(self, provider: Upstream) -> None:
        self.provider = provider
        self.exchange: Exchange

    async def answer(self) -> Exchange:
        """Answer the next request to the provider with headers."""
        self.exchange = await self.provider.next()
        await self.exchange.send(HEAD)
        return self.exchange


async def finished(service: Service, view: str) -> tuple[str, list[Event]]:
    """A stream that has ended, and all its events."""
    async with connected(f"{service.url}/ideas?{QUERY}&view={view}") as whole:
        return whole.stream, await whole.rest()


async def ended_at_once(service: Service, owner: str = "") -> str:
    """The id of a stream that has ended and was not kept."""
    async with connected(f"{service.url}/ideas?topic=figs&count=3", X_Owner=owner) as stream:
        await stream.rest()
    return stream.stream


class Owners:
    """Lets a caller choose its name."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope["owner"] = dict(scope["headers"]).get(b"x-owner", b"").decode()
        await self._app(scope, receive, send)
