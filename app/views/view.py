"""What a view is: it makes messages of what a follower has not yet had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from app.partial.document import Document
from app.streams.log_entry import LogEntry
from app.views.message import Message


class Followed(Protocol):
    """What a view reads of a stream."""

    @property
    def id(self) -> str: ...

    @property
    def schema(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def document(self) -> Document: ...


class View(Protocol):
    """One follower's view of a run."""

    name: str

    def start(self, run: Followed, position: int) -> list[Message]:
        """The response's first messages; it goes on after `position`."""
        ...

    def messages(self, run: Followed, entries: Sequence[LogEntry], position: int) -> list[Message]:
        """The messages for `entries`, which are followed by `position` in the run's log.

        The state is that after the last of them.
        """
        ...
