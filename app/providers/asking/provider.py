"""A provider whose completions are asked for over HTTP, whatever its API is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

from app.providers.asking.negotiation import Negotiation
from app.providers.asking.refusal import Refused
from app.providers.asking.requests import JsonObject, Requests
from app.providers.asking.way import Way
from app.providers.base import Completion, CompletionRequest
from app.providers.completion import StreamedCompletion
from app.providers.mapping import while_opening


class Api(Protocol):
    """An API of one model: its requests, and the responses to them."""

    @property
    def requests(self) -> Requests:
        """What its requests are."""
        ...

    async def open(self, body: JsonObject, way: Way) -> StreamedCompletion:
        """Send a request, and give the completion that the response is, which is to be closed.

        Raises `Refused` if the status is no 2xx, else whatever the libraries raise.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


class ApiProvider:
    """A `Provider`.

    requests: what its requests are
    """

    def __init__(self, api: Api) -> None:
        self.requests = api.requests
        self._api = api
        self._lingering: set[asyncio.Task[None]] = set()
        self._negotiation = Negotiation(self.requests)

    @asynccontextmanager
    async def complete(self, request: CompletionRequest) -> AsyncIterator[Completion]:
        """Ask for a completion, as `Provider` says, in the way that the model takes."""
        try:
            way, completion = await self._negotiation.opened(request, self._open)
        except Refused as refused:
            raise while_opening(refused) from None
        with self._leaving(completion):
            yield completion
            if completion.is_uncalled:
                self._negotiation.went_uncalled(way)

    @asynccontextmanager
    async def complete_by(self, way: Way, request: CompletionRequest) -> AsyncIterator[Completion]:
        """Ask for a completion in this way and in no other.

        Raises `Refused` if the provider answers with a status that is no 2xx.
        """
        completion = await self._open(self.requests.body(way, request), way)
        with self._leaving(completion):
            yield completion

    async def _open(self, body: JsonObject, way: Way) -> StreamedCompletion:
        """The completion that the response to a request is. Raises `Refused`, `ServiceError`."""
        try:
            return await self._api.open(body, way)
        except Refused:
            raise
        except Exception as error:
            raise while_opening(error) from None

    @contextmanager
    def _leaving(self, completion: StreamedCompletion) -> Iterator[None]:
        """Close a completion in the end, or give its response a moment to end by itself."""
        try:
            yield
        except asyncio.CancelledError:
            completion.close()
            raise
        finally:
            if completion.may_linger:
                self._linger(completion)
            else:
                completion.close()

    def _linger(self, completion: StreamedCompletion) -> None:
        """Read the response to its end in the background, for a short time, and then close it."""

        async def linger() -> None:
            try:
                await completion.linger()
            finally:
                completion.close()

        task = asyncio.create_task(linger())
        self._lingering.add(task)
        task.add_done_callback(self._lingering.discard)

    async def aclose(self) -> None:
        """Close all connections."""
        await asyncio.sleep(0)  # a task that is cancelled before its first step closes nothing
        for task in (tasks := list(self._lingering)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._api.aclose()
