"""One attempt at an answer: the model's text, decoded into its run when somebody looks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.streams.log_entry import Closed
from app.streams.run import Run

LOOK_BYTES = 4096
"""Of text that nobody has looked at: more is decoded at once, so that it stays bounded."""

LOOK_SECONDS = 0.1
"""That text waits for a look, at most: what is certain to fail is not to be paid for, even if
all followers are slow, or none is there."""


class Attempt:
    """Text in, operations into the run.

    over: called when a look finds that the attempt needs no more text: it is certain to
        fail, or its list has all its elements
    """

    def __init__(self, run: Run, decoder: Decoder, over: Callable[[], None]) -> None:
        self.decoder = decoder
        self.invalid: Invalid | None = None
        self.begun = False
        self._text = bytearray()  # as strings, the pieces would take five times as much
        self._run = run
        self._over = over
        self._pending: list[str] = []
        self._length = 0
        self._closed = 0
        self._timer: asyncio.TimerHandle | None = None
        run.source = self.look

    @property
    def is_over(self) -> bool:
        return self.invalid is not None or self.decoder.stopped

    def write(self, piece: str) -> None:
        """More text of the model's."""
        first = not self.begun
        self.begun = True
        self._text += piece.encode(errors="surrogatepass")
        self._pending.append(piece)
        self._length += len(piece)
        if first or self._length >= LOOK_BYTES:
            self.look()
        elif self._timer is None and not self._run.is_awaited:  # who waits looks at once
            self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self.look)
        self._run.text_arrived()

    @property
    def text(self) -> str:
        """All text so far."""
        return self._text.decode(errors="surrogatepass")

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self._text)

    def look(self) -> None:
        """Decode what has come since the last look."""
        self.close()
        if not self._pending or self.is_over:
            return
        text = "".join(self._pending)
        self._pending.clear()
        self._length = 0
        try:
            operations = self.decoder.feed(text)
        except Invalid as error:
            self.invalid = error
            self._run.rewind()
        else:
            self._run.append(operations, self.decoder.value)
            for index in range(self._closed, self.decoder.elements):
                self._run.tell(Closed(index))
            self._closed = self.decoder.elements
        if self.is_over:
            self._over()

    def close(self) -> None:
        """No more looks, unless somebody asks for one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
