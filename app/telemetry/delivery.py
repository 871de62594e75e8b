"""Measures what one response sends, and what the service adds to each of its messages."""

from __future__ import annotations

import asyncio
from time import perf_counter

from app.streams.stream import Stream
from app.telemetry.instruments import Instruments


class Delivery:
    """What one response sends.

    A message could have gone out as soon as its newest content was read from the provider, and the
    reader's pace allowed it. What passes after that, until the message is given to the server, is
    what the service has added.

    interval: the reader's pace, in seconds
    received: when the whole request had come, by `perf_counter`
    """

    __slots__ = (
        *("_begins", "_bytes", "_content", "_due", "_figures", "_instruments", "_interval"),
        *("_loop", "_messages", "_next_due", "_observe", "_schema", "_seconds", "_view"),
    )

    def __init__(
        self,
        instruments: Instruments,
        stream: Stream,
        view: str,
        *,
        interval: float,
        received: float,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._instruments = instruments
        self._figures = stream.figures
        self._seconds = stream.origin.seconds
        self._schema = stream.schema
        self._view = view
        self._observe = instruments.overhead_message.labels(view).observe
        self._interval = interval
        # For a stream of another process, the figures begin with the first call that reads it
        # here. That call has not begun the stream.
        self._begins = received <= stream.figures.begun and not stream.is_copy
        self._due = self._next_due = received
        self._content = 0.0
        self._messages = 0
        self._bytes = 0

    def made(self) -> None:
        """Messages were made of what there was.

        The reader's interval begins now, by the loop's clock. On Linux, that is `perf_counter` as
        it was when this turn began.
        """
        self._next_due = self._loop.time() + self._interval

    def counts(self, messages: int, size: int) -> None:
        """So many messages of that many bytes are to be sent."""
        self._messages += messages
        self._bytes += size

    def sends(self) -> None:
        """What was made is given to the server now. It may hold content."""
        content = self._figures.content
        if content != self._content:
            self._content = content
            now = perf_counter()
            self._observe(max(now - max(content, self._due), 0.0))
            if self._begins and self._figures.overhead is None:
                self._first(now)
        self._due = self._next_due

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        """Nothing more is sent."""
        self._instruments.messages.labels(self._view).inc(self._messages)
        self._instruments.message_bytes.labels(self._view).inc(self._bytes)

    def _first(self, now: float) -> None:
        """The stream's first content is sent, to the reader of the call that has begun it."""
        figures = self._figures
        before = self._seconds + figures.asking_seconds
        after = now - (figures.first_read or now)
        figures.overhead = before + after
        self._instruments.overhead_first.labels(self._schema).observe(figures.overhead)
