"""Streams in this process's memory: those that run, and for a while those that have ended.

Ended streams are kept for some time (`retention`), as long as all of them fit into some bytes
(`capacity`). The oldest are dropped first; a running stream is never dropped. The store remembers
the ids of the last 10,000 streams that were dropped: their owners are told that they have
expired. For anyone else, such a stream does not exist.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from hashlib import blake2b
from typing import NamedTuple

from app.errors import StreamExpired, StreamNotFound
from app.streams.stream import Key, Stream

REMEMBERED = 10_000


class _Kept(NamedTuple):
    size: int
    timer: asyncio.TimerHandle


class Held(NamedTuple):
    """How many ended streams are kept, and their bytes."""

    streams: int
    bytes: int


class _Gone:
    """The last streams that were dropped: a ring buffer of fixed size, with a digest of each."""

    WIDTH = 16

    def __init__(self) -> None:
        self._ring = bytearray()
        self._next = 0

    def add(self, id: str, owner: str) -> None:
        self._ring[self._next : self._next + self.WIDTH] = self._digest(id, owner)
        self._next = (self._next + self.WIDTH) % (REMEMBERED * self.WIDTH)

    def __contains__(self, stream: tuple[str, str]) -> bool:
        digest = self._digest(*stream)
        at = self._ring.find(digest)
        while at > 0 and at % self.WIDTH:
            at = self._ring.find(digest, at + 1)
        return at >= 0

    def _digest(self, id: str, owner: str) -> bytes:
        return blake2b(f"{id}\0{owner}".encode(), digest_size=self.WIDTH).digest()


class MemoryStore:
    """retention: seconds that an ended stream is kept. capacity: the most bytes of all of them."""

    def __init__(self, *, retention: float, capacity: int) -> None:
        self._retention = retention
        self._capacity = capacity
        self._streams: dict[str, Stream] = {}
        self._keys: dict[Key, Stream] = {}
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._size = 0
        self._gone = _Gone()

    @property
    def kept(self) -> Held:
        """What is kept of streams that have ended."""
        return Held(len(self._kept), self._size)

    def add(self, stream: Stream) -> None:
        """Add a stream that has just begun. It takes the place of one that has the same id."""
        if (before := self._streams.get(stream.id)) is not None:
            self._let_go(before)
        self._streams[stream.id] = stream
        if stream.key is not None:
            self._keys[stream.key] = stream

    def find(self, id: str, owner: str) -> Stream:
        """An owner's stream. Raises `StreamNotFound`, or `StreamExpired` if it was dropped."""
        stream = self._streams.get(id)
        if stream is not None and stream.owner == owner:
            return stream
        if (id, owner) in self._gone:
            raise StreamExpired
        raise StreamNotFound

    def get(self, id: str) -> Stream | None:
        """The stream of an id, whoever owns it."""
        return self._streams.get(id)

    def find_key(self, key: Key) -> Stream | None:
        """The stream that was begun with an idempotency key."""
        return self._keys.get(key)

    def free_key(self, stream: Stream) -> None:
        """Forget the idempotency key of a stream, so that it can begin another one."""
        if stream.key is not None and self._keys.get(stream.key) is stream:
            del self._keys[stream.key]

    def keep(self, stream: Stream) -> None:
        """A stream has ended. Keep it for a while, if there is room."""
        if self._streams.get(stream.id) is not stream:
            return
        timer = asyncio.get_running_loop().call_later(self._retention, self.expire, stream)
        self._kept[stream.id] = _Kept(stream.size, timer)
        self._size += stream.size
        while self._size > self._capacity:
            self.expire(self._streams[next(iter(self._kept))])

    def expire(self, stream: Stream) -> None:
        """Drop a stream, and remember its id."""
        if self._let_go(stream):
            self._gone.add(stream.id, stream.owner)

    def forget(self, stream: Stream) -> None:
        """Drop a stream without remembering it."""
        self._let_go(stream)

    def close(self) -> None:
        """Drop everything."""
        for stream in list(self._streams.values()):
            self._let_go(stream)

    def _let_go(self, stream: Stream) -> bool:
        if self._streams.get(stream.id) is not stream:
            return False
        del self._streams[stream.id]
        self.free_key(stream)
        kept = self._kept.pop(stream.id, None)
        if kept is not None:
            kept.timer.cancel()
            self._size -= kept.size
        return True
