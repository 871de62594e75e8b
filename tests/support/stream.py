"""Both ends of one stream: its reader, and the provider that it comes from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.client import Reader, reading
from tests.support.service import Service
from tests.support.upstream import HEAD, Exchange, Upstream


@asynccontextmanager
async def streaming(
    service: Service, provider: Upstream, path: str, head: bytes = HEAD
) -> AsyncIterator[tuple[Reader, Exchange]]:
    """A stream that has begun: the reader has read `start`, the provider has sent its headers."""

    async def open_() -> Exchange:
        exchange = await provider.next()
        await exchange.send(head)
        return exchange

    opening = asyncio.create_task(open_())
    async with reading(service.url + path) as reader:
        yield reader, await opening
