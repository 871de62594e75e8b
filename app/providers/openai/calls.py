"""The text of tool calls, whatever their indices and ids.

One tool is offered, so each call is of it, whatever name the model gives it. Where a further call
begins, its text begins with a separator: whether one may, is not known here.

Providers tell calls apart by index, by id, by both or by neither. They also give each call the
index 0, repeat a call's id and name in each delta, give each delta an id of its own, and repeat
the whole call at its end. So a new id or a name alone says nothing: a call has ended where its
text ends in `}` and the next piece begins with `{`, as no JSON has the one before the other.
"""

from __future__ import annotations

from app.partial.answer import ANOTHER
from app.providers.openai.chunk import ToolCall


class Calls:
    """Puts together the calls of one answer.

    begun: whether any of them has any text
    """

    def __init__(self) -> None:
        self.begun = False
        self._index: int | None = None
        self._id: str | None = None
        self._last = ""  # the last piece of text that isn't blank
        self._separates = False  # whether a further call has begun, and has no text yet

    def text(self, call: ToolCall) -> str:
        """What a delta's call adds to the text."""
        function = call.function
        if function is None:
            return ""
        piece = function.arguments or ""
        if (call.id or function.name or call.index != self._index) and self._is_another(
            call, piece
        ):
            self._separates = self.begun
        if not piece.strip():  # blanks may stand in a string
            return piece if self.begun and not self._separates else ""
        self.begun, self._last = True, piece
        if self._separates:
            self._separates = False
            return ANOTHER + piece
        return piece

    def _is_another(self, call: ToolCall, piece: str) -> bool:
        """Whether a call is another than the last; from now on it is the last."""
        same_id = call.id is not None and call.id == self._id
        other_index = None not in (call.index, self._index) and call.index != self._index
        if call.index is not None:
            self._index = call.index
        self._id = call.id or self._id
        if same_id and call.id:
            return False
        named = call.function is not None and bool(call.function.name)
        first = piece.lstrip()[:1]
        follows = (named or call.id) and (first == "{" or (named and not first))
        return other_index or bool(follows and self._last.rstrip().endswith("}"))
