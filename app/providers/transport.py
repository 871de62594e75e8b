"""HTTP to the providers: aiohttp under an SDK's client.

The OpenAI SDK has such a transport too, but it can't be asked for more than a hundred
connections, and it makes a timeout of every connection error. A transport is httpx's own
extension point. https://www.python-httpx.org/advanced/transports/#custom-transports
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import cache
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
from yarl import URL

RECEIVED = "structured_streams.received"
"""The key of a future in a response's extensions. It resolves once the last byte has come,
read or not, or the connection has been closed.
https://www.python-httpx.org/advanced/extensions/#response-extensions"""

MAX_ERROR_BYTES = 64 * 1024
"""The bound of an answer that is no 2xx, as an SDK reads such an answer to its end at once."""


class Body(httpx2.AsyncByteStream):
    """A response's bytes as they come, decompressed. Each read gives all that have come.

    aiohttp holds at most 128 KiB that have come and are not taken; beyond that it does not
    read the socket.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.received: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._response = response
        is_error = response.status // 100 != 2
        self._left = MAX_ERROR_BYTES if is_error else None
        response.content.on_eof(self._end)

    def _end(self) -> None:
        if not self.received.done():
            self.received.set_result(None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self._response.content.readany():
            yield data[: self._left]
            if self._left is not None:
                self._left -= min(self._left, len(data))
                if not self._left:
                    return

    async def aclose(self) -> None:
        """Close the connection, unless the response has ended and given it back."""
        self._response.close()
        self._end()


class Transport(httpx2.AsyncBaseTransport):
    """Opens as many connections as are needed, and keeps idle ones for the next request.

    connect_timeout: seconds for a connection with its TLS; nothing else is timed here

    Raises aiohttp's own exceptions.
    """

    def __init__(self, connect_timeout: float) -> None:
        self._timeout = aiohttp.ClientTimeout(sock_connect=connect_timeout)
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._opened().request(
            request.method,
            URL(str(request.url), encoded=True),
            headers=[
                item for item in request.headers.multi_items() if not _tells_of_machine(item[0])
            ],
            data=await request.aread(),
            allow_redirects=False,
            timeout=self._timeout,
            proxy=_proxy(request.url.scheme, request.url.host),
        )
        headers = [item for item in response.raw_headers if item[0].lower() not in _ENCODED]
        body = Body(response)
        extensions = {RECEIVED: body.received}
        return httpx2.Response(response.status, headers=headers, stream=body, extensions=extensions)

    async def aclose(self) -> None:
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


def _tells_of_machine(name: str) -> bool:
    """Whether the SDK has added the header to tell of this machine. No provider needs it."""
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
