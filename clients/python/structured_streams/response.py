"""Reads an HTTP response: its events, or the error if it has none. Everything has a bound."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing
from functools import cache
from typing import Final, cast

import httpx
from httpx_sse import EventSource, ServerSentEvent

from structured_streams.error import unexpected
from structured_streams.session import CONNECT_SECONDS, SILENT_SECONDS

LONGEST_EVENT: Final = 1 << 24
"""The most characters of an event; more are an error. The service's own bound is far lower."""
LONGEST_PROBLEM: Final = 1 << 16
"""The most bytes that are read of a body that is not a stream."""

TIMEOUT: Final = httpx.Timeout(CONNECT_SECONDS, read=SILENT_SECONDS)
LOST: Final = (
    httpx.TimeoutException,
    httpx.NetworkError,
    httpx.RemoteProtocolError,
    httpx.ProxyError,
    httpx.DecodingError,
)
"""The exceptions of a connection that fails or breaks."""
ALONE: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
"""Those of a request that nothing has answered."""


@cache
def tls() -> ssl.SSLContext:
    """What all clients know of TLS: to read the authorities' certificates takes 30 ms of CPU."""
    return httpx.create_ssl_context()


def events(response: httpx.Response) -> Generator[ServerSentEvent, None, None]:
    """The events of a response. Raises `StreamError` for one without end, and `LOST`."""
    yield from EventSource(cast(httpx.Response, _Bounded(response))).iter_sse()


def aevents(response: httpx.Response) -> AsyncGenerator[ServerSentEvent, None]:
    """The events of a response. Raises `StreamError` for one without end, and `LOST`."""
    return EventSource(cast(httpx.Response, _Bounded(response))).aiter_sse()


class _Bounded:
    """The part of a response that httpx-sse uses, with a bound.

    httpx-sse keeps all of an event until its end, so an event without end must be stopped here.
    """

    def __init__(self, response: httpx.Response) -> None:
        self.headers = response.headers
        self._response = response
        self._held = 0
        self._last = ""

    def iter_text(self) -> Iterator[str]:
        for text in self._response.iter_text():
            yield self._checked(text)

    async def aiter_text(self) -> AsyncIterator[str]:
        async for text in self._response.aiter_text():
            yield self._checked(text)

    def _checked(self, text: str) -> str:
        joined = self._last + text
        end = joined.rfind("\n\n")
        self._held = self._held + len(text) if end < 0 else len(joined) - end - 2
        self._last = text[-1:]
        if self._held > LONGEST_EVENT:
            raise unexpected(self._response.status_code)
        return text


def problem(response: httpx.Response) -> bytes:
    """The body of a response that is no stream, as far as it may count."""
    return next(response.iter_bytes(LONGEST_PROBLEM), b"")


async def aproblem(response: httpx.Response) -> bytes:
    """The body of a response that is no stream, as far as it may count."""
    pieces = cast(AsyncGenerator[bytes, None], response.aiter_bytes(LONGEST_PROBLEM))
    async with aclosing(pieces):
        return await anext(pieces, b"")
