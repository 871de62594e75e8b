"""One attempt at a value: it turns a model's text into entries of the stream's log."""

from __future__ import annotations

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.providers.base import Completion
from app.streams.stream import Stream


class Attempt:
    """Decodes the text of one completion as it comes, and writes the operations to the stream.

    decoder: one that has decoded nothing yet
    invalid: why the text is certain to fail; None as long as it may succeed
    """

    def __init__(self, stream: Stream, decoder: Decoder) -> None:
        self.invalid: Invalid | None = None
        self._stream = stream
        self._decoder = decoder
        self._text = bytearray()  # a list of the pieces would take five times the memory
        self._closed = 0  # how many elements of a list result are complete

    @property
    def begun(self) -> bool:
        """Whether there is any text."""
        return bool(self._text)

    @property
    def size(self) -> int:
        """Bytes of its text."""
        return len(self._text)

    @property
    def text(self) -> str:
        """All of its text."""
        return self._text.decode(errors="surrogatepass")

    @property
    def is_over(self) -> bool:
        """Whether it needs no more text: it is certain to fail, or has all that was asked for."""
        return self.invalid is not None or self._decoder.stopped

    def answered(self, completion: Completion) -> None:
        """The provider has begun the completion, in a way in which nulls may mean absence."""
        self._decoder.null_is_absent = completion.null_is_absent

    def write(self, piece: str) -> None:
        """Decode more text. Sets `invalid` as soon as the text is certain to fail."""
        self._text += piece.encode(errors="surrogatepass")
        if self.is_over:
            return
        try:
            operations = self._decoder.feed(piece)
        except Invalid as error:
            self.invalid = error
            self._stream.rewind()
            return
        before, self._closed = self._closed, self._decoder.elements
        self._stream.write(operations, self._decoder.value, range(before, self._closed))

    def finish(self) -> None:
        """The provider says that the text has ended. Raises `Invalid` if it is no valid value."""
        if self.invalid is not None:
            raise self.invalid
        if not self._decoder.stopped:
            self._decoder.finish()
