"""What is read of an HTTP response: its events, or why there are none. Everything has a bound."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing
from typing import Final, cast

import httpx
from httpx_sse import EventSource, ServerSentEvent

from structured_streams.error import unexpected
from structured_streams.session import CONNECT_SECONDS, SILENT_SECONDS

LONGEST_EVENT: Final = 1 << 24
"""Characters; the service's own bound of an answer is far below. Longer ones are an error."""
LONGEST_PROBLEM: Final = 1 << 16
"""Bytes of a body that is no stream; the rest is not read."""

TIMEOUT: Final = httpx.Timeout(CONNECT_SECONDS, read=SILENT_SECONDS)
LOST: Final = (
    httpx.TimeoutException,
    httpx.NetworkError,
    httpx.RemoteProtocolError,
    httpx.ProxyError,
    httpx.DecodingError,
)
"""What a connection that is not there, or no longer, raises."""


def events(response: httpx.Response) -> Generator[ServerSentEvent, None, None]:
    """The events of a response. Raises `StreamError` for one without end, and `LOST`."""
    yield from EventSource(cast(httpx.Response, _Bounded(response))).iter_sse()


def aevents(response: httpx.Response) -> AsyncGenerator[ServerSentEvent, None]:
    """The events of a response. Raises `StreamError` for one without end, and `LOST`."""
    return EventSource(cast(httpx.Response, _Bounded(response))).aiter_sse()


class _Bounded:
    """What httpx-sse uses of a response. It holds an event until it ends: here it must end."""

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
