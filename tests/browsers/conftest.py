"""One browser of each kind, one service and one site for all tests of a file.

`make test` runs the clients' tests in Firefox; `make test-browsers` also runs Chromium, which has
tests of its own elsewhere, and WebKit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.browsers.count import Count
from tests.browsers.site import Site, site
from tests.support.engines import Browser, browser
from tests.support.http_client import http_client
from tests.support.service import Service, running

long = pytest.mark.browsers


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=["firefox", pytest.param("chromium", marks=long), pytest.param("webkit", marks=long)],
)
async def view(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    async with browser(request.param) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service() -> AsyncIterator[Service]:
    """The demo model, fast. A stream without a reader would go on for an hour."""
    settings: dict[str, Any] = {"model": "", "demo_tokens_per_second": 1000}
    async with running(**settings, resume_grace_seconds=3600) as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages() -> AsyncIterator[Site]:
    async with site() as pages:
        yield pages


@pytest_asyncio.fixture(loop_scope="module")
async def count(service: Service) -> AsyncIterator[Count]:
    """What the service counts. At a test's end no stream runs, so that it is the next one's."""
    async with http_client(timeout=60, base_url=service.url) as client:
        counted = Count(client)
        yield counted
        await counted.stopped()
