"""What `deploy/README.md` says of other proxies, run by them in front of a real service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.curl import curl
from tests.support.front import Front, caddy, haproxy
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, Exchange, Upstream, upstream

IDEAS = "/ideas?topic=figs&count=3&interval_ms=0&view=items"
PROXIES: dict[str, Any] = {
    "caddy": (caddy, (("read_header 10s", "read_header 1s"), ("read_body 10s", "read_body 1s"))),
    "haproxy": (haproxy, (("http-request 10s", "http-request 1s"),)),
}
each = pytest.mark.parametrize("name", PROXIES)


@asynccontextmanager
async def chain(name: str, folder: Path) -> AsyncIterator[tuple[Upstream, Service, Front]]:
    """A provider, the service and a proxy that gives a request one second."""
    proxy, changes = PROXIES[name]
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, heartbeat_seconds=0.2) as service,
        proxy(service.url, folder, *changes) as front,
    ):
        yield provider, service, front


@each
async def test_each_event_comes_on_its_own_for_longer_than_a_request_may_take(
    name: str, tmp_path: Path
) -> None:
    async with chain(name, tmp_path) as (provider, service, front):
        opening = asyncio.create_task(_open(provider))
        async with curl(front, IDEAS, "-H", "X-Request-ID: mine") as reader:
            assert reader.status == "HTTP/2 200"
            assert reader.headers["x-request-id"] == "mine"
            exchange = await opening
            before = '{"items": ['
            for title in ("Figs", "Nuts"):  # the next is not sent before this one has come
                item: Any = {"title": title, "blurb": "Sweet."}
                await exchange.text(before + json.dumps(item))
                assert title in await reader.until("event: item")
                before = ", "
                for _ in range(4):  # twice that is over a second
                    await reader.until("event: ping")
            reader.leave()
            await exchange.is_closed()
        await eventually(lambda: not service.connections)


@each
async def test_large_bodies_are_refused_and_each_answer_has_the_headers(
    name: str, tmp_path: Path
) -> None:
    async with chain(name, tmp_path) as (provider, _, front):
        for path, status in (("/healthz", 200), ("/nothing", 404), ("/metrics", 404)):
            async with curl(front, path) as answer:
                assert answer.status.startswith(f"HTTP/2 {status}")
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["strict-transport-security"] == "max-age=31536000"
        large = ("-H", "Content-Type: application/json", "-H", "Expect:", "-d", "x" * 70_000)
        async with curl(front, "/ideas", "--http1.1", *large) as answer:
            assert answer.status.split()[1] in ("413", "502")  # Caddy may be in the middle of it
        assert not provider.exchanges


async def _open(provider: Upstream) -> Exchange:
    exchange = await provider.next()
    await exchange.send(HEAD)
    return exchange
