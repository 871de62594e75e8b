"""A completion that an OpenAI-compatible provider writes: bytes in, text out.

    response's bytes ─ sse.py ─> events ─> chunks ─ Instructor's extractor ─> text

The finish reason, a refusal and the usage, which Instructor drops, are read on the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from app.errors import ServiceError
from app.providers.base import Finish, Tokens
from app.providers.finish import for_log, standard
from app.providers.mapping import while_reading
from app.providers.openai import lenient
from app.providers.openai.calls import Calls
from app.providers.openai.chunk import (
    Choice,
    ChoiceDelta,
    Chunk,
    CompletionUsage,
    Function,
    ToolCall,
    decode,
)
from app.providers.provider_error import error_in_chunk
from app.providers.sse import EventDecoder

USAGE_SECONDS = 2
"""How long to wait for the usage after the finish reason and the last text."""

LINGER_SECONDS = 0.25
"""The time that a response has to end after its completion, so that its connection can be used for
another request."""

AHEAD_BYTES = 8 * 1024
"""If a read returns this many bytes, the provider writes faster than it is read."""

MAX_ASIDE = 1024 * 1024
"""The most content, in characters, that is kept while a tool call may still come."""

Extract = Callable[[AsyncGenerator[Any, None]], AsyncGenerator[str, None]]
"""Instructor's extractor for a mode: chunks in, text out."""


