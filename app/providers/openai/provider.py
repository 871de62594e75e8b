"""Any OpenAI-compatible provider, through Instructor and the OpenAI SDK.

Instructor makes the request for each mode and takes the text out of the chunks.
https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

from instructor import Mode
from instructor import Provider as InstructorProvider
from pydantic import BaseModel

from app.providers.base import Completion, CompletionRequest
from app.providers.handlers import described, handlers
from app.providers.mapping import while_opening
from app.providers.model_settings import ModelSettings
from app.providers.openai.client import client_of, create_of
from app.providers.openai.completion import OpenAICompletion
from app.providers.options import merged
from app.providers.transport import RECEIVED


class OpenAIProvider:
    """A `Provider`."""

    def __init__(self, settings: ModelSettings) -> None:
        self._client = client_of(settings)
        self._create = create_of(self._client, settings)
        self._lingering: set[asyncio.Task[None]] = set()
        self._model = settings.model
        self._max_tokens_field = settings.max_tokens_field
        self._options = settings.options
        mode = Mode[settings.mode.upper()]
        self._in_tools = mode is Mode.TOOLS
        self._prepare: Any = handlers(InstructorProvider.OPENAI, mode).request_handler
        self._tools: dict[type[BaseModel], dict[str, Any]] = {}
        # MD_JSON's own extractor holds the text back until its JSON is complete. The service
        # strips fences by itself.
        self._extract: Any = handlers(
            InstructorProvider.OPENAI, Mode.JSON if mode is Mode.MD_JSON else mode
        ).stream_extractor_async

    @asynccontextmanager
    async def complete(self, request: CompletionRequest) -> AsyncIterator[Completion]:
        """Ask for a completion, as `Provider` says."""
        async with AsyncExitStack() as stack:
            try:
                opening = self._create(**self._arguments(request))
                response = await stack.enter_async_context(opening)
            except Exception as error:
                raise while_opening(error) from None
            completion = OpenAICompletion(
                await stack.enter_async_context(aclosing(response.iter_bytes())),
                response.http_response.extensions[RECEIVED],
                self._extract,
                in_tools=self._in_tools,
            )

            def leave(kind: type[BaseException] | None, *_: object) -> None:
                cancelled = kind is not None and issubclass(kind, asyncio.CancelledError)
                if completion.may_linger and not cancelled:
                    self._linger(completion, stack.pop_all())

            stack.push(leave)
            yield completion

    def _linger(self, completion: OpenAICompletion, contexts: AsyncExitStack) -> None:
        """Leave the contexts once the response has had its moment. Nobody waits for that."""

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

    def _arguments(self, request: CompletionRequest) -> dict[str, Any]:
        """The arguments of the SDK's `create`."""
        arguments: dict[str, Any] = {
            "model": self._model,
            "messages": request.messages,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.max_tokens is not None:
            arguments[self._max_tokens_field] = request.max_tokens
        # What Instructor has made goes along as it is, and takes the place of the arguments: the
        # SDK would walk through each part of the messages and of the schema, for a millisecond.
        body = self._prepared(request.response_model, arguments)
        body = merged(merged(body, self._options), request.options)
        return {"model": self._model, "messages": (), "stream": True, "extra_body": body}

    def _prepared(self, model: type[BaseModel], arguments: dict[str, Any]) -> dict[str, Any]:
        """The request's JSON: the arguments, with what Instructor adds to them for the mode."""
        if not self._in_tools:
            return self._handle(model, arguments)
        if model not in self._tools:  # which have nothing to do with the messages
            self._tools[model] = self._handle(model, {})
        return {**self._tools[model], **arguments}

    def _handle(self, model: type[BaseModel], arguments: dict[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = self._prepare(described(model), arguments)[1]
        return body
