"""Listens in on what is exchanged with a provider, for recordings. Mostly nobody does."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final, Literal, Protocol

End = Literal["whole", "broken", "unreachable"]
"""How an answer has ended: as it should, in the middle, or before it began."""


class Exchange(Protocol):
    """Is told of one request and its answer. An answer that we don't read on has no end."""

    def answered(self, status: int) -> None:
        """The answer has begun."""

    def heard(self, data: bytes) -> None:
        """These bytes have come."""

    def ended(self, end: End) -> None:
        """Nothing more will come."""


class Tap(Protocol):
    """Is told of each request to a provider."""

    def asked(self, body: bytes) -> Exchange:
        """A request is sent. Its headers, where the key is, are not told."""


tap: Final[ContextVar[Tap | None]] = ContextVar("tap", default=None)
"""Who listens to the exchanges of this task, if anybody does."""
