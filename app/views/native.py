"""What the native views (`snapshot`, `delta`, `items`) have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.partial.value import dumps
from app.streams.log import Unread
from app.streams.log_entry import Done, Event, Failed, Reasoning, Restart, Usage
from app.views.followed import Followed
from app.views.message import Message, of_event, start
from app.views.summary import count, numbered

_TOLD: Final = (Restart, Usage, Done, Failed)
"""The entries that every view tells by themselves."""

Changes = Sequence[tuple[int, Unread]]
"""Entries that change the value, each with the position after it."""


class NativeView:
    """A view whose messages are the protocol's own events.

    reasoning: whether the model's reasoning is sent, too
    """

    name: str
    """The view's name in `start` and in `specs.py`."""

    def __init__(self, request_id: str, *, reasoning: bool = False) -> None:
        self._request_id = request_id
        self._reasoning = reasoning

    def start(self, stream: Followed, position: int) -> list[Message]:
        return [start(stream, self.name, position)]

    def messages(self, stream: Followed, entries: Sequence[Unread], position: int) -> list[Message]:
        """The messages of some entries. A restart undoes the entries before it."""
        if not any(isinstance(entry, _TOLD) for entry in entries):
            return self._new(stream, numbered(entries, position), position)
        out: list[Message] = []
        new: list[tuple[int, Unread]] = []
        for at, entry in numbered(entries, position):
            if not isinstance(entry, _TOLD):
                new.append((at, entry))
                continue
            if not isinstance(entry, Restart):
                out += self._new(stream, new, at - 1)
            new.clear()
            out.append(self.event(stream, entry, at, _partial(out)))
        return out + self._new(stream, new, position)

    def shown(self, stream: Followed, changes: Changes, position: int) -> list[Message]:
        """The messages for one or more changes. `position` is the one after the last change.

        The stream's document is the state after them.
        """
        raise NotImplementedError

    def _new(self, stream: Followed, new: Changes, position: int) -> list[Message]:
        """The messages of the entries since the last event. Reasoning comes first."""
        changes = [(at, entry) for at, entry in new if not isinstance(entry, Reasoning)]
        text = "".join(entry.text for _, entry in new if isinstance(entry, Reasoning))
        out: list[Message] = []
        if text and self._reasoning:
            # The id is the position before the changes: a reader that comes back gets all of them.
            before = changes[0][0] - count(changes[0][1]) if changes else position
            out.append(Message("reasoning", dumps({"text": text}), f"{stream.id}-{before}"))
        return out + (self.shown(stream, changes, position) if changes else [])

    def event(
        self, stream: Followed, event: Event, position: int, state: bytes | None = None
    ) -> Message:
        """The message of an event. For `Done`, it holds the newest state.

        position: the position in the log after the event
        state: the JSON of the newest state, if it was made already
        """
        value = (state or stream.document.encode()) if isinstance(event, Done) else b""
        id = f"{stream.id}-{position}"
        return of_event(event, id=id, value=value, request_id=self._request_id)


def _partial(out: list[Message]) -> bytes | None:
    """The newest partial among some messages."""
    return next((message.data for message in reversed(out) if message.event is None), None)
