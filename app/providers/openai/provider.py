"""Any OpenAI-compatible provider, through Instructor and the OpenAI SDK.

Instructor makes the request for each mode and takes the text out of the chunks.
https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

import openai
from instructor import Mode
from instructor import Provider as InstructorProvider

from app.providers.base import Completion, CompletionRequest
from app.providers.handlers import handlers
from app.providers.mapping import while_opening
from app.providers.model_settings import ModelSettings
from app.providers.openai.client import client_of, create_of
from app.providers.openai.completion import OpenAICompletion
from app.providers.openai.negotiation import Negotiation, Refused
from app.providers.openai.refusal import refusal
from app.providers.openai.request import JsonObject, body
from app.providers.openai.way import AskedMode, Way
from app.providers.transport import RECEIVED


class OpenAIProvider:
    """A `Provider`."""

    def __init__(self, settings: ModelSettings) -> None:
        self._client = client_of(settings)
        self._create = create_of(self._client, settings)
        self._lingering: set[asyncio.Task[None]] = set()
        self._settings = settings
        self._negotiation = Negotiation(settings)

    @asynccontextmanager
    async def complete(self, request: CompletionRequest) -> AsyncIterator[Completion]:
        """Ask for a completion, as `Provider` says, in the way that the model takes."""
        async with AsyncExitStack() as stack:
            try:
                way, response = await self._negotiation.opened(
                    request, lambda made: self._opened(made, stack)
                )
            except Refused as refused:
                raise while_opening(refused) from None
            completion = await self._read(response, way, stack)
            yield completion
            if completion.is_uncalled:
                self._negotiation.went_uncalled(way)

    @asynccontextmanager
    async def complete_by(self, way: Way, request: CompletionRequest) -> AsyncIterator[Completion]:
        """Ask for a completion in this way and in no other.

        Raises `Refused` if the provider answers with a status that is no 2xx.
        """
        async with AsyncExitStack() as stack:
            response = await self._opened(body(self._settings, way, request), stack)
            yield await self._read(response, way, stack)

    async def _opened(self, made: JsonObject, stack: AsyncExitStack) -> Any:
        """The SDK's response to a request, whose body is still to be read.

        Raises `Refused`, and what `while_opening` makes of any other exception. Nothing of our own
        runs in here, so that a fault of ours is never taken for the provider's.
        """
        # What is made goes along as it is, and takes the place of the arguments: the SDK would
        # walk through each part of the messages and of the schema, for a millisecond.
        opening = self._create(model=made["model"], messages=(), stream=True, extra_body=made)
        try:
            return await stack.enter_async_context(opening)
        except openai.APIStatusError as error:
            raise Refused(refusal(error.status_code, error.body)) from error
        except Exception as error:
            raise while_opening(error) from None

    async def _read(self, response: Any, way: Way, stack: AsyncExitStack) -> OpenAICompletion:
        """The completion that a response is. The stack closes it."""
        completion = OpenAICompletion(
            await stack.enter_async_context(aclosing(response.iter_bytes())),
            response.http_response.extensions[RECEIVED],
            _extractor(way.mode),
            in_tools=way.mode == "tools",
            null_is_absent=way.dialect == "strict",
        )

        def leave(kind: type[BaseException] | None, *_: object) -> None:
            cancelled = kind is not None and issubclass(kind, asyncio.CancelledError)
            if completion.may_linger and not cancelled:
                self._linger(completion, stack.pop_all())

        stack.push(leave)
        return completion

    def _linger(self, completion: OpenAICompletion, contexts: AsyncExitStack) -> None:
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
        await self._client.close()


def _extractor(mode: AskedMode) -> Any:
    """What takes the text out of the chunks in a mode.

    That of `md_json` would hold the text back until its JSON is complete. The service strips
    fences by itself.
    """
    mode = "json" if mode == "md_json" else mode
    return handlers(InstructorProvider.OPENAI, Mode[mode.upper()]).stream_extractor_async
