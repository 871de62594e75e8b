"""HTTP to the providers: aiohttp under an SDK's client.

The OpenAI SDK has such a transport, too. But it has at most a hundred connections, and turns
every connection error into a timeout. A transport is httpx's own extension point:
https://www.python-httpx.org/advanced/transports/#custom-transports
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from time import perf_counter
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
from opentelemetry import propagate
from yarl import URL

from app.providers.base_url import is_this_machine
from app.providers.tap import Exchange, tap

BODY = "structured_streams.body"
"""The key of a response's `Body` in its extensions.
https://www.python-httpx.org/advanced/extensions/#response-extensions"""

MAX_ERROR_BYTES = 8 * 1024
"""How much is read of an answer that is no 2xx. An SDK would read it to its end at once."""

ERROR_SECONDS = 1
"""How long such an answer may take after its head."""

_BROKEN = (
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientOSError,
    aiohttp.ClientConnectionResetError,
)
"""What is raised where a connection breaks before there is an answer."""


class Body(httpx2.AsyncByteStream):
    """A response's bytes as they come, decompressed. Each read gives all that have come.

    aiohttp holds at most 128 KiB that have come and are not taken; beyond that it does not
    read the socket, and does not decompress. Of an answer that is no 2xx there is but one read,
    and it never fails: the status says enough.

    received: resolves when the last byte has come (even if it is not read yet), or when the
        connection has been closed
    sent: when the request would have gone out if connecting had taken no time, by `perf_counter`
    """

    def __init__(
        self, response: aiohttp.ClientResponse, exchange: Exchange | None, sent: float
    ) -> None:
        self.received: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent = sent
        self._response = response
        self._exchange = exchange
        self._is_error = response.status // 100 != 2
        self._was_read = False
        self._is_taken = False
        response.content.on_eof(self._end)

    def _end(self) -> None:
        if not self.received.done():
            self.received.set_result(None)

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        try:
            if self._is_error:
                data = await self._beginning()
            else:
                data = await self._response.content.readany()
        except (aiohttp.ClientError, OSError):
            if self._exchange is not None:
                self._exchange.ended("broken")
            raise
        if self._exchange is not None:
            self._tell(self._exchange, data)
        if not data:
            raise StopAsyncIteration
        return data

    def _tell(self, exchange: Exchange, data: bytes) -> None:
        if data:
            exchange.heard(data)
        else:
            exchange.ended("whole")

    async def _beginning(self) -> bytes:
        """What is read of an error at first; then nothing."""
        data = bytearray()
        if self._was_read:
            return b""
        self._was_read = True
        with suppress(aiohttp.ClientError, OSError):
            async with asyncio.timeout(ERROR_SECONDS):
                while len(data) < MAX_ERROR_BYTES:
                    if not (more := await self._response.content.readany()):
                        break
                    data += more
        return bytes(data[:MAX_ERROR_BYTES])

    def take(self) -> Body:
        """Have the body outlive the `httpx2.Response`, which its context closes."""
        self._is_taken = True
        return self

    async def aclose(self) -> None:
        """Close the connection with the `httpx2.Response`, unless the body was taken from it."""
        if not self._is_taken:
            self.close()

    def close(self) -> None:
        """Close the connection, unless the response has ended and given it back."""
        self._response.close()
        self._end()


def taken(response: httpx2.Response) -> Body:
    """The body of a response, which is to be closed by itself from now on.

    A client's response holds its request, and both their headers, twice: 10 KB that nobody needs
    while the answer is written, for minutes perhaps.
    """
    body: Body = response.extensions[BODY]
    return body.take()


