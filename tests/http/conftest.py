"""One service with the demo model, as fast as it can, for all tests of a file."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from tests.support.http_client import http_client
from tests.support.service import Service, running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service() -> AsyncIterator[Service]:
    async with running() as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(base_url=service.url, timeout=30) as client:
        yield client
