"""Connections to a provider: idle ones that have died, errors of any size, proxies, redirects."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import aiohttp
import httpx2
import pytest

from app.providers import transport
from app.providers.transport import MAX_ERROR_BYTES, Transport
from tests.support.sockets import reset_when_closed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Peer:
    """A provider that keeps its connections. Each gives its answers in turn, and then closes.

    answers: what a connection answers, given its number (from 0)
    requests: the numbers of the connections that they came on
    sent: how many bytes it could write
    """

    def __init__(self, answers: Callable[[int], list[bytes]], *, resets: bool) -> None:
        self.url = ""
        self.requests: list[int] = []
        self.sent = 0
        self.closed = asyncio.Event()
        self._answers = answers
        self._resets = resets
        self._connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self._connections = self._connections, self._connections + 1
        with suppress(OSError, asyncio.IncompleteReadError):
            for answer in self._answers(number):
                await reader.readuntil(b"\r\n\r\n")
                self.requests.append(number)
                for start in range(0, len(answer), 65536):
                    writer.write(answer[start : start + 65536])
                    await writer.drain()
                    self.sent += len(answer[start : start + 65536])
        if self._resets:
            reset_when_closed(writer.get_extra_info("socket"))
        writer.close()
        self.closed.set()


@asynccontextmanager
async def peer(
    answers: Callable[[int], list[bytes]], *, resets: bool = False
) -> AsyncIterator[tuple[Peer, Transport]]:
    other = Peer(answers, resets=resets)
    listener = await asyncio.start_server(other.serve, "127.0.0.1", 0)
    other.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    client = Transport(5)
    try:
        yield other, client
    finally:
        await client.aclose()
        listener.close()


async def asked(other: Peer, client: Transport) -> tuple[int, bytes]:
    response = await client.handle_async_request(httpx2.Request("POST", other.url, content=b""))
    try:
        return response.status_code, await response.aread()
    finally:
        await response.aclose()


# -- idle connections -------------------------------------------------------------------------


@pytest.mark.parametrize("resets", [False, True])
async def test_a_request_that_meets_a_dead_connection_is_sent_on_a_new_one(resets: bool) -> None:
    """The connection is closed once the second request is on it, and has had no answer."""
    async with peer(lambda _: [OK, b""], resets=resets) as (other, client):
        assert await asked(other, client) == (200, b"{}")
        assert await asked(other, client) == (200, b"{}")
        assert other.requests == [0, 0, 1]


async def test_a_provider_that_closes_each_connection_in_silence_loses_no_request() -> None:
    async with peer(lambda _: [OK]) as (other, client):
        for _ in range(20):
            assert await asked(other, client) == (200, b"{}")
        assert other.requests == list(range(20))


@pytest.mark.parametrize("begun", [b"H", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-L"])
async def test_a_request_whose_answer_has_begun_is_not_sent_again(begun: bytes) -> None:
    async with peer(lambda _: [OK, begun]) as (other, client):
        await asked(other, client)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await asked(other, client)
        assert other.requests == [0, 0]


async def test_nor_is_one_whose_answer_breaks_off_in_its_body() -> None:
    async with peer(lambda _: [OK, OK[:-1]]) as (other, client):
        await asked(other, client)
        with pytest.raises(aiohttp.ClientPayloadError):
            await asked(other, client)
        assert other.requests == [0, 0]


@pytest.mark.parametrize("resets", [False, True])
async def test_a_new_connection_that_breaks_is_not_tried_again(resets: bool) -> None:
    async with peer(lambda _: [b""], resets=resets) as (other, client):
        with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
            await asked(other, client)
        assert other.requests == [0]


async def test_a_request_is_sent_twice_at_most() -> None:
    async with peer(lambda number: [OK, b""] if number == 0 else [b""]) as (other, client):
        await asked(other, client)
        with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
            await asked(other, client)
        assert other.requests == [0, 0, 1]


# -- errors -----------------------------------------------------------------------------------

BAD = b"HTTP/1.1 400 No\r\n"


async def test_of_an_error_only_the_beginning_is_read_and_the_connection_is_closed() -> None:
    huge = BAD + b"Content-Length: 300000000\r\n\r\n" + b"x" * 50_000_000
    async with peer(lambda _: [huge]) as (other, client):
        assert await asked(other, client) == (400, b"x" * MAX_ERROR_BYTES)
        await asyncio.wait_for(other.closed.wait(), 5)
        assert other.sent < 20_000_000  # what the sockets' buffers take


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_small_error_that_grows_when_it_is_decompressed_does_not(encoding: str) -> None:
    grown: list[int] = []
    squeeze = gzip.compress if encoding == "gzip" else zlib.compress
    data = squeeze(b"x" * 20_000_000, 9)
    head = BAD + f"Content-Encoding: {encoding}\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    async with peer(lambda _: [head + data]) as (other, client):
        response = await client.handle_async_request(httpx2.Request("POST", other.url, content=b""))
        async for piece in response.aiter_raw():
            grown.append(len(piece))
        assert grown == [MAX_ERROR_BYTES]
        await response.aclose()


@pytest.mark.parametrize(
    "more",
    [
        b"Content-Length: 100\r\n\r\nhalf",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
)
async def test_an_error_that_breaks_off_is_what_has_come_of_it(more: bytes) -> None:
    async with peer(lambda _: [BAD + more]) as (other, client):
        assert await asked(other, client) == (400, b"half")


async def test_an_error_that_does_not_end_is_what_has_come_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "ERROR_SECONDS", 0.2)
    slow = BAD + b"Content-Length: 100\r\n\r\nhalf"
    async with peer(lambda _: [slow, b"never asked"]) as (other, client):
        assert await asyncio.wait_for(asked(other, client), 5) == (400, b"half")
        await asyncio.wait_for(other.closed.wait(), 5)


async def test_a_small_error_leaves_its_connection_for_the_next_request() -> None:
    small = BAD + b"Content-Length: 2\r\n\r\nno"
    async with peer(lambda _: [small, OK]) as (other, client):
        assert await asked(other, client) == (400, b"no")
        assert await asked(other, client) == (200, b"{}")
        assert other.requests == [0, 0]


# -- where a request goes ---------------------------------------------------------------------


async def test_a_proxy_is_not_asked_for_what_is_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with (
        peer(lambda _: [OK]) as (other, client),
        peer(lambda _: [BAD + b"Content-Length: 0\r\n\r\n"]) as (proxy, _),
    ):
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        transport._proxy.cache_clear()
        try:
            assert await asked(other, client) == (200, b"{}")
            assert proxy.requests == []
            other.url = "http://provider.invalid/v1"
            assert (await asked(other, client))[0] == 400
            assert proxy.requests == [0]
        finally:
            transport._proxy.cache_clear()


async def test_a_redirect_is_an_answer_like_any_other() -> None:
    async with peer(lambda _: [OK]) as (elsewhere, _):
        moved = f"HTTP/1.1 307 No\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n"
        async with peer(lambda _: [moved.encode()]) as (other, client):
            assert (await asked(other, client))[0] == 307
            assert elsewhere.requests == []
