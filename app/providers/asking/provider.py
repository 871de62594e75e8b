"""A provider whose completions are asked for over HTTP, whatever its API is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
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

    async def open(self, body: JsonObject, way: Way, stack: AsyncExitStack) -> StreamedCompletion:
        """Send a request, and give the completion that the response is.

        The stack closes the response. Raises `Refused` if the status is no 2xx, else whatever the
        libraries raise.
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
        async with AsyncExitStack() as stack:
            try:
                way, completion = await self._negotiation.opened(
                    request, lambda body, way: self._open(body, way, stack)
                )
            except Refused as refused:
                raise while_opening(refused) from None
            self._linger_after(completion, stack)
            yield completion
            if completion.is_uncalled:
                self._negotiation.went_uncalled(way)

    @asynccontextmanager
    async def complete_by(self, way: Way, request: CompletionRequest) -> AsyncIterator[Completion]:
        """Ask for a completion in this way and in no other.

        Raises `Refused` if the provider answers with a status that is no 2xx.
        """
        async with AsyncExitStack() as stack:
            completion = await self._open(self.requests.body(way, request), way, stack)
            self._linger_after(completion, stack)
            yield completion

    async def _open(self, body: JsonObject, way: Way, stack: AsyncExitStack) -> StreamedCompletion:
        """The completion that the response to a request is. Raises `Refused`, `ServiceError`."""
        try:
            return await self._api.open(body, way, stack)
        except Refused:
            raise
        except Exception as error:
            raise while_opening(error) from None

    def _linger_after(self, completion: StreamedCompletion, stack: AsyncExitStack) -> None:
        """Have the stack, once it is left, give the response a moment to end."""

        def leave(kind: type[BaseException] | None, *_: object) -> None:
            cancelled = kind is not None and issubclass(kind, asyncio.CancelledError)
            if completion.may_linger and not cancelled:
                self._linger(completion, stack.pop_all())

        stack.push(leave)

    def _linger(self, completion: StreamedCompletion, contexts: AsyncExitStack) -> None:
        """Read the response to its end in the background, for a short time, and then leave."""

        async def linger() -> None:
            async with contexts:
                await completion.linger()

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
