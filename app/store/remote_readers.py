"""The readers that the streams of this process have in other processes.

Each process that follows a stream counts as one reader of it, however many it has itself.
"""

from __future__ import annotations

from collections.abc import Callable

from app.store.mirror import Mirror
from app.streams.stream import Stream


class RemoteReaders:
    """read: adds a reader to a stream, and gives what is to be called once it leaves."""

    def __init__(self, read: Callable[[Stream], Callable[[], None]]) -> None:
        self._read = read
        self._leave: dict[tuple[str, str], Callable[[], None]] = {}

    def add(self, mirror: Mirror, process: str, until: float) -> None:
        """A process follows a stream, until that time if it says no more. It wants all news."""
        reader = mirror.stream.id, process
        if reader not in self._leave:
            self._leave[reader] = self._read(mirror.stream)
        mirror.is_urgent = True
        mirror.followers[process] = until

    def remove(self, mirror: Mirror, process: str) -> None:
        """A process follows a stream no longer."""
        mirror.followers.pop(process, None)
        if leave := self._leave.pop((mirror.stream.id, process), None):
            leave()

    def remove_all(self, mirror: Mirror) -> None:
        """The readers elsewhere have all that this process will write."""
        for process in list(mirror.followers):
            self.remove(mirror, process)
