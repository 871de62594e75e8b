"""What the native views (`snapshot`, `delta`, `items`) have in common."""

from __future__ import annotations

from app.streams.log_entry import Done, Event
from app.views.followed import Followed
from app.views.message import Message, of_event, start


class NativeView:
    """A view whose messages are the protocol's own events."""

    name: str
    """The view's name in `start` and in `specs.py`."""

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id

    def start(self, stream: Followed, position: int) -> list[Message]:
        return [start(stream, self.name, position)]

    def event(
        self, stream: Followed, event: Event, position: int, state: bytes | None = None
    ) -> Message:
        """The message of an event. For `Done`, it holds the newest state.

        position: the position in the log after the event
        state: the JSON of the newest state, if it was made already
        """
        value = (state or stream.document.encode()) if isinstance(event, Done) else b""
        return of_event(
            event, id=f"{stream.id}-{position}", value=value, request_id=self._request_id
        )
