"""Streams for asyncio. `sync.py` is the same without `await`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from types import TracebackType
from weakref import ref

import anyio
import httpx

from structured_streams.response import ALONE, LOST, TIMEOUT, aevents, aproblem, tls
from structured_streams.session import FAREWELL_SECONDS, Ask, Partial, Session, T, Told


class Stream(Told[T]):
    """A stream of partials, for one `async for`."""

    def __init__(self, session: Session[T], client: httpx.AsyncClient | None) -> None:
        super().__init__(session)
        self._client = client
        self._is_entered = False
        self._reading: Callable[[], AsyncGenerator[Partial, None] | None] | None = None

    def __aiter__(self) -> AsyncGenerator[Partial, None]:
        if self._reading is not None:
            raise RuntimeError("A stream is read once.")
        reading = self._read()
        # A weak reference lets the generator be closed when a loop that was left drops it. In a
        # `with` block a strong reference keeps it, and only the end of the block closes it.
        self._reading = (lambda: reading) if self._is_entered else ref(reading)
        return reading

    async def final(self) -> T:
        """The final value. Reads the stream if no loop has read it.

        Raises the `StreamError` that it ended in, and `pydantic.ValidationError` for a value
        that is not of the type that was asked for.
        """
        if self._reading is None:
            async with aclosing(aiter(self)) as reading:
                async for _ in reading:
                    pass
        return self._session.result()

    async def aclose(self) -> None:
        """Leave: cancel the stream, unless it has ended, and close the connection."""
        reading = self._reading() if self._reading else None
        if reading is not None:
            await reading.aclose()

    async def __aenter__(self) -> Stream[T]:
        self._is_entered = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _read(self) -> AsyncGenerator[Partial, None]:
        async with _client(self._client) as client:
            try:
                while True:
                    try:
                        async with aclosing(self._connection(client)) as partials:
                            async for partial in partials:
                                yield partial
                    except LOST as error:
                        self._session.unreached(isinstance(error, ALONE))
                    if self._session.is_over:
                        return
                    await anyio.sleep(self._session.pause())
            finally:
                with anyio.move_on_after(FAREWELL_SECONDS, shield=True), suppress(httpx.HTTPError):
                    await self._leave(client)

    async def _connection(self, client: httpx.AsyncClient) -> AsyncGenerator[Partial, None]:
        """The partials of one response."""
        async with _sent(client, self._session.ask()) as response:
            if not self._session.answered(response.status_code, response.headers):
                body = await aproblem(response)
                self._session.refused(response.status_code, response.headers, body)
                return
            async with aclosing(aevents(response)) as events:
                async for event in events:
                    partial = self._session.received(event.event, event.data, event.id)
                    if partial is not None:
                        yield partial
                    if self._session.is_over:
                        return

    async def _leave(self, client: httpx.AsyncClient) -> None:
        while ask := self._session.farewell():
            async with _sent(client, ask, httpx.Timeout(FAREWELL_SECONDS)) as response:
                self._session.answered(response.status_code, response.headers)


@asynccontextmanager
async def _client(given: httpx.AsyncClient | None) -> AsyncIterator[httpx.AsyncClient]:
    """The user's client, or a new one."""
    if given is not None:
        yield given
        return
    async with httpx.AsyncClient(verify=tls()) as client:
        yield client


def _sent(
    client: httpx.AsyncClient, ask: Ask, timeout: httpx.Timeout = TIMEOUT
) -> AbstractAsyncContextManager[httpx.Response]:
    return client.stream(
        ask.method,
        ask.url,
        headers=ask.headers,
        params=ask.params,
        content=ask.content,
        timeout=timeout,
    )
