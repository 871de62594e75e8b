"""A completion as it is read: bytes of a response to chunks for Instructor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

from app.errors import ProviderError
from app.providers.base import Usage
from app.providers.chunk import Choice, Chunk, Chunks, Delta, Function, ToolCall

USAGE_SECONDS = 2
"""How long to wait for the usage once the model has finished, whatever else comes."""


class Completion:
    """An async iterator of chunks, one for all the text of a read.

    in_tools: whether the text is a tool call's arguments, or the message's content
    active, finish, refused, usage: as `Answer` has them
    """

    def __init__(self, body: AsyncIterator[bytes], *, in_tools: bool) -> None:
        self.active = asyncio.get_running_loop().time()
        self.finish: str | None = None
        self.refused = False
        self.usage: Usage | None = None
        self._body = cast(AsyncGenerator[bytes, None], body)
        self._in_tools = in_tools
        self._chunks = Chunks()
        self._failure: Exception | None = None
        self._ended = False
        self._until = 0.0  # when there is no more waiting for the usage

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self

    async def __anext__(self) -> Chunk:
        while not self._ended:
            if self._failure is not None:
                raise self._failure
            if text := self._text(await self._read()):
                return self._chunk(text)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        await self._body.aclose()

    async def _read(self) -> bytes:
        """The next bytes; none at the end."""
        try:
            if self.finish is None:
                return await anext(self._body)
            async with asyncio.timeout_at(self._until):
                return await anext(self._body)
        except StopAsyncIteration:
            self._ended = True
        except Exception:
            if self.finish is None:
                raise
            self._ended = True  # the model has finished: only its usage is missing
        return b"\n\n"  # ends the last event, where the blank line after it is missing

    def _text(self, data: bytes) -> str:
        """What the chunks in `data` add to the text; what else they say is kept."""
        texts: list[str] = []
        try:
            for chunk in self._chunks.feed(data):
                self._take(chunk, texts)
        except ProviderError as error:
            if not self._ended:  # else it is the half of a chunk, cut off
                self._failure = error  # raised once the text before it has gone
        self._ended = self._ended or self._chunks.done
        return "".join(texts)

    def _take(self, chunk: Chunk, texts: list[str]) -> None:
        if chunk.usage is not None:
            tokens = chunk.usage
            self.usage = Usage(tokens.prompt_tokens or 0, tokens.completion_tokens or 0)
        for choice in chunk.choices or ():
            if not choice.index:
                self._take_choice(choice, texts)

    def _take_choice(self, choice: Choice, texts: list[str]) -> None:
        if choice.finish_reason:
            self.finish = choice.finish_reason
            self._until = self._until or asyncio.get_running_loop().time() + USAGE_SECONDS
        delta = choice.delta
        if delta is None:
            return
        text = _arguments(delta) if self._in_tools else delta.content
        if delta.refusal:
            self.refused = True
        if text:
            texts.append(text)
        if text or delta.reasoning_content or delta.reasoning or delta.refusal:
            self.active = asyncio.get_running_loop().time()

    def _chunk(self, text: str) -> Chunk:
        delta: Any = Delta(content=text)
        if self._in_tools:
            delta = Delta(tool_calls=[ToolCall(function=Function(arguments=text))])
        return Chunk(choices=[Choice(delta=delta)])


def _arguments(delta: Delta) -> str:
    """The arguments of the first tool call: there is one tool, and one answer."""
    return "".join(
        call.function.arguments or ""
        for call in delta.tool_calls or ()
        if not call.index and call.function is not None
    )
