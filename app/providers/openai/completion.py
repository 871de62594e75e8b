"""A completion that an OpenAI-compatible provider writes: bytes in, text out.

    response's bytes ─ sse.py ─> events ─> chunks, made standard ─ Instructor ─> text

The finish reason, a refusal and the usage, which Instructor drops, are read on the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from app.errors import ProviderError
from app.providers.base import Finish, Tokens
from app.providers.finish import standard
from app.providers.mapping import while_reading
from app.providers.openai.chunk import Choice, ChoiceDelta, Chunk, Function, ToolCall, decode
from app.providers.sse import EventDecoder

USAGE_SECONDS = 2
"""How long to wait for the usage after the finish reason and the last text."""

LINGER_SECONDS = 0.25
"""How long a response has to end once its completion has, so that its connection can serve
another."""

AHEAD_BYTES = 8 * 1024
"""If a read finds so many bytes, the provider writes faster than it is read."""

Extract = Callable[[AsyncGenerator[Any, None]], AsyncGenerator[str, None]]
"""Instructor's extractor for a mode: chunks in, text out."""


class OpenAICompletion:
    """A completion whose response is being read; a `Completion`.

    body: the response's bytes
    received: resolves once the last of them has come
    in_tools: whether the text is a tool call's arguments, or the message's content
    null_is_absent: whether it was asked for in the dialect `strict`
    """

    def __init__(
        self,
        body: AsyncIterator[bytes],
        received: asyncio.Future[None],
        extract: Extract,
        *,
        in_tools: bool,
        null_is_absent: bool = False,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.active = self._loop.time()
        self.ahead = False
        self.null_is_absent = null_is_absent
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
