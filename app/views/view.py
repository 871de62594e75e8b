"""A view turns the log entries that its reader has not seen yet into messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from app.streams.log import Unread
from app.views.followed import Followed
from app.views.message import Message


class View(Protocol):
    """Makes the messages of one response."""

    def start(self, stream: Followed, position: int) -> list[Message]:
        """The first messages of a response that continues after `position`."""
        ...

    def messages(self, stream: Followed, entries: Sequence[Unread], position: int) -> list[Message]:
        """The messages of some entries of the stream's log.

        position: the position in the log after these entries
        The stream's document is the state after these entries.
        """
        ...
