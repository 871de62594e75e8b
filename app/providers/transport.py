"""HTTP to the provider: aiohttp under the SDK's client.

The SDK has such a transport too, but its bytes reach us through six generators, it can't be
asked for more than a hundred connections, and it makes a timeout of every connection error.
A transport is httpx2's own extension point; `Body` goes along with the response.
https://www.encode.io/httpcore/extensions/
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
from yarl import URL

BODY = "structured_streams.body"
"""The key of a response's `Body` in its extensions."""

LINGER_SECONDS = 0.25
"""How long an answer that is complete has to end its response too, so that its connection
can serve another."""


class _Line(Protocol):
    def close(self) -> None: ...


class Body(httpx2.AsyncByteStream):
    """A response's bytes as they come, decompressed; all that there are at each step.

    What has come and is not taken is held up to 128 KiB; then the socket is not read.

    complete: to be set once nothing more is wanted of it, though it may not have ended
    lingering: where it is while it may yet end
    """

    def __init__(self, response: aiohttp.ClientResponse, lingering: set[Body]) -> None:
        self.complete = False
        self._content = response.content
        self._line = _line(response)
        self._lingering = lingering

    def on_end(self, call: Callable[[], None]) -> None:
        """Call it once the last byte has come, taken or not."""
        self._content.on_eof(call)

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        if data := await self._content.readany():
            return data
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection, or give it back if it can be used again."""
        if not self.complete or self._content.is_eof():
            self.close()
            return
        timer = asyncio.get_running_loop().call_later(LINGER_SECONDS, self.close)
        self._lingering.add(self)

        def ended() -> None:
            timer.cancel()
            self._lingering.discard(self)

        self._content.on_eof(ended)

    def close(self) -> None:
        """Close the connection, where the response has not ended and given it back."""
        self._lingering.discard(self)
        self._line.close()


def _line(response: aiohttp.ClientResponse) -> _Line:
    """What closes a response's connection; its end gives the connection back.

    The response itself is let go of: with its headers and its request it takes 6 KB, as much
    as the answer. aiohttp has no public way to keep the connection without it.
    """
    connection, content = response.connection, response.content
    if connection is None or response._writer is not None:
        return response  # it has ended; or must wait until its request has been written
    response._connection = None
    response._closed = True
    content._eof_callbacks.clear()  # the response's own
    content.on_eof(connection.release)
    return connection


class Transport(httpx2.AsyncBaseTransport):
    """Connections as many as are needed, kept for the next request while they are idle.

    connect_timeout: seconds for a connection with its TLS. Nothing else is timed here.

    Raises aiohttp's own exceptions.
    """

    def __init__(self, connect_timeout: float) -> None:
        self._timeout = aiohttp.ClientTimeout(sock_connect=connect_timeout)
        self._session: aiohttp.ClientSession | None = None
        self._lingering: set[Body] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._opened().request(
            request.method,
            URL(str(request.url), encoded=True),
            headers=[item for item in request.headers.multi_items() if not _is_idle(item[0])],
            data=await request.aread(),
            allow_redirects=False,
            timeout=self._timeout,
            proxy=_proxy(request.url.scheme, request.url.host),
        )
        headers = [item for item in response.raw_headers if item[0].lower() not in _ENCODED]
        extensions: dict[str, Any] = {BODY: (body := Body(response, self._lingering))}
        return httpx2.Response(response.status, headers=headers, stream=body, extensions=extensions)

    async def aclose(self) -> None:
        while self._lingering:
            self._lingering.pop().close()
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        """The session, which needs a running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _is_idle(name: str) -> bool:
    """Whether it is a header about this machine, which the SDK adds and no provider needs."""
    return name.startswith("x-stainless-")


_ENCODED = frozenset({b"content-encoding", b"content-length"})
"""Headers that are not true of a body that is decompressed."""


@cache
def _proxy(scheme: str, host: str) -> str | None:
    """The proxy that the environment names (HTTP_PROXY, NO_PROXY, and so on)."""
    if proxy_bypass(host):
        return None
    proxies = getproxies()
    return proxies.get(scheme) or proxies.get("all")
