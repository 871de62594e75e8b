"""What the service counts of its streams, as `GET /metrics` tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx


class Count:
    """The figures that a service tells."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def started(self) -> int:
        """How many streams it has begun so far."""
        return sum([value async for value in self._values("streams_started_total{")])

    async def running(self) -> None:
        """Wait until a stream runs."""
        await self._until(1)

    async def stopped(self) -> None:
        """Wait until no stream runs any more: no model is paid."""
        await self._until(0)

    async def _until(self, expected: int) -> None:
        async with asyncio.timeout(10):
            while await self._active() != expected:  # noqa: ASYNC110  # nobody tells of it
                await asyncio.sleep(0.02)

    async def _active(self) -> int:
        return sum([value async for value in self._values("streams_active ")])

    async def _values(self, name: str) -> AsyncIterator[int]:
        for line in (await self._client.get("/metrics")).text.splitlines():
            if line.startswith(name):
                yield int(float(line.split()[-1]))
