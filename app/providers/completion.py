"""A completion that comes as a stream of events: bytes in, text out, whatever the API is.

    response's bytes ─ sse.py ─> events ─ the API's reader ─> chunks ─ Instructor ─> text

The reader also reads what Instructor drops: why the model has stopped, and the usage.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from time import perf_counter
from typing import Any, Protocol

from app.errors import ServiceError
from app.providers.answer_text import AnswerText, is_cut_off
from app.providers.base import Finish, Tokens
from app.providers.mapping import while_reading
from app.providers.sse import EventDecoder

USAGE_SECONDS = 2
"""How long to wait for the usage after the finish reason and the last text."""

LINGER_SECONDS = 0.25
"""The time that a response has to end after its completion, so that its connection can be used for
another request."""

AHEAD_BYTES = 8 * 1024
"""If a read returns this many bytes, the provider writes faster than it is read."""

Extract = Callable[[AsyncGenerator[Any, None]], AsyncGenerator[str, None]]
"""Instructor's extractor for a mode: chunks in, text out."""


class Reader(Protocol):
    """Reads the events of one response. Pure. Each API has its own class.

    text: what they add to the text
    usage, finish, finish_word: what they have told; None before that
    refused: whether they have told a refusal beside a finish reason
    done: whether they have told that nothing follows
    """

    text: AnswerText
    refused: bool
    finish: Finish | None
    finish_word: str | None
    done: bool

    @property
    def usage(self) -> Tokens | None: ...

    def take(self, event: bytes) -> bool:
        """Take an event's data. Gives whether it says that the model writes or reasons.

        Raises `ServiceError`: the error that the event tells, or that it can't be read.
        """
        ...

    def chunk(self, text: str) -> Any:
        """A chunk with this text and nothing else, where Instructor's extractor looks for it."""
        ...


class StreamedCompletion:
    """A completion whose response is being read; a `Completion`.

    body: the response's bytes
    received: resolves once the last of them has come
    sent, read: when the request went out, and when bytes were last read, by `perf_counter`
    null_is_absent: whether it was asked for in the dialect `strict`
    close: ends the response
    """

    def __init__(
        self,
        body: AsyncIterator[bytes],
        received: asyncio.Future[None],
        extract: Extract,
        reader: Reader,
        *,
        null_is_absent: bool = False,
        sent: float = 0.0,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.sent = sent
        self.read = 0.0
        self.active = 0.0
        self.ahead = False
        self.null_is_absent = null_is_absent
        self.on_reasoning: Callable[[str], Awaitable[None]] | None = None
        self.received = received
        self.close = close
        self._body = body
        self._extract = extract
        self._reader = reader
        self._events = EventDecoder()
        self._until = 0.0  # the time until which to wait for the usage; 0 before the finish reason
        self._done = False  # nothing that is needed follows

    @property
    def finish(self) -> Finish | None:
        if self._reader.refused:
            return Finish.REFUSED
        return self._reader.finish or (Finish.UNSAID if self._done else None)

    @property
    def is_uncalled(self) -> bool:
        """Whether the model has finished without a call of the tool that it was given."""
        text = self._reader.text
        finished = self.finish in (Finish.STOP, Finish.LENGTH, Finish.UNSAID)
        return text.in_tools and finished and not text.called

    @property
    def finish_word(self) -> str | None:
        return self._reader.finish_word

    @property
    def usage(self) -> Tokens | None:
        return self._reader.usage

    def __aiter__(self) -> AsyncIterator[str]:
        return self._extract(self._chunks())

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

    async def _chunks(self) -> AsyncGenerator[Any, None]:
        """A chunk with all the text of each read. An error is raised after the text before it."""
        while not self._done:
            try:
                data = await (self._read_usage() if self._until else anext(self._body, None))
            except Exception as broken:
                raise while_reading(broken) from None
            self.read = perf_counter()
            self.ahead = data is not None and len(data) >= AHEAD_BYTES
            self._reader.text.keeps_reasoning = self.on_reasoning is not None
            error = self._take(data)
            is_last, data = data is None, b""  # what was read must not stay while text gathers
            if self.on_reasoning and (text := self._reader.text.take_reasoning()):
                await self.on_reasoning(text)
            if is_last or self._done:
                self._reader.text.end()
            if text := self._reader.text.take():
                yield self._reader.chunk(text)
            if error is not None:
                raise error
            if is_last:
                return

    async def _read_usage(self) -> bytes | None:
        """The next bytes after the finish reason; None at the end, or if they take too long."""
        if self._loop.time() >= self._until:
            return None
        try:
            async with asyncio.timeout_at(self._until):
                return await anext(self._body, None)
        except Exception:
            return None  # the model has finished, and only its usage is missing

    def _take(self, data: bytes | None) -> ServiceError | None:
        """Read the events in `data`, or those that are left at the end (None).

        An error in them is returned, with two exceptions: after a finish reason nothing that is
        needed is missing, and a last event that was cut off is dropped.
        """
        reader, now = self._reader, self._loop.time()
        try:
            for event in self._events.end() if data is None else self._events.feed(data):
                if reader.take(event):
                    self.active = now
                if reader.done:
                    break
            whole = data is None and self._events.plain is True and reader.text.said
            self._done = reader.done or whole
        except ServiceError as error:
            self._done = reader.finish is not None
            if not (self._done or (data is None and is_cut_off(error))):
                return error
        if reader.finish is not None and (reader.text.grown or not self._until):
            self._until = now + USAGE_SECONDS
        return None
