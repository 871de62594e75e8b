"""One attempt at a value: it turns a model's text into entries of the stream's log."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.errors import ErrorDetail, OutputInvalid
from app.partial.answer import Answer
from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.kept import Kept, elements_of, of_elements
from app.partial.operation import Operation
from app.providers.base import Completion
from app.streams.stream import Stream
from app.streams.traces import note_restart


class Attempt:
    """Decodes the text of one completion as it comes, and writes the operations to the stream.

    decoder: makes a decoder that has decoded nothing yet, but begins with what is kept
    kept: elements of earlier attempts, which are in the stream's state already
    keeps: whether elements are kept for a later one
    invalid: why the text is certain to fail; None as long as it may succeed
    begun: whether there is any text but blanks, of which some models write without end
    """

    def __init__(
        self,
        stream: Stream,
        decoder: Callable[[Kept | None], Decoder],
        kept: Kept | None = None,
        *,
        keeps: bool = False,
    ) -> None:
        self.invalid: Invalid | None = None
        self.begun = False
        self._stream = stream
        self._decoder = decoder
        self._null_is_absent = False
        self._begun_with = kept
        self._keeps = keeps
        self._answer = Answer(self._new_decoder, kept)
        self._restarts = 0  # of the answer, as far as the stream knows of them
        self._closed = self._answer.elements  # how many of a list result are complete
        self._broken = False  # whether what is shown has failed

    @property
    def size(self) -> int:
        """Bytes of its text."""
        return self._answer.size

    @property
    def whole_size(self) -> int:
        """Bytes of its text and of what it began with."""
        return self.size + (len(self._begun_with.json) if self._begun_with else 0)

    @property
    def text(self) -> str:
        """All of its text, with what it began with in its list."""
        kept, text = self._begun_with, self._answer.text
        if kept is None:
            return text
        key = self._stream.request.entry.root_key or ""
        elements = elements_of(text.encode(errors="replace"), key)
        return of_elements([kept.json, *elements], key).decode()

    @property
    def kept(self) -> Kept | None:
        """The elements that the next attempt goes on with, if this one has failed.

        What has all its elements and is not valid has no rest to be asked for.
        """
        kept = self._answer.kept if self._keeps else None
        is_full = kept is not None and kept.count == self._stream.request.count
        return None if is_full and self.invalid is not None else kept

    @property
    def can_be_continued(self) -> bool:
        """Whether it was cut inside its list, and has brought an element for the next attempt."""
        before = self._begun_with.count if self._begun_with else 0
        return not self.is_whole and self.kept is not None and self.kept.count > before

    @property
    def is_over(self) -> bool:
        """Whether it needs no more text: it is certain to fail, or has all that was asked for."""
        return self.invalid is not None or self._answer.stopped

    @property
    def is_whole(self) -> bool:
        """Whether it has a whole value, valid as far as can be known before the text's end."""
        return self.invalid is None and self._answer.is_whole

    def answered(self, completion: Completion) -> None:
        """The provider has begun the completion, in a way in which nulls may mean absence."""
        self._null_is_absent = completion.null_is_absent

    def write(self, piece: str) -> None:
        """Decode more text. Sets `invalid` as soon as the text is certain to fail."""
        self.begun = self.begun or not piece.isspace()
        if self.is_over:
            return
        try:
            operations = self._answer.feed(piece)
        except Invalid as error:
            self.invalid = error
            self._stream.rewind()
            self._reason()
            return
        if self._answer.restarts != self._restarts:
            self._restart()
        self._reason()
        self._write(operations)
        if self._answer.broken and not self._broken:
            self._stream.rewind()
        self._broken = self._answer.broken

    def finish(self) -> None:
        """The provider says that the text has ended. Raises `Invalid` if it is no valid value."""
        if self.invalid is not None:
            raise self.invalid
        try:
            operations = self._answer.finish()
        except Invalid as error:
            self.invalid = error
            raise
        self._write(operations)

    def _new_decoder(self) -> Decoder:
        decoder = self._decoder(self._begun_with)
        decoder.null_is_absent = self._null_is_absent
        return decoder

    def _reason(self) -> None:
        """Write what the text has held of reasoning, if it is kept."""
        if self._stream.keeps_reasoning:
            self._stream.reason(self._answer.reasoning)

    def _write(self, operations: Sequence[Operation]) -> None:
        before, self._closed = self._closed, self._answer.elements
        self._stream.write(operations, self._answer.value, range(before, self._closed))

    def _restart(self) -> None:
        """What was shown was not the answer: in the same text, readers begin anew."""
        self._restarts = self._answer.restarts
        self._closed = 0
        self._stream.figures.attempts += 1
        flaw = ErrorDetail(path="", message="was not the answer")
        error = OutputInvalid(errors=[flaw])
        self._stream.restart(self._stream.figures.attempts, error)
        note_restart(self._stream.figures.attempts, error.code, None)
