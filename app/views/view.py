"""What a view is: it makes messages of what its reader has not had yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from app.streams.log import News
from app.views.followed import Followed
from app.views.message import Message


class View(Protocol):
    """One reader's view of a run, for one response."""

    def start(self, run: Followed, position: int) -> list[Message]:
        """The response's first messages; it goes on after `position`."""
        ...

    def messages(self, run: Followed, entries: Sequence[News], position: int) -> list[Message]:
        """The messages for `entries`, which are followed by `position` in the run's log.

        The state is that after the last of them.
        """
        ...
