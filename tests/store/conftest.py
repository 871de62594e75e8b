"""A store, and three services that share their streams through it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from tests.support.redis import VALKEY, redis
from tests.support.resuming import Owners
from tests.support.service import Service, running
from tests.support.upstream import Upstream, upstream


@dataclass
class Shared:
    """Services that share a store, and the provider that all of them ask."""

    url: str
    redis: Redis
    provider: Upstream
    services: list[Service]


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["redis-server", VALKEY])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The URL of a store."""
    async with redis(request.param) as url:
        yield url


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(store: str) -> AsyncIterator[Shared]:
    """Three services, each with readers of any name (`X-Owner`)."""
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(upstream())
        settings = {"openai_base_url": provider.base_url, "streams_store": store}
        services = [
            await stack.enter_async_context(running(middleware=Owners, **settings))
            for _ in range(3)
        ]
        client = stack.push_async_callback
        asked = Redis.from_url(store, decode_responses=True)
        client(asked.aclose)
        yield Shared(store, asked, provider, services)