class Transport(httpx2.AsyncBaseTransport):
    """Opens as many connections as are needed, and keeps idle ones for the next request.

    An idle connection may have been closed by the provider without our knowing it yet. A request
    that meets such a one is sent once more, on a new connection: it has had no answer, so nothing
    was begun. https://www.rfc-editor.org/rfc/rfc9112.html#name-retrying-requests

    connect_timeout: seconds to connect, with TLS. There are no other timeouts here

    Raises aiohttp's own exceptions.
    """

    def __init__(self, connect_timeout: float) -> None:
        self._timeout = aiohttp.ClientTimeout(sock_connect=connect_timeout)
        self._keeping: aiohttp.ClientSession | None = None
        self._closing: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        listening = tap.get()
        exchange = None if listening is None else listening.asked(await request.aread())
        connection = _Connection()
        try:
            response = await self._sent(request, connection)
        except (aiohttp.ClientError, OSError):
            if exchange is not None:
                exchange.ended("unreachable")
            raise
        if exchange is not None:
            exchange.answered(response.status)
        headers = [item for item in response.raw_headers if item[0].lower() not in _ENCODED]
        body = Body(response, exchange, connection.sent)
        return httpx2.Response(
            response.status, headers=headers, stream=body, extensions={BODY: body}
        )

    async def aclose(self) -> None:
        for session in (self._keeping, self._closing):
            if session is not None:
                await session.close()

    async def _sent(
        self, request: httpx2.Request, connection: _Connection
    ) -> aiohttp.ClientResponse:
        """What a request is answered, on an idle connection if there is one."""
        if self._keeping is None:  # a session needs a running loop
            self._keeping = _session(aiohttp.TCPConnector(limit=0))
        try:
            return await self._send(request, self._keeping, connection)
        except _BROKEN as error:
            if not connection.was_idle or _has_begun(error):
                raise
        if self._closing is None:
            self._closing = _session(aiohttp.TCPConnector(limit=0, force_close=True))
        return await self._send(request, self._closing, connection)

    async def _send(
        self, request: httpx2.Request, session: aiohttp.ClientSession, connection: _Connection
    ) -> aiohttp.ClientResponse:
        headers = request.headers.copy()
        traced: dict[str, str] = {}
        propagate.inject(traced)
        headers.update({name: traced[name] for name in traced if name not in headers})
        return await session.request(
            request.method,
            URL(str(request.url), encoded=True),
            headers=[item for item in headers.multi_items() if not _tells_of_machine(item[0])],
            data=await request.aread(),
            allow_redirects=False,
            timeout=self._timeout,
            proxy=_proxy(request.url.scheme, request.url.host),
            trace_request_ctx=connection,
        )


@dataclass(slots=True)
class _Connection:
    """The connection that a request goes out on.

    was_idle: whether it has served another request before
    connecting: the seconds that it took to connect
    sent: when the request would have gone out if that had taken none, by `perf_counter`
    """

    was_idle: bool = False
    connecting: float = 0.0
    sent: float = 0.0


def _session(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    async def reused(_: aiohttp.ClientSession, context: Any, __: object) -> None:
        context.trace_request_ctx.was_idle = True

    async def connects(_: aiohttp.ClientSession, context: Any, __: object) -> None:
        context.trace_request_ctx.connecting -= perf_counter()

    async def connected(_: aiohttp.ClientSession, context: Any, __: object) -> None:
        context.trace_request_ctx.connecting += perf_counter()

    async def sent(_: aiohttp.ClientSession, context: Any, __: object) -> None:
        connection = context.trace_request_ctx
        connection.sent = perf_counter() - connection.connecting

    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(reused)
    trace.on_connection_create_start.append(connects)
    trace.on_connection_create_end.append(connected)
    trace.on_request_headers_sent.append(sent)
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[trace]
    )


def _has_begun(error: Exception) -> bool:
    """Whether a part of the answer's head has come before the connection has ended.

    aiohttp then gives what it has read of it as the error's message. It can't tell of a
    connection that was reset.
    """
    if not isinstance(error, aiohttp.ServerDisconnectedError):
        return False
    return not isinstance(error.message, str)


def _tells_of_machine(name: str) -> bool:
    """Whether the SDK has added the header to describe this machine. No provider needs it."""
    return name.startswith("x-stainless-")


_ENCODED = frozenset({b"content-encoding", b"content-length"})
"""Headers that are wrong for a body that is decompressed."""


@cache
def _proxy(scheme: str, host: str) -> str | None:
    """The proxy that the environment names (HTTP_PROXY, NO_PROXY, and so on)."""
    if is_this_machine(host) or proxy_bypass(host):  # no proxy could reach the demo model for us
        return None
    proxies = getproxies()
    return proxies.get(scheme) or proxies.get("all")
