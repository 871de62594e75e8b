"""What the native views (`snapshot`, `delta`, `items`) have in common."""

from __future__ import annotations

from app.streams.log_entry import Done, Event
from app.views.followed import Followed
from app.views.message import Message, of_event, start


class NativeView:
    """A view whose messages are the protocol's own events."""

    name: str
    """As `start` tells it, and as its row in `specs.py` has it."""

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id

    def start(self, stream: Followed, position: int) -> list[Message]:
        return [start(stream, self.name, position)]

    def event(
        self, stream: Followed, event: Event, position: int, state: bytes | None = None
    ) -> Message:
        """The message of an event. That of `Done` holds the newest state.

        position: in the log, after the event
        state: the newest, where it is written already
        """
        value = (state or stream.document.encode()) if isinstance(event, Done) else b""
        return of_event(
            event, id=f"{stream.id}-{position}", value=value, request_id=self._request_id
        )
