"""Spans of reasoning, for front ends whose messages have a part for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.views.message import Message


@dataclass(slots=True)
class ReasoningSpans:
    """A span is open while the model reasons, until the value goes on or the attempt ends.

    open, close: the messages that open and close a span, by its id
    add: the message that adds text to the span
    """

    open: Callable[[str], list[Message]]
    add: Callable[[str, str], Message]
    close: Callable[[str], list[Message]]
    _count: int = 0
    _id: str | None = None

    def go_on(self, stream_id: str, text: str) -> list[Message]:
        """The messages of more reasoning, which may be empty."""
        if not text:
            return []
        out: list[Message] = []
        if self._id is None:
            self._count += 1
            self._id = f"{stream_id}-reasoning-{self._count}"
            out += self.open(self._id)
        return [*out, self.add(self._id, text)]

    def end(self) -> list[Message]:
        """The messages that close the span, if one is open."""
        id, self._id = self._id, None
        return [] if id is None else self.close(id)
