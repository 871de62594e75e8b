"""How a process shares its streams, and who is told what happens then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from app.redis.address import Address
from app.schemas.entry import SchemaEntry
from app.streams.stream import Stream


class Room(NamedTuple):
    """A slot for a stream that this process tries to take over. One of the two is called, once.

    on_end: the stream was taken over, and has ended
    give_back: the stream was not taken over
    """

    on_end: Callable[[Stream], None]
    give_back: Callable[[], None]


@dataclass(frozen=True)
class Sharing:
    """How a process shares its streams.

    process: its id
    addresses: of the stores; each has a part of the streams
    retention: seconds that an ended stream is kept
    schema: finds a schema by its name; raises ServiceError
    room: takes a slot for a caller's stream that this process tries to take over; None if there
        is no slot
    keeps_requests: whether the store has what streams are asked for. If not, nobody takes over
    goes_on_alone: whether resumable streams begin without a store that doesn't answer
    """

    process: str
    addresses: Sequence[Address]
    retention: float
    schema: Callable[[str], SchemaEntry]
    room: Callable[[str], Room | None]
    keeps_requests: bool = True
    goes_on_alone: bool = False


class SharingObserver(Protocol):
    """Is told what happens between processes. The metrics and the log implement it."""

    def turned(self, store: int, *, up: bool) -> None:
        """A store answers from now on, or does not any more."""

    def filled(self, store: int, *, full: bool) -> None:
        """A store refuses what is new from now on, or takes it again."""

    def answered(self, store: int, seconds: float) -> None:
        """A store has answered what was sent to it at once."""

    def follows(self, count: int) -> None:
        """So many streams of other processes are read here."""

    def taken_over(self, stream: Stream, *, released: bool) -> None:
        """This process goes on with a stream. released: its last one has left it in order."""

    def overruled(self, stream: Stream) -> None:
        """Another process goes on with a stream that this one has generated."""

    def missed(self) -> None:
        """Entries of a stream were missing."""
