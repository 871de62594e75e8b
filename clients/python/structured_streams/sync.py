"""Streams without an event loop: `stream.py` without `await`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from time import sleep
from types import TracebackType
from weakref import ref

import httpx

from structured_streams.response import ALONE, LOST, TIMEOUT, events, problem, tls
from structured_streams.session import FAREWELL_SECONDS, Ask, Partial, Session, T, Told


class SyncStream(Told[T]):
    """A stream of partials, for one `for`."""

    def __init__(self, session: Session[T], client: httpx.Client | None) -> None:
        super().__init__(session)
        self._client = client
        self._is_entered = False
        self._reading: Callable[[], Generator[Partial, None, None] | None] | None = None

    def __iter__(self) -> Generator[Partial, None, None]:
        if self._reading is not None:
            raise RuntimeError("A stream is read once.")
        reading = self._read()
        # A weak reference lets the generator be closed when a loop that was left drops it. In a
        # `with` block a strong reference keeps it, and the end of the block closes it.
        self._reading = (lambda: reading) if self._is_entered else ref(reading)
        return reading

    def final(self) -> T:
        """The final value. Reads the stream if no loop has read it.

        Raises the `StreamError` that it ended in, and `pydantic.ValidationError` for a value
        that is not of the type that was asked for.
        """
        if self._reading is None:
            with closing(iter(self)) as reading:
                for _ in reading:
                    pass
        return self._session.result()

    def close(self) -> None:
        """Leave: cancel the stream, unless it has ended, and close the connection."""
        reading = self._reading() if self._reading else None
        if reading is not None:
            reading.close()

    def __enter__(self) -> SyncStream[T]:
        self._is_entered = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self) -> Generator[Partial, None, None]:
        with _client(self._client) as client:
            try:
                while True:
                    try:
                        with closing(self._connection(client)) as partials:
                            yield from partials
                    except LOST as error:
                        self._session.unreached(isinstance(error, ALONE))
                    if self._session.is_over:
                        return
                    sleep(self._session.pause())
            finally:
                with suppress(httpx.HTTPError):
                    self._leave(client)

    def _connection(self, client: httpx.Client) -> Generator[Partial, None, None]:
        """The partials of one response."""
        with _sent(client, self._session.ask()) as response:
            if not self._session.answered(response.status_code, response.headers):
                body = problem(response)
                self._session.refused(response.status_code, response.headers, body)
                return
            with closing(events(response)) as found:
                for event in found:
                    partial = self._session.received(event.event, event.data, event.id)
                    if partial is not None:
                        yield partial
                    if self._session.is_over:
                        return

    def _leave(self, client: httpx.Client) -> None:
        while ask := self._session.farewell():
            with _sent(client, ask, httpx.Timeout(FAREWELL_SECONDS)) as response:
                self._session.answered(response.status_code, response.headers)


@contextmanager
def _client(given: httpx.Client | None) -> Iterator[httpx.Client]:
    """The user's client, or a new one."""
    if given is not None:
        yield given
        return
    with httpx.Client(verify=tls()) as client:
        yield client


def _sent(
    client: httpx.Client, ask: Ask, timeout: httpx.Timeout = TIMEOUT
) -> AbstractContextManager[httpx.Response]:
    return client.stream(
        ask.method,
        ask.url,
        headers=ask.headers,
        params=ask.params,
        content=ask.content,
        timeout=timeout,
    )
