"""Any OpenAI-compatible provider, through Instructor and the OpenAI SDK.

The only module that imports either. Instructor makes the request in each mode, and takes the
answer's text out of the chunks: its handlers are what is used of it, not its `create`, which
would parse the text (quadratically) and look at the model's whole schema for each request.
The completion is a `Completion` of ours, so that finish reasons, refusals and usage, which
Instructor drops, are seen on the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, cast

import httpx2
import openai
from instructor import Mode, Provider
from instructor.v2.core.function_calls import response_schema
from instructor.v2.core.registry import mode_registry
from pydantic import BaseModel

from app.errors import ProviderError
from app.providers.base import CompletionRequest as Ask
from app.providers.base import Finish, Tokens
from app.providers.completion import Completion
from app.providers.mapping import while_opening, while_reading
from app.providers.transport import BODY, Body, Transport
from app.settings import Settings

_NO_KEY = "none"  # the SDK refuses to start without one; servers that need none ignore it


class OpenAIProvider:
    """Answers of an OpenAI-compatible provider. `base_url` overrides that of the settings."""

    def __init__(self, settings: Settings, base_url: str | None = None) -> None:
        key = settings.openai_api_key
        self._client = openai.AsyncOpenAI(
            api_key=key.get_secret_value() if key else _NO_KEY,
            base_url=base_url or settings.openai_base_url,
            max_retries=0,  # the SDK's own sleep in silence
            http_client=httpx2.AsyncClient(
                transport=Transport(settings.connect_timeout),
                timeout=None,
                follow_redirects=True,
            ),
        )
        # Looked up now: the SDK imports its resources on first use, which takes a while.
        self._open: Any = self._client.chat.completions.with_streaming_response.create
        self._max_tokens_field = settings.max_tokens_field
        mode = Mode[settings.instructor_mode.upper()]
        self._in_tools = mode is Mode.TOOLS
        self._prepare: Any = mode_registry.get_handlers(Provider.OPENAI, mode).request_handler
        # MD_JSON's own extractor holds the text back until its JSON is complete. Ours strips
        # fences by itself.
        extracted = Mode.JSON if mode is Mode.MD_JSON else mode
        handlers = mode_registry.get_handlers(Provider.OPENAI, extracted)
        self._extract: Any = handlers.stream_extractor_async
        self._models: dict[type[BaseModel], type[BaseModel]] = {}
        self._tools: dict[type[BaseModel], dict[str, Any]] = {}

    async def ask(self, ask: Ask) -> Any:
        """Open an answer, as `Provider.ask` says."""
        try:
            body = await self._opened(ask)
        except Exception as error:
            raise while_opening(error) from None
        completion = Completion(body, in_tools=self._in_tools, wanted=None)
        body.on_end(completion.hurry)
        return _Answer(self._extract(completion), completion, body)

    @asynccontextmanager
    async def complete(self, request: Any) -> Any:
        answer = await self.ask(request)
        answer.received = asyncio.get_running_loop().create_future()
        answer._body.on_end(lambda: answer.received.done() or answer.received.set_result(None))
        try:
            yield answer
        finally:
            await answer.aclose()

    async def _opened(self, ask: Ask) -> Body:
        """The body of a response that has begun. The SDK's objects around it are let go of."""
        # What Instructor has made goes past the SDK, which would look at all of it again.
        opening = self._open(model=ask.model, messages=(), stream=True, extra_body=self._body(ask))
        response = await opening.__aenter__()
        body: Body = response.http_response.extensions[BODY]
        return body

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()

    def _body(self, ask: Ask) -> dict[str, Any]:
        """The request's JSON."""
        arguments: dict[str, Any] = {
            "model": ask.model,
            "messages": ask.messages,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if ask.max_tokens is not None:
            arguments[self._max_tokens_field] = ask.max_tokens
        model = self._model(ask.response_model)
        if not self._in_tools:
            return self._prepared(model, arguments)
        if model not in self._tools:  # which have nothing to do with the messages
            self._tools[model] = self._prepared(model, {})
        return {**self._tools[model], **arguments}

    def _prepared(self, model: type[BaseModel], arguments: dict[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = self._prepare(response_model=model, kwargs=arguments)[1]
        return body

    def _model(self, model: type[BaseModel]) -> type[BaseModel]:
        """The class for Instructor: one for each response model, never one for each request."""
        if model not in self._models:
            made: Any = response_schema(model)
            # Pydantic would make it anew for each request, which takes it milliseconds.
            made.model_json_schema = cache(made.model_json_schema)
            self._models[model] = made
        return self._models[model]


class _Answer:
    """The text that Instructor takes out of a completion."""

    def __init__(self, texts: AsyncIterator[str], completion: Completion, body: Body) -> None:
        self._texts = texts
        self._completion = completion
        self._body = body

    @property
    def active(self) -> float:
        return self._completion.active

    @property
    def finish(self) -> Any:
        w = self._completion.finish
        if self._completion.refused or w == "refusal":
            return Finish.REFUSED
        if w is None:
            return None
        if w in {
            "stop",
            "tool_calls",
            "function_call",
            "eos",
            "end_turn",
            "eos_token",
            "stop_sequence",
        }:
            return Finish.STOP
        return {"length": Finish.LENGTH, "content_filter": Finish.FILTERED}.get(w, Finish.UNKNOWN)

    @property
    def refused(self) -> bool:
        return self._completion.refused

    @property
    def usage(self) -> Tokens | None:
        return self._completion.usage

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        try:
            return await anext(self._texts)
        except (StopAsyncIteration, ProviderError):
            raise
        except Exception as error:
            raise while_reading(error) from None

    async def aclose(self) -> None:
        """Close what is between the text and the connection."""
        self._body.complete = self._completion.is_complete
        await cast(Any, self._texts).aclose()
        await self._completion.aclose()
