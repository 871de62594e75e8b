"""What can't be taken back is broken off: the `text` view over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.connection import asked
from tests.support.http_client import http_client
from tests.support.resuming import (
    ALL,
    ANSWER,
    Opened,
)
from tests.support.service import eventually, running
from tests.support.upstream import HEAD, end, saying, text, upstream


@pytest.mark.parametrize("end_", ["restart", "error"])
async def test_what_fails_after_the_first_byte_of_a_text_ends_abruptly(end_: str) -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        url = f"{service.url}/ideas?topic=figs&interval_ms=0&view=text"
        async with (
            http_client(timeout=10) as client,
            client.stream("GET", url) as response,
        ):
            assert response.headers["content-type"].startswith("text/plain")
            exchange = await answering
            await exchange.text('{"items": [{"title": "Fi')
            texts = response.aiter_text()
            assert await anext(texts) == '[{"title":"Fi'
            if end_ == "restart":
                await exchange.text('gs", "blurb": 7}')
            else:
                await exchange.finish("length")
            with pytest.raises(httpx.RemoteProtocolError):
                await anext(texts)
        await eventually(lambda: not service.connections)


async def test_a_text_that_fails_after_its_200_and_before_its_first_byte_ends_abruptly_too() -> (
    None
):
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        answering = asyncio.create_task(Opened(provider).answer())
        url = f"{service.url}/ideas?topic=figs&view=text"
        async with http_client(timeout=10) as client, client.stream("GET", url) as response:
            assert response.status_code == 200
            await (await answering).finish("length")
            with pytest.raises(httpx.RemoteProtocolError):
                await response.aread()


async def test_a_text_has_a_space_as_its_heartbeat_but_within_a_string() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, heartbeat_seconds=0.02) as service,
        http_client(timeout=10) as client,
    ):
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        url = f"{service.url}/ideas?topic=figs&interval_ms=0&resumable=true"
        async with client.stream("GET", f"{url}&view=text") as response:
            exchange = await answering
            texts = response.aiter_text()
            assert await anext(texts) == " "
            await exchange.text('{"items": [{"title": "Fi')
            assert (await _beyond(texts)).strip(" ") == '[{"title":"Fi'
            # Another reader has had two heartbeats meanwhile: this one has had none.
            await _pings(client, service.url + response.headers["location"], 2)
            await exchange.text('gs", "blurb": "Sweet."}, {')
            assert (await anext(texts)).startswith("gs")
            await exchange.text('"title": "R", "blurb": "W"}]}')
            await exchange.finish()
            rest = "".join([piece async for piece in texts])
    assert rest.endswith('"W"}]')


async def _pings(client: httpx.AsyncClient, url: str, count: int) -> None:
    """Read a stream until so many heartbeats have come."""
    async with client.stream("GET", url) as response:
        async for line in response.aiter_lines():
            count -= line == "event: ping"
            if not count:
                return


async def _beyond(texts: AsyncIterator[str]) -> str:
    """The next piece that is more than a heartbeat."""
    while not (piece := await anext(texts)).strip():
        pass
    return piece


async def test_before_the_first_byte_of_a_text_a_restart_is_silent() -> None:
    answers = [HEAD + text("{}") + end(), HEAD + text(ANSWER) + end()]
    async with (
        upstream(saying(*answers)) as provider,
        running(openai_base_url=provider.base_url, heartbeat_seconds=0.01) as service,
    ):
        answer = await asked(f"{service.url}/ideas?topic=figs&count=3&view=text")
        assert answer.json() == ALL
        assert len(provider.exchanges) == 2
