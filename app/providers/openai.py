"""Any OpenAI-compatible provider, through Instructor and the OpenAI SDK.

    response's bytes ─ sse.py ─> events ─> chunks, made standard ─ Instructor ─> text

Instructor makes the request for each mode and takes the text out of the chunks. Its handlers
are used, which its registry gives to whoever asks, and not its `create`: that parses the whole
text again at each chunk. The finish reason, a refusal and the usage, which Instructor drops,
are read on the way.
https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import httpx2
import msgspec
import openai
from instructor import Mode, response_schema
from instructor import Provider as InstructorProvider
from instructor.v2 import mode_registry
from pydantic import BaseModel, SecretStr

from app.errors import ProviderError, ProviderProtocol
from app.providers.base import Completion, CompletionRequest, Finish, Tokens
from app.providers.finish import standard
from app.providers.mapping import while_opening, while_reading
from app.providers.sse import EventDecoder
from app.providers.transport import RECEIVED, Transport

USAGE_SECONDS = 2
"""How long to wait for the usage after the finish reason and the last text."""

LINGER_SECONDS = 0.25
"""How long a response has to end once its completion has, so that its connection can serve
another."""

AHEAD_BYTES = 8 * 1024
"""If a read finds so many bytes, the provider writes faster than it is read."""

_NO_KEY = "none"  # the SDK refuses to start without one; servers that need none ignore it


@dataclass(frozen=True, slots=True)
class OpenAISettings:
    """What the provider is configured with.

    base_url: None for OpenAI's own
    connect_timeout: in seconds
    """

    api_key: SecretStr | None
    base_url: str | None
    mode: Literal["tools", "json_schema", "json", "md_json"]
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"]
    connect_timeout: float


# -- the chunks of a response ---------------------------------------------------------------
# The fields have the names of the API's JSON, by which Instructor's extractors read a chunk.
# (The SDK's own classes cost eight times as much.)


class Function(msgspec.Struct):
    arguments: str | None = None


class ToolCall(msgspec.Struct):
    index: int | None = None
    function: Function | None = None


class ChoiceDelta(msgspec.Struct):
    content: str | None = None
    tool_calls: list[ToolCall] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None

    @property
    def arguments(self) -> str:
        """The arguments of the first tool call: there is one tool, and one value."""
        text = ""
        for call in self.tool_calls or ():
            if not call.index and call.function is not None:
                text += call.function.arguments or ""
        return text


class Choice(msgspec.Struct):
    index: int | None = None
    delta: ChoiceDelta | None = None
    finish_reason: str | None = None


class CompletionUsage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Chunk(msgspec.Struct):
    """One chunk of a response.

    error: anything but null says that the provider has failed
    """

    choices: list[Choice] | None = None
    usage: CompletionUsage | None = None
    error: Any = None


_decode_chunk = msgspec.json.Decoder(Chunk).decode


def decode(data: bytes) -> Chunk:
    """The chunk that an event holds. Raises `ProviderProtocol`."""
    try:
        chunk = _decode_chunk(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ProviderProtocol from None
    if chunk.error is not None:
        raise ProviderProtocol
    return chunk


# -- a completion ---------------------------------------------------------------------------

Extract = Callable[[AsyncGenerator[Any, None]], AsyncGenerator[str, None]]
"""Instructor's extractor for a mode: chunks in, text out."""


