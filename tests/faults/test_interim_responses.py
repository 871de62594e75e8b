"""A provider that sends interim responses (1xx) without end. https://www.rfc-editor.org/rfc/rfc9110#section-15.2"""

from __future__ import annotations

import asyncio
import resource
import time

import pytest

from tests.support.client import read
from tests.support.connection import asked
from tests.support.service import running
from tests.support.upstream import HEAD, Exchange, end, text, upstream

ANSWER = text('{"items": [{"title": "Tea", "blurb": "Hot."}]}') + end()


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints"])
async def test_a_few_are_passed_over(status: str) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(f"HTTP/1.1 {status}\r\n\r\n".encode() * 3, HEAD, ANSWER)

    async with upstream(script) as provider, running(openai_base_url=provider.base_url) as service:
        assert "event: done" in await read(f"{service.url}/ideas?topic=tea&count=1")


async def test_a_flood_ends_at_the_deadline_delays_nobody_and_is_not_kept() -> None:
    async def script(exchange: Exchange) -> None:
        if "flood" not in str(exchange.body["messages"]):
            await exchange.send(HEAD, ANSWER)
            return
        while True:
            await exchange.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100)
            await asyncio.sleep(0)

    async with (
        upstream(script) as provider,
        running(
            openai_base_url=provider.base_url, first_content_timeout=1, open_timeout=5
        ) as service,
    ):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with asyncio.TaskGroup() as tasks:
            flooded = tasks.create_task(asked(f"{service.url}/ideas?topic=flood"))
            exchange = await provider.next()
            began = time.monotonic()
            assert "event: done" in await read(f"{service.url}/ideas?topic=tea&count=1")
            assert time.monotonic() - began < 10
        assert flooded.result().json()["code"] == "provider_timeout"
        await exchange.is_closed(10)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB
