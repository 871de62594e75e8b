"""A service whose model falls silent in the middle of a word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.support.proxy import Proxy, proxy
from tests.support.service import running
from tests.support.upstream import HEAD, Exchange, Upstream, end, text, upstream

FIRST, SECOND = '{"items": [{"title": "Figs", "blurb": "Sw', 'eet."}]}'
VALUE = [{"title": "Figs", "blurb": "Sweet."}]
PING = b": ping\n"
"""A heartbeat's line: of the event, or the comment of the views for other front ends."""


@dataclass
class Silence:
    """The model speaks again after three heartbeats. `url`: the service's."""

    _provider: Upstream
    _between: Proxy

    @property
    def url(self) -> str:
        return self._between.url

    @property
    def heartbeats(self) -> int:
        """How many readers were sent, so far."""
        return self._between.passed.count(PING)

    @property
    def asked(self) -> int:
        """How often the model was asked, so far."""
        return len(self._provider.exchanges)


@asynccontextmanager
async def silence() -> AsyncIterator[Silence]:
    async def script(exchange: Exchange) -> None:
        heartbeats = between.passed.count(PING)
        await exchange.send(HEAD, text(FIRST))
        await between.has_passed(PING, heartbeats + 3)
        await exchange.send(text(SECOND) + end())

    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url, heartbeat_seconds=0.2) as service,
        proxy(service.url) as between,
    ):
        yield Silence(provider, between)
