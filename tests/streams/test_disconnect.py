"""The reader goes, or stays and does not read: nothing more is paid for, and nothing is kept.

All of it with the garbage collector off: a connection that it would have to close is a leak.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.bare import Client, clients
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, Exchange, end, text, upstream

IDEAS = "/ideas?topic=figs&count=1&interval_ms=0"
RECIPES = "/recipes?topic=figs&count=1&interval_ms=0"
PIECE = "x" * 4096
LONG: Any = {
    "first_content_timeout": 600,
    "content_gap_timeout": 600,
    "total_timeout": 600,
    "heartbeat_seconds": 600,
    "max_output_bytes": 1 << 30,
}


pytestmark = pytest.mark.usefixtures("no_collector")


@pytest.fixture(autouse=True)
def _no_clients_left() -> Iterator[None]:
    yield
    while clients:
        clients.pop().leave()


LEAVE = pytest.mark.parametrize("leave", [Client.leave, Client.vanish], ids=["close", "reset"])
ACCEPT = pytest.mark.parametrize(
    "accept", ["text/event-stream", "application/x-ndjson", "application/json"]
)


@contextlib.asynccontextmanager
async def serving(**settings: Any) -> Any:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, **{**LONG, **settings}) as service,
    ):
        listener = service.server.servers[0].sockets[0]  # whose connections inherit this
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        yield service, provider
        await eventually(lambda: not service.connections and not len(service.streams))


# -- the reader goes --------------------------------------------------------------------------


@LEAVE
@ACCEPT
async def test_before_the_provider_has_answered(leave: Any, accept: str) -> None:
    async with serving() as (service, provider):
        client = Client(service.url + IDEAS, Accept=accept)
        exchange = await provider.next()
        leave(client)
        await exchange.is_closed()


@LEAVE
@ACCEPT
async def test_before_the_first_content(leave: Any, accept: str) -> None:
    async with serving() as (service, provider):
        client = Client(service.url + IDEAS, Accept=accept)
        exchange = await provider.next()
        await exchange.send(HEAD)
        if accept != "application/json":
            await client.until(b"retry: 2000" if "event" in accept else b'"start"')
        leave(client)
        await exchange.is_closed()


@LEAVE
async def test_behind_its_next_request(leave: Any) -> None:
    async with serving() as (service, provider):
        client = Client(service.url + IDEAS)
        exchange = await provider.next()
        await exchange.send(HEAD, text('{"items": [{"title": "Figs'))
        await client.until(b"Figs")
        client.socket.send(b"GET /ideas?topic=nuts HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 2)
        await exchange.send(text(" and"))
        await client.until(b"and")
        leave(client)
        await exchange.is_closed()
        assert provider.exchanges == [exchange]


async def test_what_comes_behind_its_request_is_not_heard() -> None:
    async with serving() as (service, provider):
        client = Client(service.url + IDEAS)
        exchange = await provider.next()
        await exchange.send(HEAD, text('{"items": [{"title": "Figs'))
        await client.until(b"Figs")
        client.socket.send(b"\0\r\n\r\n" * 100)
        await exchange.send(text('", "blurb": "Sweet."}]}'), end())
        rest = await client.until(b"\r\n0\r\n\r\n")
        assert b"event: done" in rest
        assert b"HTTP/1.1" not in rest
        assert await asyncio.get_running_loop().sock_recv(client.socket, 1) == b""


@LEAVE
async def test_after_the_window_before_the_provider_has_answered(leave: Any) -> None:
    async with serving(open_timeout=0.1) as (service, provider):
        client = Client(service.url + IDEAS)
        exchange = await provider.next()
        await client.until(b"event: start")
        leave(client)
        await exchange.is_closed()


@LEAVE
@ACCEPT
async def test_while_the_provider_is_silent_after_some_content(leave: Any, accept: str) -> None:
    async with serving() as (service, provider):
        client = Client(service.url + IDEAS, Accept=accept)
        exchange = await provider.next()
        await exchange.send(HEAD, text('{"items": [{"title": "Figs'))
        if accept != "application/json":
            await client.until(b"Figs")
        leave(client)
        await exchange.is_closed()


@LEAVE
@ACCEPT
async def test_while_the_model_writes(leave: Any, accept: str) -> None:
    async with serving() as (service, provider):
        client = Client(service.url + RECIPES, Accept=accept)
        exchange = await provider.next()
        await exchange.send(HEAD, text('{"items": [{"name": "Figs'))
        writing = asyncio.create_task(write_on(exchange))
        if accept != "application/json":
            await client.until(b"xxxx")
        leave(client)
        await exchange.is_closed()
        await writing


@LEAVE
async def test_while_the_socket_is_full(leave: Any) -> None:
    async with serving() as (service, provider):
        client = Client(service.url + RECIPES)
        exchange = await provider.next()
        await exchange.send(HEAD, text('{"items": [{"name": "Figs'))
        writing = asyncio.create_task(write_on(exchange))
        await eventually(lambda: stuck(service))
        leave(client)
        await exchange.is_closed()
        await writing


@LEAVE
async def test_between_two_tries(leave: Any) -> None:
    async with serving() as (service, provider):
        client = Client(service.url + IDEAS)
        exchange = await provider.next()
        await exchange.send(b"HTTP/1.1 429 No\r\nRetry-After: 4\r\nContent-Length: 0\r\n\r\n")
        leave(client)
        await eventually(lambda: not len(service.streams), 1)
        assert len(provider.exchanges) == 1


async def test_a_reader_that_goes_is_counted_as_cancelled() -> None:
    async with serving() as (service, provider):
        client = Client(service.url + IDEAS)
        exchange = await provider.next()
        client.leave()
        await exchange.is_closed()
        await eventually(lambda: not len(service.streams))
        probe = Client(service.url + "/metrics", Connection="close")
        metrics = await probe.until(b'streams_ended_total{code="cancelled",schema="ideas"} 1.0')
        assert b"streams_active 0.0" in metrics
        probe.leave()


async def test_one_reader_that_goes_leaves_the_others_alone() -> None:
    async with serving() as (service, provider):
        clients = [Client(service.url + IDEAS) for _ in range(3)]
        exchanges = [await provider.next() for _ in clients]
        for exchange in exchanges:
            await exchange.send(HEAD, text('{"items": [{"title": "Figs'))
        for client in clients:
            await client.until(b"Figs")
        clients[0].leave()
        closing = [asyncio.create_task(exchange.closed.wait()) for exchange in exchanges]
        done, _ = await asyncio.wait(closing, timeout=1, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 1
        for exchange in exchanges:
            if not exchange.closed.is_set():
                await exchange.text('", "blurb": "Sweet."}]}')
                await exchange.finish()
        for client in clients[1:]:
            await client.until(b"event: done")
            client.leave()


# -- the reader stays, and does not read ------------------------------------------------------


async def write_on(exchange: Exchange) -> None:
    """Writes until the service closes the connection."""
    with contextlib.suppress(OSError):
        while not exchange.closed.is_set():
            await exchange.text(PIECE)
            await asyncio.sleep(0)


def stuck(service: Service) -> bool:
    """Whether a connection has bytes that its client does not take."""
    connections: Any = service.server.server_state.connections
    return any(c.transport.get_write_buffer_size() for c in connections)


async def test_a_reader_that_does_not_read_is_cut_off_and_its_socket_is_gone() -> None:
    async with serving(send_timeout=0.4) as (service, provider):
        client = Client(service.url + RECIPES)
        exchange = await provider.next()
        await exchange.send(HEAD, text('{"items": [{"name": "Figs'))
        writing = asyncio.create_task(write_on(exchange))
        await eventually(lambda: stuck(service))
        await exchange.is_closed(10)  # no other deadline is as near
        await writing
        await eventually(lambda: not service.connections)
        with pytest.raises(AssertionError, match="closed the connection"):
            await client.until(b"event: done")
        client.leave()


@ACCEPT
async def test_nor_may_it_leave_the_end_unread(accept: str) -> None:
    value = '{"items": [{"name": "' + "x" * 500_000
    value += '","prep_time_minutes":5,"ingredients":["figs"],"instructions":"Cook."}]}'
    async with serving(send_timeout=0.4) as (service, provider):
        client = Client(service.url + RECIPES.replace("=0", "=5000"), Accept=accept)
        exchange = await provider.next()
        await exchange.send(HEAD, text(value), end())
        await eventually(lambda: stuck(service))
        assert service.connections
        await eventually(lambda: not service.connections, 2)
        client.leave()


async def test_a_reader_that_reads_slowly_is_not_cut_off() -> None:
    value = '{"items": [{"name": "' + "x" * 300_000
    value += '","prep_time_minutes":5,"ingredients":["figs"],"instructions":"Cook."}]}'
    loop = asyncio.get_running_loop()
    async with serving(send_timeout=0.4) as (service, provider):
        client = Client(service.url + RECIPES, Accept="application/json", Connection="close")
        exchange = await provider.next()
        await exchange.send(HEAD, text(value), end())
        begun, got = loop.time(), 0
        while data := await loop.sock_recv(client.socket, 16384):
            got += len(data)
            if loop.time() - begun < 1.2:  # thrice the time that it has for anything
                await asyncio.sleep(0.1)
        assert got > 300_000
        client.leave()


async def test_a_slow_reader_skips_to_the_newest_state_and_nothing_queues_for_it() -> None:
    async with serving() as (service, provider):
        client = Client(service.url + RECIPES)
        exchange = await provider.next()
        await exchange.send(HEAD, text('{"items": [{"name": "Figs'))
        await client.until(b'"name":"Figs"')
        for _ in range(500):  # 2 MB, which as partials would be 500 MB
            await exchange.text(PIECE)
        await exchange.text('","prep_time_minutes":5,"ingredients":["figs"],"instructions":""}]}')
        await exchange.finish()
        await eventually(lambda: not len(service.streams))
        assert stuck(service)
        rest = await client.until(b"event: done")
        partials = [m for m in rest.decode().split("\n\n") if '"name"' in m]
        assert len(partials) < 40
        client.leave()
