"""The ends of the streams that a process generates: when they are shown, and what else they need.

An end is shown once the store has it. If the store does not answer, it is shown a little later, as
long as this process holds its lease: then nobody else can have taken the stream over. Once the
lease may have run out, another process may go on with the stream, and may come to another end. So
this one waits for the store, and is shown without it only after some time.

A store may lose ends that it had. This process still has them, and writes them again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from msgspec import structs

from app.store import keys
from app.store.ids import read_id
from app.store.mirror import Mirror
from app.store.record import Claim, EntryId
from app.store.shard import Shard
from app.store.writer import Answers
from app.streams.memory_store import MemoryStore
from app.streams.stream import Stream

AGREE_SECONDS: Final = 0.25
"""How long the end of a stream waits for the store to have it, if nobody else can have one."""

DOUBT_SECONDS: Final = 10
"""How long it waits if another process may have taken the stream over."""

AT_ONCE: Final = 100
"""Ends that are looked for, and written again, at once."""

PAUSE_SECONDS: Final = 0.05
"""The time until the next ones are."""


class _Kept(NamedTuple):
    """The claim and the record id under which the store had a stream's end."""

    claim: Claim
    last: EntryId


class Ends:
    """memory: the streams that this process keeps
    retention: seconds that they are kept, here and in the store
    hook: calls the `done` of a stream's schema
    """

    def __init__(
        self, memory: MemoryStore, retention: float, hook: Callable[[Stream], None]
    ) -> None:
        self._memory = memory
        self._retention = retention
        self._hook = hook
        self._kept: WeakKeyDictionary[Stream, _Kept] = WeakKeyDictionary()
        self._unsure: set[Stream] = set()  # it shows later whether their ends are this process's
        self._most_seconds: float = DOUBT_SECONDS

    # -- when it is shown ---------------------------------------------------------------------

    def agree(self, shard: Shard, mirror: Mirror) -> None:
        """Bring a stream's end to the store, and show it then, or later."""
        mirror.is_urgent = True
        shard.wake()
        loop = asyncio.get_running_loop()
        if shard.health.is_up:
            loop.call_later(AGREE_SECONDS, self._show, shard, mirror, loop.time())
        else:
            self._show(shard, mirror, loop.time())

    def _show(self, shard: Shard, mirror: Mirror, since: float) -> None:
        """Show an end, unless the store has it, or another process has the stream."""
        loop = asyncio.get_running_loop()
        if shard.mirrors.get(mirror.stream.id) is not mirror:
            return
        is_ours = mirror.is_confirmed and shard.health.holds_lease(loop.time())
        if is_ours or loop.time() >= since + self._most_seconds:
            mirror.stream.conclude()
        else:
            loop.call_later(AGREE_SECONDS, self._show, shard, mirror, since)

    def hurry(self) -> None:
        """Let no end wait any longer than it must: the process stops."""
        self._most_seconds = AGREE_SECONDS

    # -- whose it is --------------------------------------------------------------------------

    def shown(self, stream: Stream, mirror: Mirror | None) -> None:
        """An end was shown. Call the schema's `done` once it is sure that it is this process's.

        mirror: of the stream; None if the store has the end already, or never had the stream
        """
        if mirror is None:
            self._hook(stream)
        else:
            self._unsure.add(stream)

    def stored(self, mirror: Mirror) -> None:
        """A store has a stream's end, so nobody can have taken it over."""
        stream = mirror.stream
        stream.conclude()
        if stream in self._unsure:
            self._unsure.remove(stream)
            self._hook(stream)
        if stream.ended and not mirror.forgotten:
            self._kept[stream] = _Kept(structs.replace(mirror.claim, request=None), mirror.last)

    def overruled(self, stream: Stream) -> None:
        """Another process goes on with a stream: the end that was shown here is not its end."""
        self._unsure.discard(stream)

    def close(self) -> None:
        """The stores are left. What they have not said by now is never known here."""
        for stream in self._unsure:
            self._hook(stream)
        self._unsure.clear()

    # -- a store that has lost it -------------------------------------------------------------

    def look_after(self, shard: Shard) -> None:
        """Write again what a store has lost of the ends that are kept, the newest first."""
        kept = [stream for stream in self._kept if self._has(shard, stream)]
        self._look(shard, kept[::-1])

    def _has(self, shard: Shard, stream: Stream) -> bool:
        """Whether this process keeps a stream which is in this shard."""
        said = read_id(stream.id)
        return said is not None and said.shard == shard.index and self._keeps(stream)

    def _keeps(self, stream: Stream) -> bool:
        return self._memory.get(stream.id) is stream

    def _look(self, shard: Shard, kept: Sequence[Stream]) -> None:
        """The mark of an end is written after it. So where the mark is, the end is, too."""
        some, others = kept[:AT_ONCE], kept[AT_ONCE:]
        if not some:
            return

        def take(answers: Answers) -> None:
            if not answers or not isinstance(answers[0], list):
                return  # once it answers again, all of this begins anew
            for stream, mark in zip(some, answers[0], strict=True):
                if mark is None:
                    self.write_again(shard, stream)
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._look, shard, others)

        shard.send(("MGET", *(keys.mark(stream.id) for stream in some)), on_answers=take)

    def write_again(self, shard: Shard, stream: Stream) -> bool:
        """Write the end of a stream once more. False if this process has not written it."""
        kept = self._kept.get(stream)
        if kept is None or stream.id in shard.mirrors or not self._keeps(stream):
            return False
        now = asyncio.get_running_loop().time()
        passed = now - (stream.figures.ended or now)
        left = max(self._retention - passed, 1)
        mirror = Mirror(stream, kept.claim, kept.last, now, retention=left)
        mirror.resync()
        shard.mirror(mirror)
        shard.wake()
        return True