class OpenAICompletion:
    """A completion whose response is being read; a `Completion`.

    body: the response's bytes
    received: resolves once the last of them has come
    in_tools: whether the text is the arguments of tool calls, or the message's content. Where no
        call comes, the content is the text: some models answer there in spite of the tool
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
        self.active = 0.0
        self.ahead = False
        self.null_is_absent = null_is_absent
        self.received = received
        self.usage: Tokens | None = None
        self._body = body
        self._extract = extract
        self._in_tools = in_tools
        self._events = EventDecoder()
        self._calls = Calls()
        self._aside: list[str] = []  # content that is the text unless a call comes
        self._aside_length = 0
        self._mends = False  # whether any chunk is so odd that half a character may be in it
        self._half = ""  # the first half of a surrogate pair, whose other half is to come
        self._choice: int | None = None  # the index of the answer: that of the first one seen
        self._said = False  # whether there is any text
        self._finish: Finish | None = None
        self.finish_word: str | None = None
        self._refused = False
        self._until = 0.0  # the time until which to wait for the usage; 0 before the finish reason
        self._done = False  # whether the provider has sent [DONE]

    @property
    def finish(self) -> Finish | None:
        if self._refused:
            return Finish.REFUSED
        return self._finish or (Finish.UNSAID if self._done else None)

    @property
    def is_uncalled(self) -> bool:
        """Whether the model has finished without a call of the tool that it was given."""
        finished = self.finish in (Finish.STOP, Finish.LENGTH, Finish.UNSAID)
        return self._in_tools and finished and not self._calls.begun

    async def __aiter__(self) -> AsyncIterator[str]:
        try:
            async for text in self._extract(self._chunks()):
                yield text
        except Exception as error:
            raise while_reading(error) from None

    @property
    def may_linger(self) -> bool:
        """Whether the completion has ended, but its response has not."""
        return self._done and not self.received.done()

    async def linger(self) -> None:
        """Read the response to its end, for a short time, so that its connection can be reused."""
        with suppress(Exception):
            async with asyncio.timeout(LINGER_SECONDS):
                async for _ in self._body:
                    pass

    async def _chunks(self) -> AsyncGenerator[Chunk, None]:
        """A chunk with all the text of each read. An error is raised after the text before it."""
        while not self._done:
            data = await self._read()
            texts: list[str] = []
            error = self._take(data, texts)
            if (data is None or self._done) and not self._calls.begun:
                texts += [self._whole("".join(self._aside))] if self._aside else []
            if texts:
                yield self._standard("".join(texts))
            if error is not None:
                raise error
            if data is None:
                return

    def _standard(self, text: str) -> Chunk:
        """A chunk with this text only, in the place where the mode has its text."""
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

    def _take(self, data: bytes | None, texts: list[str]) -> ServiceError | None:
        """Read the chunks in `data`, or those that are left at the end (None).

        What they add to the text is appended to `texts`. An error in them is returned, but after
        a finish reason, when nothing that is needed is missing, or where it is that the response
        was cut off.
        """
        try:
            for event in self._events.end() if data is None else self._events.feed(data):
                try:
                    chunk = decode(event)
                except (ValueError, RecursionError):
                    self._take_odd(event, texts)
                else:
                    self._take_chunk(chunk, event, texts)
                if self._done:
                    return None
            self._done = data is None and self._events.plain is True and self._said
        except ServiceError as error:
            self._done = self._finish is not None
            if not (self._done or (data is None and lenient.is_cut_off(error))):
                return error
        return None

    def _take_odd(self, event: bytes, texts: list[str]) -> None:
        """Take an event that is no usual chunk."""
        for chunk in lenient.chunks(event):
            if chunk is None:
                self._done = True
                return
            if chunk.error:
                raise error_in_chunk(chunk.error)
            self._mends = True
            self._take_usual(chunk, texts)

    def _take_chunk(self, chunk: Chunk, event: bytes, texts: list[str]) -> None:
        if chunk.error or (chunk.choices is None and chunk.usage is None):
            self._take_odd(event, texts)
        else:
            self._take_usual(chunk, texts)

    def _take_usual(self, chunk: Chunk, texts: list[str]) -> None:
        if chunk.usage is not None:
            self._count(chunk.usage)
        for choice in chunk.choices or ():
            if choice.index != self._choice and choice.index is not None:
                if self._choice is not None:
                    continue
                self._choice = choice.index
            if choice.error:
                raise error_in_chunk(choice.error)
            if choice.delta is not None:
                self._take_delta(choice.delta, texts)
            if choice.message is not None and not self._said:
                self._take_delta(choice.message, texts)
            if choice.finish_reason:
                self._take_finish(choice.finish_reason)

    def _count(self, told: CompletionUsage) -> None:
        """Take the provider's counts, which may come in halves, or grow."""
        before = self.usage or Tokens(0, 0)
        asked, written = told.prompt_tokens or 0, told.completion_tokens or 0
        counted = Tokens(
            asked if asked > 0 else before.input_tokens,
            written if written > 0 else before.output_tokens,
        )
        if counted != Tokens(0, 0):
            self.usage = counted

    def _take_finish(self, word: str) -> None:
        """Take a finish reason. One that we don't know takes nothing back."""
        finish = standard(word)
        if finish is None or (finish is Finish.UNKNOWN and self._finish is not None):
            return
        self._finish, self.finish_word = finish, for_log(word)
        self._until = self._until or self._loop.time() + USAGE_SECONDS

    def _take_delta(self, delta: ChoiceDelta, texts: list[str]) -> None:
        text = self._called(delta) if self._in_tools else self._content(delta)
        if text:
            texts.append(self._whole(text) if self._mends else text)
            self._said = True
        if _says(text):
            self._until = self._until and self._loop.time() + USAGE_SECONDS
        if delta.refusal:
            self._refused = True
        if delta.reasons or _says(text, delta.content, delta.refusal):
            self.active = self._loop.time()

    def _content(self, delta: ChoiceDelta) -> str | None:
        """What the content of a delta adds to the text.

        A model that calls a tool although it was given none has its answer in the call.
        """
        if self._calls.begun or (delta.tool_calls and not (delta.content or self._said)):
            return self._called(delta)
        return delta.content

    def _called(self, delta: ChoiceDelta) -> str:
        """What the tool calls of a delta add to the text."""
        if calls := delta.tool_calls:
            if len(calls) == 1:
                return self._calls.text(calls[0])
            return "".join([self._calls.text(call) for call in calls])
        if delta.function_call is not None:
            return self._calls.text(ToolCall(function=delta.function_call))
        if delta.content and not self._calls.begun:
            self._set_aside(delta.content)
        return ""

    def _set_aside(self, content: str) -> None:
        self._aside.append(content)
        self._said = True
        self._aside_length += len(content)
        if self._aside_length > MAX_ASIDE:
            raise lenient.unreadable("choices.delta.content")

    def _whole(self, text: str) -> str:
        """Text without half a surrogate pair at its end, whose other half is in the next chunk."""
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _says(*texts: str | None) -> bool:
    """Whether any of these is more than blanks, of which some models write without end."""
    return any(text and not text.isspace() for text in texts)
