"""One browser for all tests of a file, and one service at each pace."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.e2e.playground import chromium
from tests.support.service import Service, running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo() -> AsyncIterator[Service]:
    """The demo model, fast."""
    async with running(model="", demo_tokens_per_second=600) as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def paced() -> AsyncIterator[Service]:
    """The demo model at a real model's pace, so that a page that is late still sees many states."""
    async with running(model="", demo_tokens_per_second=60) as service:
        yield service
