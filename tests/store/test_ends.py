"""What becomes of the ends that a process has written, when a store may have lost them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.redis.link import Command
from app.store import keys
from app.store.ends import AT_ONCE, Ends
from app.store.mirror import Mirror
from app.store.record import EntryId
from app.streams.memory_store import MemoryStore
from app.streams.stream import Stream
from tests.store.streams import claim_of, finish, new_stream, write
from tests.support.service import eventually

pytestmark = pytest.mark.asyncio


class Marks:
    """A shard that knows some marks. asked: how many it was asked for at a time"""

    index = 0

    def __init__(self, *known: str) -> None:
        self.mirrors: dict[str, Mirror] = {}
        self.asked: list[int] = []
        self._known = known

    def send(self, command: Command, on_answers: Callable[[Any], None]) -> None:
        _, *names = command
        self.asked.append(len(names))
        on_answers([[b"me" if name in self._known else None for name in names]])

    def mirror(self, mirror: Mirror) -> None:
        self.mirrors[mirror.stream.id] = mirror

    def wake(self) -> None:
        """All of it is here."""


def ended(ends: Ends, kept: MemoryStore) -> Stream:
    """A stream whose end the store has had."""
    stream = new_stream()
    kept.add(stream)
    write(stream, "a")
    finish(stream)
    ends.stored(Mirror(stream, claim_of(stream), EntryId(1, 1), 0, retention=300))
    return stream


async def test_all_that_is_lost_is_written_again_the_newest_first_and_some_at_a_time() -> None:
    kept = MemoryStore(retention=300, capacity=10**9)
    ends = Ends(kept, 300, lambda stream: None)
    streams = [ended(ends, kept) for _ in range(2 * AT_ONCE + 3)]
    there, dropped, *lost = streams
    kept.forget(dropped)
    shard: Any = Marks(keys.mark(there.id))
    ends.look_after(shard)
    assert list(shard.mirrors) == [stream.id for stream in streams[: -AT_ONCE - 1 : -1]]
    await eventually(lambda: len(shard.mirrors) == len(lost))
    assert shard.asked == [AT_ONCE, AT_ONCE, 2]
    assert set(shard.mirrors) == {stream.id for stream in lost}
    assert all(mirror.is_due(0) for mirror in shard.mirrors.values())
