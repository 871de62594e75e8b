"""The streams of a process that shares them with others, through a store.

While a stream lives, its owner's memory is the truth. The store has a copy of it, says who the
owner is, and carries messages between processes. Readers on the owner wait for the store at the
end alone.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from app.errors import (
    Cancelled,
    Draining,
    IdempotencyConflict,
    Internal,
    Overloaded,
    ProviderTimeout,
    ServiceError,
    StreamExpired,
    StreamNotFound,
)
from app.redis.link import Command, Refused
from app.store import commands, keys
from app.store.asked import Claimant, digest_of, kept_of, request_of, stand_in_of
from app.store.ends import AGREE_SECONDS, Ends
from app.store.ids import new_id, read_id, seconds_since
from app.store.lookup import POLL_SECONDS, Found, find, is_gone
from app.store.mirror import Mirror
from app.store.patience import answers_in_time
from app.store.record import (
    LAST_NUMBER,
    Claim,
    EntryId,
    base_of,
    epoch_of,
)
from app.store.remote_readers import RemoteReaders
from app.store.replica import Replica
from app.store.shard import FOLLOWED_SECONDS, Shard
from app.store.sharing import Room, Sharing, SharingObserver
from app.store.writer import Answers
from app.streams.circuits import Circuits
from app.streams.log_entry import Failed
from app.streams.memory_store import MemoryStore
from app.streams.producer import ProducerSettings
from app.streams.registry import Observer, Streams
from app.streams.request import GenerationRequest
from app.streams.stream import Origin, Stream
from app.streams.traces import in_trace, trace_id_in

TRIES: Final = 3
"""How often a call looks again for a stream that is about to be there, or to go."""

REACH_SECONDS: Final = 0.5
"""How long a reader waits to be told that the position is there from which it comes back."""

MOST_TAKEOVERS: Final = 2
"""How often a stream is taken over from a process that has died. It may be what killed them."""

OTHERS_SECONDS: Final = 10
"""How long a stream of another version of its schema is left to the processes that have that."""

STOP_SECONDS: Final = 1
"""How long the end of a process waits for what is still to be written."""


class SharedStreams(Streams):
    """Streams that processes share."""

    def __init__(
        self,
        settings: ProducerSettings,
        circuits: Circuits,
        memory: MemoryStore,
        observer: Observer,
        *,
        grace: float,
        sharing: Sharing,
        watcher: SharingObserver,
    ) -> None:
        super().__init__(settings, circuits, memory, observer, grace=grace)
        self._sharing = sharing
        self._watcher = watcher
        self._claimant = Claimant(sharing.process, sharing.keeps_requests)
        self._shards = [
            Shard(index, address, sharing.process, self)
            for index, address in enumerate(sharing.addresses)
        ]
        self._remote = RemoteReaders(self.read)
        self._ends = Ends(memory, sharing.retention, self._done_hook.call)
        self._rooms: dict[str, Room] = {}  # the slots for streams that this process tries to claim
        self._is_closed = False

    async def start(self) -> None:
        await asyncio.gather(*(shard.start() for shard in self._shards))

    @property
    def stores(self) -> tuple[str | None, ...]:
        return tuple(shard.health.what_is_wrong for shard in self._shards)

    # -- which shard --------------------------------------------------------------------------

    def _shard(self, id: str) -> Shard | None:
        """The shard that an id names."""
        said = read_id(id)
        if said is None or said.shard >= len(self._shards):
            return None
        return self._shards[said.shard]

    def _shard_for(self, origin: Origin) -> Shard | None:
        """The shard in which a stream is to begin; None if there is none that answers.

        A key has a shard of its own, which stays the same for most keys if others are added.
        """
        if origin.key is not None:
            name = keys.idempotency(origin.owner, origin.key)
            shard = max(self._shards, key=lambda it: keys.digest(name, str(it.index)))
            return shard if shard.is_usable else None
        usable = [shard for shard in self._shards if shard.is_usable]
        return random.choice(usable) if usable else None

    def _mirror(self, stream: Stream) -> Mirror | None:
        """The mirror of a stream that this process writes."""
        shard = self._shard(stream.id)
        return shard.mirrors.get(stream.id) if shard else None

    # -- beginning ----------------------------------------------------------------------------

    async def recall(self, request: GenerationRequest, origin: Origin) -> Stream | None:
        if origin.key is None:
            return None
        if known := self.known(request, origin):
            return known
        shard = self._shard_for(origin)
        if shard is None:
            return None
        answers = await answers_in_time(
            shard.ask(("GET", keys.idempotency(origin.owner, origin.key)))
        )
        if not answers or not isinstance(answers[0], bytes):
            return None
        return await self._of_key(answers[0].decode(), request, origin)

    async def open(
        self, request: GenerationRequest, origin: Origin, on_end: Callable[[Stream], None]
    ) -> Stream:
        if not origin.resumable and origin.key is None:
            return self.begin(request, origin, on_end)
        for _ in range(TRIES):
            if known := self.known(request, origin):
                return known
            if self.draining:
                raise Draining(retry_after=1)
            shard = self._shard_for(origin)
            if shard is None:
                return self._begin_alone(request, origin, on_end)
            stream = await self._claimed_or_found(shard, request, origin, on_end)
            if stream is not None:
                return stream
        raise Overloaded(retry_after=1)

    def _begin_alone(
        self, request: GenerationRequest, origin: Origin, on_end: Callable[[Stream], None]
    ) -> Stream:
        if not self._sharing.goes_on_alone:
            raise Overloaded(retry_after=1)
        return self.begin(request, origin, on_end)

    async def _claimed_or_found(
        self,
        shard: Shard,
        request: GenerationRequest,
        origin: Origin,
        on_end: Callable[[Stream], None],
    ) -> Stream | None:
        """Begin a stream in a shard, or find that of its key. None: try again."""
        id = new_id(time.time(), shard.index)
        claim = self._claimant.claim(id, request, origin)
        asked = shard.ask(*commands.begin(id, claim, self._retention))
        take_back = partial(self._take_back, shard, id, claim.key)
        answers = await answers_in_time(asked, take_back, shard.health.patience)
        if answers is None:
            return self._begin_alone(request, origin, on_end)
        if any(isinstance(answer, Refused) for answer in answers):
            take_back()
            return self._begin_alone(request, origin, on_end)
        holder = answers[-1] if claim.key is not None else None
        if isinstance(holder, bytes):
            shard.send(*commands.undo(id, None))
            return await self._of_key(holder.decode(), request, origin)
        if self.draining:
            take_back()
            raise Draining(retry_after=1)
        stream = Stream(id, request, origin)
        self._share(shard, stream, claim, commands.FIRST)
        self._run(stream, on_end)
        return stream

    def _share(self, shard: Shard, stream: Stream, claim: Claim, last: EntryId) -> Mirror:
        """Bring a stream of this process to the store from now on, behind its claim there."""
        stream.agree = self._agree
        mirror = Mirror(stream, claim, last, self._now, retention=self._retention)
        shard.mirror(mirror)
        return mirror

    async def _of_key(self, id: str, request: GenerationRequest, origin: Origin) -> Stream | None:
        """The stream that has an idempotency key. None if it is of no use any more.

        Raises `IdempotencyConflict`.
        """
        shard = self._shard(id)
        if shard is None or origin.key is None:
            return None
        try:
            stream = await self.attach(id, origin.owner)
        except (StreamNotFound, StreamExpired):
            stream = None
        if stream is None or not stream.is_of_use:
            shard.send(commands.free(keys.idempotency(origin.owner, origin.key), id))
            return None
        if self._digest(shard, stream) != digest_of(request):
            raise IdempotencyConflict
        return stream

    def _digest(self, shard: Shard, stream: Stream) -> str:
        replica = shard.replicas.get(stream.id)
        return digest_of(stream.request) if replica is None else replica.claim.digest

    def _take_back(self, shard: Shard, id: str, key: str | None, tries: int = 60) -> None:
        """Take back a claim that may have been written."""

        def take(answers: Answers) -> None:
            if answers is None and tries and not self._is_closed:
                loop = asyncio.get_running_loop()
                loop.call_later(1, self._take_back, shard, id, key, tries - 1)

        shard.send(*commands.undo(id, key), on_answers=take)

    # -- the end ------------------------------------------------------------------------------

    def _agree(self, stream: Stream) -> None:
        shard, mirror = self._shard(stream.id), self._mirror(stream)
        if shard is None or mirror is None:
            stream.conclude()
        else:
            self._ends.agree(shard, mirror)

    def call_hook(self, stream: Stream) -> None:
        self._ends.shown(stream, self._mirror(stream))

    def put_away(self, stream: Stream) -> None:
        if stream.is_cut:
            self._memory.forget(stream)
        elif not stream.is_copy:
            super().put_away(stream)

    def all_received(self, stream: Stream) -> None:
        if not stream.is_copy:
            super().all_received(stream)
        elif stream in self._untold:
            self._untold.remove(stream)
            self._observer.left(stream)

    # -- reading ------------------------------------------------------------------------------

    async def attach(self, id: str, owner: str) -> Stream:
        shard = self._shard(id)
        if shard is None:
            return self.find(id, owner)
        for tried in range(TRIES):
            known = self._known_here(id, owner)
            if known is not None and not (known.is_copy and known.ended):
                return known
            try:
                found = await self._looked_up(shard, id, owner, is_first=not tried)
            except Overloaded:
                if known is None:
                    raise
                return known
            if found is not None:
                return found
            await asyncio.sleep(POLL_SECONDS)
        raise Overloaded(retry_after=1)

    def _known_here(self, id: str, owner: str) -> Stream | None:
        """An owner's stream that this process has, and that can be read here."""
        with suppress(StreamNotFound, StreamExpired):
            stream = self.find(id, owner)
            if not stream.is_cut:
                return stream
        return None

    async def _looked_up(
        self, shard: Shard, id: str, owner: str, *, is_first: bool
    ) -> Stream | None:
        """An owner's stream, from the store. None: this process may be about to have it.

        What has ended elsewhere is looked up each time: it may have been forgotten since.
        is_first: whether this is the first look
        """
        found = await find(shard, id, owner)
        known = self._known_here(id, owner)
        if known is not None:  # another call has looked it up, too
            return known
        is_said_to_be_here = not found.has_ended and found.claim.process == self._sharing.process
        if is_said_to_be_here and is_first:
            return None
        return self._copied(shard, id, owner, found)

    def _copied(self, shard: Shard, id: str, owner: str, found: Found) -> Stream:
        """A stream that is read here, and written elsewhere.

        Raises `Overloaded` if only processes of another version have its schema.
        """
        claim = found.claim
        try:
            entry = self._sharing.schema(claim.schema)
        except ServiceError:
            raise Overloaded(retry_after=1) from None
        request = request_of(claim, entry) or stand_in_of(claim, entry)
        origin = Origin(
            owner,
            resumable=True,
            reasoning=claim.reasoning,
            request_id=claim.request_id,
            caller=claim.caller,
            trace_id=trace_id_in(claim.trace),
        )
        self._let_go(shard, id)  # one that was cut may be left
        stream = Stream(id, request, origin)
        stream.is_copy = True
        replica = Replica(stream, claim, EntryId(found.first_id.epoch, 0))
        has_hole = shard.take(replica, found.records)
        self._memory.add(stream)
        shard.follow(replica)
        if has_hole:
            shard.mend(replica)
        return stream

    async def reach(self, stream: Stream, position: int) -> bool:
        """Whether a stream has reached a position that a reader may have got elsewhere.

        True if it has, or if its owner is gone: then only a restart by the next owner can follow.
        Raises `Overloaded` if this process is behind, or may be.
        """
        shard = self._shard(stream.id)
        if shard is None:
            return position <= stream.position
        leave = self.read(stream)  # what nobody reads would be let go while this waits
        try:
            if not await self._comes(stream, position):
                self._ask_for_news(shard, stream)
                await self._comes(stream, position)
        finally:
            leave()
        return position <= stream.position or self._may_follow(shard, stream, position)

    def _ask_for_news(self, shard: Shard, stream: Stream) -> None:
        """Let the owner of a stream write at once, and be it nothing."""
        replica, mirror = shard.replicas.get(stream.id), shard.mirrors.get(stream.id)
        if replica is not None:
            replica.has_heard = False
            shard.say_follow(replica)
        elif mirror is not None:
            mirror.confirm()
            shard.wake()

    def _may_follow(self, shard: Shard, stream: Stream, position: int) -> bool:
        """Whether a reader may be answered from a position at which a stream is not, or never was.

        Raises `Overloaded` if it may come there.
        """
        replica, mirror = shard.replicas.get(stream.id), shard.mirrors.get(stream.id)
        epoch = replica.epoch if replica else mirror.last.epoch if mirror else None
        if epoch is not None and epoch_of(position) != epoch:
            if epoch_of(position) < epoch:
                return True  # it was shown before its owner died
            raise Overloaded(retry_after=1)  # another process goes on with it, unheard of here
        if stream.ended or replica is None:
            return False
        if replica.has_heard:
            raise Overloaded(retry_after=1)
        return True

    async def _comes(self, stream: Stream, position: int) -> bool:
        """Wait until a stream has come to a position. False if it hasn't after some time."""
        until = self._now + REACH_SECONDS / 2
        while (  # noqa: ASYNC110
            position > stream.position and not stream.ended and self._now < until
        ):
            await asyncio.sleep(POLL_SECONDS)
        return position <= stream.position

    def read(self, stream: Stream) -> Callable[[], None]:
        leave = super().read(stream)
        shard = self._shard(stream.id)
        replica = shard.replicas.get(stream.id) if shard else None
        if replica is not None and replica.is_released:
            self.orphaned(replica)
        return leave

    # -- cancelling ---------------------------------------------------------------------------

    async def drop(self, id: str, owner: str) -> None:
        shard = self._shard(id)
        if shard is None:
            self.cancel(id, owner)
            return
        mirror, known = shard.mirrors.get(id), self._known_here(id, owner)
        if mirror is not None and mirror.stream.owner == owner:
            await self._drop_written(shard, mirror)
        elif known is not None and not known.is_copy:
            await self._drop_kept(shard, known)
        else:
            await self._drop_elsewhere(shard, id, owner)

    async def _drop_written(self, shard: Shard, mirror: Mirror) -> None:
        """End a stream that this process writes, and wait until others know that it is gone."""
        if mirror.forgotten:
            raise StreamNotFound
        self._forget_here(shard, mirror)
        await is_gone(shard, mirror.stream.id, REACH_SECONDS)

    async def _drop_kept(self, shard: Shard, stream: Stream) -> None:
        """Forget a stream of which this process has nothing more to write.

        Raises `Overloaded`, and then it is still there.
        """
        id, origin = stream.id, stream.origin
        key = None if origin.key is None else keys.idempotency(origin.owner, origin.key)
        await _done(shard, *commands.undo(id, key), ("DEL", keys.mark(id)))
        self._memory.forget(stream)
        self._stop(stream, Cancelled())

    async def _drop_elsewhere(self, shard: Shard, id: str, owner: str) -> None:
        """Let the process that has a stream forget it, or forget it in its place."""
        try:
            found = await find(shard, id, owner)
        except StreamExpired:
            raise StreamNotFound from None
        shard.mail(found.claim.process, "cancel", id)
        if not await is_gone(shard, id, REACH_SECONDS):
            gone = commands.forget(id, found.claim, found.last_id, has_ended=found.has_ended)
            await _done(shard, *gone)

    def _forget_here(self, shard: Shard, mirror: Mirror) -> None:
        """End a stream that this process writes, and forget it."""
        mirror.forgotten = mirror.is_urgent = True
        self._memory.forget(mirror.stream)
        self._stop(mirror.stream, Cancelled())
        shard.wake()

    # -- what happens in a shard --------------------------------------------------------------

    def fenced(self, mirror: Mirror) -> None:
        stream, shard = mirror.stream, self._shard(mirror.stream.id)
        stream.is_copy, stream.agree, stream.log.tail = True, None, None
        self._remote.remove_all(mirror)
        self._ends.overruled(stream)
        self._watcher.overruled(stream)
        if stream.ended or shard is None:
            self._memory.forget(stream)
            return
        if running := self._running.get(stream):
            running.end_grace()
            running.task.cancel()
            if running.task.done():
                self._settle(stream)
        shard.follow(Replica(stream, mirror.claim, EntryId(mirror.last.epoch, LAST_NUMBER)))

    def stored(self, mirror: Mirror) -> None:
        mirror.stream.log.tail = None
        self._ends.stored(mirror)
        self._remote.remove_all(mirror)

    def orphaned(self, replica: Replica) -> None:
        stream, shard = replica.stream, self._shard(replica.stream.id)
        if stream.ended or stream.is_cut:
            return
        if self.draining or shard is None:
            stream.cut()
            return
        following = self._claimant.next_claim(replica.claim, released=replica.is_released)
        if self._is_for_others(replica):
            return
        error = self._why_not(replica, following)
        if error is None and not self._has_room(replica):
            return  # another process may have room, or this one has later
        entries = [Failed.of(error)] if error else None
        shard.claim(replica, following, self._retention, entries)

    def _is_for_others(self, replica: Replica) -> bool:
        """Whether others may go on with a stream, and this process can't: its schema is another.

        While a new version is rolled out, processes of the old one may follow the stream, too.
        """
        if replica.orphaned_at is None:
            replica.orphaned_at = self._now
        if replica.claim.version == replica.stream.request.entry.version:
            return False
        is_asked = replica.claim.request is not None
        return is_asked and self._now - replica.orphaned_at < OTHERS_SECONDS

    def _has_room(self, replica: Replica) -> bool:
        """Take a slot for a stream that is to be claimed, unless it has one. False: there is none.

        The slot is kept until the claim has come to something, so no more streams are claimed
        than there are slots.
        """
        id = replica.stream.id
        if id not in self._rooms and (room := self._sharing.room(replica.claim.caller)):
            self._rooms[id] = room
        return id in self._rooms

    def unclaimed(self, id: str) -> None:
        if room := self._rooms.pop(id, None):
            room.give_back()

    def _why_not(self, replica: Replica, following: Claim) -> ServiceError | None:
        """What a stream ends with instead of going on; None if it can."""
        stream = replica.stream
        request = request_of(following, stream.request.entry)
        if request is None or following.takeovers > MOST_TAKEOVERS:
            return Internal()
        is_late = seconds_since(stream.id, time.time()) >= self._settings.limits_of(request).total
        return ProviderTimeout() if is_late else None

    def claimed(self, replica: Replica) -> None:
        stream, shard = replica.stream, self._shard(replica.stream.id)
        room = self._rooms.pop(stream.id)
        if shard is None or self.draining or stream.is_cut:
            self._give_up(stream, room)
            return
        try:
            self._go_on(shard, replica, room)
        except Exception:
            shard.mirrors.pop(stream.id, None)
            self._give_up(stream, room)
            raise
        self._watcher.taken_over(stream, released=replica.was_released)
        self.read(stream)()  # if its readers have left meanwhile, its grace begins

    def _give_up(self, stream: Stream, room: Room) -> None:
        """Do not run a stream that this process has claimed. It is claimed again by its readers."""
        room.give_back()
        stream.cut()
        self._memory.forget(stream)

    def _go_on(self, shard: Shard, replica: Replica, room: Room) -> None:
        """Run a stream that this process has claimed."""
        stream = replica.stream
        kept = kept_of(stream) if self._settings.keep_elements else None
        stream.take_over(base_of(replica.epoch), seconds_since(stream.id, time.time()))
        self._share(shard, stream, replica.claim, replica.last).is_urgent = True
        with in_trace(replica.claim.trace):
            self._run(stream, room.on_end, kept)

    def forgotten(self, replica: Replica) -> None:
        self._memory.forget(replica.stream)

    def came(self, kind: str, id: str, sender: str) -> None:
        shard = self._shard(id)
        if shard is None:
            return
        mirror = shard.mirrors.get(id)
        if kind == "idle":
            self._let_go(shard, id)
        elif mirror is None:
            self._came_for_none(shard, kind, id, sender)
        elif kind == "follow":
            self._remote.add(mirror, sender, self._now + FOLLOWED_SECONDS)
            shard.wake()
        elif kind == "leave":
            self._remote.remove(mirror, sender)
        elif kind == "cancel":
            self._forget_here(shard, mirror)
        elif kind == "resync":
            mirror.resync()
            shard.wake()

    def _came_for_none(self, shard: Shard, kind: str, id: str, sender: str) -> None:
        """A message about a stream that this process does not write."""
        if kind == "cancel":
            stream = self._memory.get(id)
            if stream is not None and not stream.is_copy:
                self._memory.forget(stream)
                shard.send(("DEL", keys.stream(id), keys.mark(id)))
        elif kind == "follow" and sender != self._sharing.process:
            stream = self._memory.get(id)
            if stream is None or not self._ends.write_again(shard, stream):
                shard.release(id, sender)

    def _let_go(self, shard: Shard, id: str) -> None:
        shard.unfollow(id)
        stream = self._memory.get(id)
        if stream is not None and stream.is_copy:
            self._memory.forget(stream)

    def turned(self, shard: Shard, *, up: bool) -> None:
        self._watcher.turned(shard.index, up=up)

    def filled(self, shard: Shard, *, full: bool) -> None:
        self._watcher.filled(shard.index, full=full)

    def answered(self, shard: Shard, seconds: float) -> None:
        self._watcher.answered(shard.index, seconds)
        self._watcher.follows(sum(len(each.replicas) for each in self._shards))

    def missed(self) -> None:
        self._watcher.missed()

    def may_have_lost(self, shard: Shard) -> None:
        self._ends.look_after(shard)

    # -- stopping -----------------------------------------------------------------------------

    async def drain(self, seconds: float) -> None:
        await super().drain(seconds)
        self._cut_copies()

    async def stop(self) -> None:
        self.draining = True
        self._cut_copies()
        if self._sharing.keeps_requests:
            await self._release()
        self._ends.hurry()
        await super().stop()

    async def aclose(self) -> None:
        self._is_closed = True
        await asyncio.gather(*(shard.stop(STOP_SECONDS) for shard in self._shards))
        self._ends.close()
        await self._done_hook.finish()

    def _cut_copies(self) -> None:
        for shard in self._shards:
            for replica in list(shard.replicas.values()):
                replica.stream.cut()

    async def _release(self) -> None:
        """Leave what still runs to other processes, and send its readers there."""
        released = [
            (stream, mirror)
            for stream in list(self._running)
            if (mirror := self._mirror(stream)) and not stream.last_entries and stream.was_begun
        ]
        for stream, mirror in released:
            stream.is_copy = True
            self._running[stream].task.cancel()
            mirror.is_released = mirror.is_urgent = True
        for shard in self._shards:
            shard.wake()
        until = self._now + AGREE_SECONDS
        while (  # noqa: ASYNC110
            self._now < until and any(self._mirror(stream) for stream, _ in released)
        ):
            await asyncio.sleep(POLL_SECONDS)
        for stream, mirror in released:
            stream.cut()
            self._remote.remove_all(mirror)

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def _retention(self) -> float:
        return self._sharing.retention


async def _done(shard: Shard, *asked: Command) -> None:
    """Have commands done. Raises `Overloaded` if that is not sure."""
    answers = await answers_in_time(shard.ask(*asked))
    if answers is None or any(isinstance(answer, Refused) for answer in answers):
        raise Overloaded(retry_after=1)
