"""Clients that reset their connection, or only hold it."""

from __future__ import annotations

import asyncio
import resource
import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from tests.support.client import read
from tests.support.service import eventually, running
from tests.support.sockets import reset_when_closed
from tests.support.upstream import HEAD, end, saying, text, upstream

IDLE = 1000
GET = b"GET /ideas?topic=figs&count=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = (
    b"POST /ideas HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b'Content-Length: 40\r\n\r\n{"topic"'
)
ANSWER = HEAD + text('{"items": [{"title": "Figs", "blurb": "Sweet."}]}') + end()


async def connect(url: str, stack: ExitStack) -> socket.socket:
    """A bare connection that is reset when the stack is left."""
    parts = urlsplit(url)
    client = stack.enter_context(socket.socket())
    client.setblocking(False)
    reset_when_closed(client)
    await asyncio.get_running_loop().sock_connect(client, (parts.hostname, parts.port))
    return client


@pytest.mark.parametrize(
    "sent",
    [b"", GET[:10], GET[:-2], POST, GET, GET * 3],
    ids=["nothing", "a word", "no end", "half a body", "a request", "three requests"],
)
async def test_a_client_that_resets_before_the_headers_leaves_nothing(sent: bytes) -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        for _ in range(20):
            with ExitStack() as stack:
                client = await connect(service.url, stack)
                client.send(sent)
        await eventually(lambda: not service.connections)
        await eventually(lambda: not service.server.server_state.tasks)
        await eventually(lambda: not len(service.streams))
        if GET not in sent:
            assert not provider.exchanges
        for asked in provider.exchanges:
            await asked.is_closed()


@pytest.fixture
def _many_files() -> None:
    """Both ends of the connections are files of this process."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 16384), most))


@pytest.mark.usefixtures("_many_files")
@pytest.mark.parametrize("sent", [b"", GET[:-2]], ids=["silent", "within a head"])
async def test_a_thousand_idle_connections_are_in_nobodys_way(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.server.protocol.HEAD_SECONDS", 600)  # all there at once
    async with (
        upstream(saying(ANSWER)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        with ExitStack() as stack:
            for _ in range(IDLE):
                (await connect(service.url, stack)).send(sent)
            await eventually(lambda: service.connections == IDLE)
            stream = await read(service.url + "/ideas?topic=figs&count=1")
            assert stream.endswith('event: done\ndata: [{"title":"Figs","blurb":"Sweet."}]\n\n')
        await eventually(lambda: not service.connections)
