"""The text of tool calls, whatever their indices and ids.

One tool is offered, so each call is of it, whatever name the model gives it. Where a further call
begins, its text begins with a separator. Whether further calls are allowed is decided elsewhere.

Providers tell calls apart by index, by id, by both or by neither. They also give each call the
index 0, count the index up within a call, repeat a call's id and name in each delta, give each
delta an id of its own, and repeat the whole call at its end. So an id or a name that is new says
nothing alone, nor does an index under which no call has begun: a call has ended where its text
ends in `}` and the next piece begins with `{`, as no JSON has the one before the other.
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
        self._indices: set[int] = set()  # of the calls that have begun
        self._id: str | None = None
        self._last = ""  # the last piece of text that isn't blank
        self._separates = False  # whether a further call has begun, and has no text yet

    def text(self, call: ToolCall) -> str:
        """What a delta's call adds to the text."""
        function = call.function
        if function is None:
            return ""
        piece = function.arguments or ""
        if (call.id or function.name or call.index != self._index) and self._tells_another(call):
            self._separates = self.begun
        if not piece or piece.isspace():  # blanks may stand in a string
            return piece if self.begun and not self._separates else ""
        self._last = piece
        if self.begun and not self._separates:
            return piece
        separator = ANOTHER if self.begun else ""
        self.begun, self._separates = True, False
        return separator + piece

    def _tells_another(self, call: ToolCall) -> bool:
        """Whether a delta's call is another than the last one; from now on it is the last."""
        function = call.function
        named = function is not None and bool(function.name)
        begins = named or bool(call.id)
        if (call.id and call.id == self._id) or not (begins or call.index is not None):
            return False
        self._id = call.id or self._id
        if self._has_other_index(call.index, begins=begins):
            return True
        first = ((function and function.arguments) or "").lstrip()[:1]
        follows = first == "{" or (named and not first)
        return follows and self._last.rstrip().endswith("}")

    def _has_other_index(self, index: int | None, *, begins: bool) -> bool:
        """Whether an index is another call's. `begins`: it comes with what a call begins with."""
        if index is None or index == self._index:
            return False
        is_first = self._index is None
        if not (is_first or begins or index in self._indices):
            return False
        self._index = index
        self._indices.add(index)
        return not is_first