class OpenAICompletion:
    """A completion whose response is being read; a `Completion`.

    body: the response's bytes
    received: resolves once the last of them has come
    in_tools: whether the text is a tool call's arguments, or the message's content
    """

    def __init__(
        self,
        body: AsyncIterator[bytes],
        received: asyncio.Future[None],
        extract: Extract,
        *,
        in_tools: bool,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.active = self._loop.time()
        self.ahead = False
        self.received = received
        self.usage: Tokens | None = None
        self._body = body
        self._extract = extract
        self._in_tools = in_tools
        self._events = EventDecoder()
        self._finish: Finish | None = None
        self._refused = False
        self._until = 0.0  # how long to wait for the usage; 0 before the finish reason
        self._done = False  # the provider has said that nothing follows

    @property
    def finish(self) -> Finish | None:
        return Finish.REFUSED if self._refused else self._finish

    async def __aiter__(self) -> AsyncIterator[str]:
        try:
            async for text in self._extract(self._chunks()):
                yield text
        except Exception as error:
            raise while_reading(error) from None

    @property
    def may_linger(self) -> bool:
        """Whether the completion has ended, and the end of its response is still to come."""
        return self._done and not self.received.done()

    async def linger(self) -> None:
        """Read the response to its end, for a moment, so that its connection can be used again."""
        with suppress(Exception):
            async with asyncio.timeout(LINGER_SECONDS):
                async for _ in self._body:
                    pass

    async def _chunks(self) -> AsyncGenerator[Chunk, None]:
        """The text of each read, as one chunk. An error is raised after the text before it."""
        while not self._done:
            data = await self._read()
            texts: list[str] = []
            try:
                # At the end, the last event may lack its blank line.
                self._take(b"\n\n" if data is None else data, texts)
            except ProviderError:
                if data is None:
                    return  # the response was cut off within a chunk
                if texts:
                    yield self._standard("".join(texts))
                raise
            if texts:
                yield self._standard("".join(texts))
            if data is None:
                return

    def _standard(self, text: str) -> Chunk:
        """A chunk that holds this text and nothing else, where the mode has its text."""
        if not self._in_tools:
            return Chunk(choices=[Choice(delta=ChoiceDelta(content=text))])
        call = ToolCall(function=Function(arguments=text))
        return Chunk(choices=[Choice(delta=ChoiceDelta(tool_calls=[call]))])

    async def _read(self) -> bytes | None:
        """The next bytes; None at the end."""
        if self._finish is None:
            data = await anext(self._body, None)
            self.ahead = data is not None and len(data) >= AHEAD_BYTES
            return data
        if self._loop.time() >= self._until:
            return None
        try:
            async with asyncio.timeout_at(self._until):
                return await anext(self._body, None)
        except Exception:
            return None  # the model has finished, and only its usage is missing

    def _take(self, data: bytes, texts: list[str]) -> None:
        """Read the chunks in `data`. What they add to the text is appended to `texts`."""
        for event in self._events.feed(data):
            if event == b"[DONE]":
                self._done = True
                return
            chunk = decode(event)
            if (tokens := chunk.usage) is not None:
                self.usage = Tokens(tokens.prompt_tokens or 0, tokens.completion_tokens or 0)
            for choice in chunk.choices or ():
                if not choice.index:
                    self._take_choice(choice, texts)

    def _take_choice(self, choice: Choice, texts: list[str]) -> None:
        if choice.delta is not None:
            self._take_delta(choice.delta, texts)
        if choice.finish_reason:
            self._finish = standard(choice.finish_reason)
            self._until = self._until or self._loop.time() + USAGE_SECONDS

    def _take_delta(self, delta: ChoiceDelta, texts: list[str]) -> None:
        text = delta.arguments if self._in_tools else delta.content
        if text:
            texts.append(text)
            self._until = self._until and self._loop.time() + USAGE_SECONDS
        if delta.refusal:
            self._refused = True
        if text or delta.reasoning_content or delta.reasoning or delta.refusal:
            self.active = self._loop.time()


# -- the provider ---------------------------------------------------------------------------


class OpenAIProvider:
    """A `Provider`."""

    def __init__(self, settings: OpenAISettings) -> None:
        key = settings.api_key
        self._client = openai.AsyncOpenAI(
            api_key=key.get_secret_value() if key else _NO_KEY,
            base_url=settings.base_url,
            max_retries=0,  # the service retries by itself, where readers are told
            http_client=httpx2.AsyncClient(
                transport=Transport(settings.connect_timeout),
                timeout=None,
                follow_redirects=True,
            ),
        )
        self._lingering: set[asyncio.Task[None]] = set()
        # Looked up now: the SDK imports its resources on first use, which takes a while.
        self._create: Any = self._client.chat.completions.with_streaming_response.create
        self._max_tokens_field = settings.max_tokens_field
        mode = Mode[settings.mode.upper()]
        self._in_tools = mode is Mode.TOOLS
        self._prepare: Any = handlers(mode).request_handler
        self._tools: dict[type[BaseModel], dict[str, Any]] = {}
        # MD_JSON's own extractor holds the text back until its JSON is complete. The service
        # strips fences by itself.
        self._extract: Any = handlers(
            Mode.JSON if mode is Mode.MD_JSON else mode
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
            "model": request.model,
            "messages": request.messages,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.max_tokens is not None:
            arguments[self._max_tokens_field] = request.max_tokens
        # What Instructor has made goes along as it is, and takes the place of the arguments: the
        # SDK would walk through each part of the messages and of the schema, for a millisecond.
        body = self._prepared(request.response_model, arguments)
        return {"model": request.model, "messages": (), "stream": True, "extra_body": body}

    def _prepared(self, model: type[BaseModel], arguments: dict[str, Any]) -> dict[str, Any]:
        """The request's JSON: the arguments, with what Instructor adds to them for the mode."""
        if not self._in_tools:
            return self._handle(model, arguments)
        if model not in self._tools:  # which have nothing to do with the messages
            self._tools[model] = self._handle(model, {})
        return {**self._tools[model], **arguments}

    def _handle(self, model: type[BaseModel], arguments: dict[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = self._prepare(_described(model), arguments)[1]
        return body


def handlers(mode: Mode) -> Any:
    """Instructor's handlers for a mode."""
    return mode_registry.get_handlers(InstructorProvider.OPENAI, mode)


@cache
def _described(model: type[BaseModel]) -> type[BaseModel]:
    """Instructor's class for a response model. It is made once, and not for each request."""
    made: Any = response_schema(model)
    # Pydantic would make the JSON Schema for each request, in half a millisecond or more.
    made.model_json_schema = cache(made.model_json_schema)
    described: type[BaseModel] = made
    return described
