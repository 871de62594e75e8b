"""A completion as it is read: bytes of a response to chunks for Instructor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, cast

from app.errors import ProviderError
from app.providers.base import Tokens
from app.providers.chunk import Choice, ChoiceDelta, Chunk, ChunkDecoder, Function, ToolCall

USAGE_SECONDS = 2
"""How long to wait for the usage once the model has finished, whatever else comes."""

GATHER_SECONDS = 0.1
"""How long bytes may gather, at most, while nobody waits for their text."""

GATHER_BYTES = 8 * 1024
"""A read of as much is a provider in haste: the next one does not wait."""


class Completion:
    """An async iterator of chunks, one for all the text of a read.

    in_tools: whether the text is a tool call's arguments, or the message's content
    wanted: as `Ask` has it. A token a read would wake a task for each.
    active, finish, refused, usage: as `Answer` has them
    """

    def __init__(
        self,
        body: AsyncIterator[bytes],
        *,
        in_tools: bool,
        wanted: Callable[[], asyncio.Future[bool]] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.active = self._loop.time()
        self.finish: str | None = None
        self.refused = False
        self.usage: Tokens | None = None
        self._body = cast(AsyncGenerator[bytes, None], body)
        self._in_tools = in_tools
        self._chunks = ChunkDecoder()
        self._failure: Exception | None = None
        self._ended = False
        self._until = 0.0  # when there is no more waiting for the usage
        self._wanted = wanted
        self._gathering: asyncio.Future[bool] | None = None
        self._may_gather = False

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self

    async def __anext__(self) -> Chunk:
        while not self._ended:
            if self._failure is not None:
                raise self._failure
            if text := self._text(await self._read()):
                return self._chunk(text)
        raise StopAsyncIteration

    @property
    def is_complete(self) -> bool:
        """Whether the provider has said that nothing follows."""
        return self._chunks.done

    def hurry(self) -> None:
        """No more bytes will come."""
        if self._gathering is not None and not self._gathering.done():
            self._gathering.set_result(True)

    async def aclose(self) -> None:
        await self._body.aclose()

    async def _gather(self, wanted: asyncio.Future[bool]) -> None:
        self._gathering = wanted
        timer = self._loop.call_later(GATHER_SECONDS, self.hurry)
        try:
            await wanted
        finally:
            timer.cancel()

    async def _read(self) -> bytes:
        """The next bytes; none at the end."""
        try:
            if self.finish is None:
                if self._may_gather and self._wanted is not None:
                    await self._gather(self._wanted())
                data = await anext(self._body)
                self._may_gather = len(data) < GATHER_BYTES
                return data
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
            self.usage = Tokens(tokens.prompt_tokens or 0, tokens.completion_tokens or 0)
        for choice in chunk.choices or ():
            if not choice.index:
                self._take_choice(choice, texts)

    def _take_choice(self, choice: Choice, texts: list[str]) -> None:
        if choice.finish_reason:
            self.finish = choice.finish_reason
            self._until = self._until or self._loop.time() + USAGE_SECONDS
        delta = choice.delta
        if delta is None:
            return
        text = _arguments(delta) if self._in_tools else delta.content
        if delta.refusal:
            self.refused = True
        if text:
            texts.append(text)
        if text or delta.reasoning_content or delta.reasoning or delta.refusal:
            self.active = self._loop.time()

    def _chunk(self, text: str) -> Chunk:
        delta: Any = ChoiceDelta(content=text)
        if self._in_tools:
            delta = ChoiceDelta(tool_calls=[ToolCall(function=Function(arguments=text))])
        return Chunk(choices=[Choice(delta=delta)])


def _arguments(delta: ChoiceDelta) -> str:
    """The arguments of the first tool call: there is one tool, and one answer."""
    return "".join(
        call.function.arguments or ""
        for call in delta.tool_calls or ()
        if not call.index and call.function is not None
    )
