"""The text of an answer, put together of what its events add. Pure.

Where a tool is offered, the text is the arguments of its calls. Some models answer in the content
in spite of that: so where no call comes, the content is the text. Others call a tool although they
were given none: so a call that comes before any content is the text, too.
"""

from __future__ import annotations

from typing import Final

from app.errors import ProviderProtocol, ServiceError
from app.partial.answer import ANOTHER
from app.partial.tags import Tagged
from app.providers.pairs import Pairs

MAX_ASIDE: Final = 1024 * 1024
"""The most content, in characters, that is kept while a tool call may still come."""


class AnswerText:
    """The text of one answer.

    in_tools: whether a tool is offered
    said: whether there is any text
    called: whether a call has any text
    grown: whether more than blanks was added since it was last taken
    keeps_reasoning: whether somebody takes what the model reasons beside the text
    reasoned: whether it has reasoned, if that is kept
    """

    def __init__(self, *, in_tools: bool) -> None:
        self.in_tools = in_tools
        self.said = False
        self.called = False
        self.grown = False
        self.keeps_reasoning = False
        self.reasoned = False
        self._pieces: list[str] = []  # what is not yet taken
        self._aside: list[str] = []  # content that is the text unless a call comes
        self._aside_length = 0
        self._pairs = Pairs()
        self._reasoning: list[str] = []  # what is not yet taken
        self._reasoning_pairs = Pairs()
        self._tagged = Tagged()  # takes reasoning out of what is set aside

    def add_call(self, piece: str, *, begins: bool = False) -> bool:
        """Add a piece of the arguments of a call, which may be the first of a further call.

        Gives whether it is more than blanks, of which some models write without end.
        """
        if not piece:
            return False
        says = not piece.isspace()
        if self.in_tools or self.called or not self.said:
            if begins and self.called:
                self._pieces.append(ANOTHER)
            self._pieces.append(piece)
            self.said = self.called = True
            self.grown = self.grown or says
        return says

    def add_content(self, piece: str) -> bool:
        """Add a piece of the content. Gives whether it is more than blanks.

        Raises `ProviderProtocol` where too much is set aside.
        """
        if not piece:
            return False
        says = not piece.isspace()
        if not self.called:
            self.said = True
            self.grown = self.grown or says
            if self.in_tools:
                self._set_aside(piece)
            else:
                self._pieces.append(piece)
        return says

    def add_reasoning(self, piece: str) -> None:
        """Add a piece of what the model reasons, if it is kept."""
        if piece and self.keeps_reasoning:
            self._reasoning.append(piece)
            self.reasoned = True

    def take_reasoning(self) -> str:
        """What the model has reasoned since the last call."""
        if not self._reasoning:
            return ""
        text = self._reasoning_pairs.whole("".join(self._reasoning))
        self._reasoning.clear()
        return text

    def _set_aside(self, piece: str) -> None:
        if self.keeps_reasoning:
            reasoned, piece = self._tagged.feed(piece)
            self.add_reasoning(reasoned)
        self._aside.append(piece)
        self._aside_length += len(piece)
        if self._aside_length > MAX_ASIDE:
            raise unreadable("content")

    def end(self) -> None:
        """Nothing more is added."""
        if not self.called:
            self._pieces += [*self._aside, self._tagged.end()]
            self._aside = []

    def take(self) -> str:
        """The text since the last call."""
        text = self._pairs.whole("".join(self._pieces))
        self._pieces.clear()
        self.grown = False
        return text


_JSON: Final = "JSON"


def unreadable(path: str = _JSON) -> ProviderProtocol:
    """A field that is needed can't be read. `path` is of our own words."""
    error = ProviderProtocol()
    error.cause = f"unreadable {path}"
    return error


def is_cut_off(error: ServiceError) -> bool:
    """Whether an event is no JSON: at the end of a response, it has been cut off."""
    return error.cause == unreadable().cause
