"""The streams of a process that shares them with others, through a store.

While a stream lives, its owner's memory is the truth. The store has a copy of it, says who the
owner is, and carries messages between processes. Readers on the owner wait for the store at the
end alone.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from app.errors import (
    Cancelled,
    Draining,
    IdempotencyConflict,
    Internal,
    Overloaded,
    ServiceError,
    StreamExpired,
    StreamNotFound,
)
from app.redis.address import Address
from app.redis.link import Command, Refused, Unreachable
from app.schemas.entry import SchemaEntry
from app.store import keys
from app.store.asked import Claimant, digest_of, kept_of, request_of, stand_in_of
from app.store.ids import new_id, read_id
from app.store.mirror import LINGER_SECONDS, RUNNING_SECONDS, Mirror, free, hold
from app.store.record import (
    FIELD,
    LAST_NUMBER,
    BadRecord,
    Claim,
    End,
    EntryId,
    Record,
    base_of,
    encode,
    epoch_of,
    next_epoch,
    records,
)
from app.store.replica import Replica
from app.store.shard import FOLLOWED_SECONDS, Shard
from app.store.writer import TURN_SECONDS, Answers
from app.streams.circuits import Circuits
from app.streams.log_entry import Failed
from app.streams.memory_store import MemoryStore
from app.streams.producer import ProducerSettings
from app.streams.registry import Observer, Streams
from app.streams.request import GenerationRequest
from app.streams.stream import Origin, Stream
from app.streams.traces import in_trace, trace_id_in

PATIENT_SECONDS: Final = 2
"""How long a call waits for the store that can do nothing else."""

TRIES: Final = 3
"""How often a call looks again for a stream that is about to be there, or to go."""

AGREE_SECONDS: Final = 0.25
"""How long the end of a stream may wait for the store to have it."""

POLL_SECONDS: Final = 0.025

REACH_SECONDS: Final = 0.5
"""How long a reader waits to be told that the position is there from which it comes back."""

MOST_TAKEOVERS: Final = 2
"""How often a stream is taken over from a process that has died. It may be what killed them."""

STOP_SECONDS: Final = 1
"""How long the end of a process waits for what is still to be written."""


class SharingObserver(Protocol):
    """Is told what happens between processes. The metrics and the log implement it."""

    def turned(self, store: int, *, up: bool) -> None:
        """A store answers from now on, or does not any more."""

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


@dataclass(frozen=True)
class Sharing:
    """How a process shares its streams.

    process: its id
    addresses: of the stores; each has a part of the streams
    retention: seconds that an ended stream is kept
    schema: finds a schema by its name; raises ServiceError
    most: streams that a process runs at once. It takes no more over
    room: takes a slot for a stream that another process has begun, for a caller: what is to be
        called once the stream has ended; None: there is no slot
    keeps_requests: whether the store has what streams are asked for. If not, nobody takes over
    goes_on_alone: whether resumable streams begin without a store that doesn't answer
    """

    process: str
    addresses: Sequence[Address]
    retention: float
    schema: Callable[[str], SchemaEntry]
    most: int
    room: Callable[[str], Callable[[Stream], None] | None]
    keeps_requests: bool = True
    goes_on_alone: bool = False


class SharedStreams(Streams):
    """Streams that processes share."""

    def __init__(
        self,
        settings: ProducerSettings,
        circuits: Circuits,
        store: MemoryStore,
        observer: Observer,
        *,
        grace: float,
        sharing: Sharing,
        watcher: SharingObserver,
    ) -> None:
        super().__init__(settings, circuits, store, observer, grace=grace)
        self._sharing = sharing
        self._watcher = watcher
        self._claimant = Claimant(sharing.process, sharing.keeps_requests)
        self._shards = [
            Shard(index, address, sharing.process, self)
            for index, address in enumerate(sharing.addresses)
        ]
        self._remote: dict[tuple[str, str], Callable[[], None]] = {}  # readers elsewhere
        self._doubted: set[str] = set()  # streams that are said to be here, and aren't
        self._is_closed = False

    async def start(self) -> None:
        await asyncio.gather(*(shard.start() for shard in self._shards))

    @property
    def stores(self) -> tuple[bool, ...]:
        return tuple(shard.health.is_up for shard in self._shards)

    # -- which shard --------------------------------------------------------------------------

    def _shard(self, id: str) -> Shard | None:
        """The shard that an id names."""
        said = read_id(id)
        is_known = said is not None and said.shard < len(self._shards)
        return self._shards[said.shard] if said is not None and is_known else None

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
        if origin.key is None or (known := self.known(request, origin)):
            return None if origin.key is None else known
        shard = self._shard_for(origin)
        if shard is None:
            return None
        answers = await self._answers(
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
        name, last = keys.stream(id), EntryId(1, 0)
        kept_for = round((RUNNING_SECONDS + self._sharing.retention) * 1000)
        commands: list[Command] = [
            ("XADD", name, str(last), FIELD, encode(claim)),
            ("PEXPIRE", name, kept_for),
        ]
        if claim.key is not None:
            commands.append(hold(claim.key, id, self._sharing.retention))
        undo = partial(self._undo, shard, id, claim.key)
        answers = await self._answers(shard.ask(*commands), undo, shard.health.patience)
        if answers is None:
            return self._begin_alone(request, origin, on_end)
        if any(isinstance(answer, Refused) for answer in answers):
            undo()
            return self._begin_alone(request, origin, on_end)
        holder = answers[2] if claim.key is not None else None
        if isinstance(holder, bytes):
            shard.send(("DEL", name))
            return await self._of_key(holder.decode(), request, origin)
        if self.draining:
            undo()
            raise Draining(retry_after=1)
        stream = Stream(id, request, origin)
        self._share(shard, Mirror(stream, claim, last, self._now, retention=self._retention))
        self._run(stream, on_end)
        return stream

    def _share(self, shard: Shard, mirror: Mirror) -> None:
        mirror.stream.agree = self._agree
        shard.mirror(mirror)

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
            shard.send(free(keys.idempotency(origin.owner, origin.key), id))
            return None
        if self._digest(shard, stream) != digest_of(request):
            raise IdempotencyConflict
        return stream

    def _digest(self, shard: Shard, stream: Stream) -> str:
        replica = shard.replicas.get(stream.id)
        return digest_of(stream.request) if replica is None else replica.claim.digest

    def _undo(self, shard: Shard, id: str, key: str | None, tries: int = 60) -> None:
        """Take back a claim that may have been written."""
        commands: list[Command] = [("DEL", keys.stream(id))]
        if key is not None:
            commands.append(free(key, id))

        def told(answers: Answers) -> None:
            if answers is None and tries and not self._is_closed:
                loop = asyncio.get_running_loop()
                loop.call_later(1, self._undo, shard, id, key, tries - 1)

        shard.send(*commands, told=told)

    async def _answers(
        self,
        asked: asyncio.Future[list[Any]],
        late: Callable[[], None] = lambda: None,
        seconds: float = PATIENT_SECONDS,
    ) -> list[Any] | None:
        """What a store answers; None if it doesn't in time.

        late: is called once, if the answer was not waited for, or there is none
        """
        try:
            for _ in range(round(seconds / TURN_SECONDS)):
                if (await asyncio.wait({asked}, timeout=TURN_SECONDS))[0]:
                    return asked.result()
        except Unreachable:
            late()
            return None
        except asyncio.CancelledError:
            asked.add_done_callback(partial(_when_late, late))
            raise
        asked.add_done_callback(partial(_when_late, late))
        return None

    # -- the end ------------------------------------------------------------------------------

    def _agree(self, stream: Stream) -> None:
        """Show a stream's end once the store has it, or a little later."""
        shard, mirror = self._shard(stream.id), self._mirror(stream)
        if shard is None or mirror is None or not shard.health.is_up:
            stream.conclude()
            return
        mirror.is_urgent = True
        shard.wake()
        asyncio.get_running_loop().call_later(AGREE_SECONDS, stream.conclude)

    def put_away(self, stream: Stream) -> None:
        if stream.is_cut:
            self._store.forget(stream)
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
        for _ in range(TRIES):
            known = self._known_here(id, owner)
            if known is not None and not (known.is_copy and known.ended):
                return known
            try:
                found = await self._looked_up(shard, id, owner)
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

    async def _looked_up(self, shard: Shard, id: str, owner: str) -> Stream | None:
        """An owner's stream, from the store. None: this process is about to have it.

        What has ended elsewhere is looked up each time: it may have been forgotten since.
        """
        found, claim = await self._stored(shard, id, owner)
        known = self._known_here(id, owner)
        if known is not None:  # another call has looked it up, too
            return known
        is_running = not isinstance(found[-1][1], End)
        if is_running and claim.process == self._sharing.process and id not in self._doubted:
            self._doubted.add(id)
            return None
        return self._copied(shard, id, owner, found, claim)

    async def _stored(
        self, shard: Shard, id: str, owner: str
    ) -> tuple[list[tuple[EntryId, Record]], Claim]:
        """The records of an owner's stream, and its present claim.

        Raises `StreamNotFound`, `StreamExpired`; `Overloaded` if the store may have it, or may
        have it again.
        """
        if not shard.health.is_up:
            raise Overloaded(retry_after=1)
        asked = shard.ask(("XRANGE", keys.stream(id), "-", "+"), ("GET", keys.mark(id)))
        answers = await self._answers(asked)
        if answers is None or any(isinstance(answer, Refused) for answer in answers):
            raise Overloaded(retry_after=1)
        digest = keys.digest(id, owner)
        try:
            found = records(answers[0])
        except BadRecord:
            raise Overloaded(retry_after=1) from None
        if not found and shard.health.may_lack(self._now):
            raise Overloaded(retry_after=1)
        if not found:
            is_own = isinstance(answers[1], bytes) and answers[1].decode() == digest
            raise StreamExpired if is_own else StreamNotFound
        claims = [
            it.claim if isinstance(it, End) else it
            for _, it in found
            if isinstance(it, End | Claim)
        ]
        if not claims:  # they are lost, and nobody knows whose it is until its owner writes its end
            raise Overloaded(retry_after=1)
        last = found[-1][1]
        if claims[-1].owner != digest or (isinstance(last, End) and last.forgotten):
            raise StreamNotFound
        return found, claims[-1]

    def _copied(
        self,
        shard: Shard,
        id: str,
        owner: str,
        found: list[tuple[EntryId, Record]],
        claim: Claim,
    ) -> Stream:
        """A stream that is read here, and written elsewhere.

        Raises `Overloaded` if only processes of another version have its schema.
        """
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
        stream = Stream(id, request, origin)
        stream.is_copy = True
        replica = Replica(stream, claim, EntryId(found[0][0].epoch, 0))
        replica.is_released = claim.process == self._sharing.process
        has_hole = shard.take(replica, found)
        self._store.add(stream)
        shard.follow(replica)
        if has_hole:
            shard.mend(replica)
        return stream

    async def reach(self, stream: Stream, position: int) -> bool:
        """Whether a stream has reached a position that a reader may have got elsewhere.

        True if it has, or if only the next owner's `restart` can follow, because this one is gone.
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
        mirror = shard.mirrors.get(id)
        if mirror is not None and mirror.stream.owner == owner:
            if mirror.forgotten:
                raise StreamNotFound
            self._forget_here(shard, mirror)
            await self._gone(shard, id)
            return
        known = self._known_here(id, owner)
        is_here = known is not None and not known.is_copy
        if known is not None and is_here:
            self._store.forget(known)
        try:
            found, claim = await self._stored(shard, id, owner)
        except (StreamNotFound, StreamExpired):
            if not is_here:
                raise StreamNotFound from None
            return
        shard.mail(claim.process, "cancel", id)
        if not await self._gone(shard, id):
            await self._erase(shard, id, found[-1], claim)

    def _forget_here(self, shard: Shard, mirror: Mirror) -> None:
        """End a stream that this process writes, and forget it."""
        mirror.forgotten = mirror.is_urgent = True
        self._store.forget(mirror.stream)
        self._stop(mirror.stream, Cancelled())
        shard.wake()

    async def _gone(self, shard: Shard, id: str) -> bool:
        """Wait until a stream is gone from the store. False if it isn't after some time."""
        until = self._now + REACH_SECONDS
        while self._now < until and shard.health.is_up:
            asked = shard.ask(("XREVRANGE", keys.stream(id), "+", "-", "COUNT", 1))
            answers = await self._answers(asked)
            if answers is not None and isinstance(answers[0], list):
                found = records(answers[0])
                if not found or (isinstance(found[0][1], End) and found[0][1].forgotten):
                    return True
            await asyncio.sleep(POLL_SECONDS)
        return False

    async def _erase(
        self, shard: Shard, id: str, last: tuple[EntryId, Record], claim: Claim
    ) -> None:
        """Forget a stream whose owner does not. Its readers learn that it was cancelled."""
        name = keys.stream(id)
        if isinstance(last[1], End):
            commands: list[Command] = [("DEL", name)]
        else:
            epoch = next_epoch(last[0].epoch)
            end = End(claim, base_of(epoch), [Failed.of(Cancelled())], forgotten=True)
            added = ("XADD", name, "NOMKSTREAM", str(EntryId(epoch, 0)), FIELD, encode(end))
            commands = [added, ("PEXPIRE", name, LINGER_SECONDS * 1000)]
        if claim.key is not None:
            commands.append(free(claim.key, id))
        asked = shard.ask(*commands, ("DEL", keys.mark(id)))
        if await self._answers(asked) is None:
            raise Overloaded(retry_after=1)

    # -- what happens in a shard --------------------------------------------------------------

    def fenced(self, mirror: Mirror) -> None:
        stream, shard = mirror.stream, self._shard(mirror.stream.id)
        stream.is_copy, stream.agree, stream.log.tail = True, None, None
        self._release_remote(mirror)
        self._watcher.overruled(stream)
        if stream.ended or shard is None:
            self._store.forget(stream)
            return
        if running := self._running.get(stream):
            running.end_grace()
            running.task.cancel()
            if running.task.done():
                self._settle(stream)
        shard.follow(Replica(stream, mirror.claim, EntryId(mirror.last.epoch, LAST_NUMBER)))

    def stored(self, mirror: Mirror) -> None:
        mirror.stream.log.tail = None
        mirror.stream.conclude()
        self._release_remote(mirror)

    def orphaned(self, replica: Replica) -> None:
        shard, claim = self._shard(replica.stream.id), replica.claim
        if self.draining or shard is None:
            replica.stream.cut()
            return
        if len(self._running) >= self._sharing.most:
            return  # another process may have room, or this one has later
        following = self._claimant.next_claim(claim, released=replica.is_released)
        can_go_on = request_of(claim, replica.stream.request.entry) is not None
        if can_go_on and following.takeovers <= MOST_TAKEOVERS:
            shard.claim(replica, following)
        else:
            shard.claim(replica, following, [Failed.of(Internal())])

    def claimed(self, replica: Replica) -> None:
        stream, shard = replica.stream, self._shard(replica.stream.id)
        if shard is None:
            return
        kept = kept_of(stream) if self._settings.keep_elements else None
        stream.take_over(base_of(replica.epoch), kept)
        mirror = Mirror(stream, replica.claim, replica.last, self._now, retention=self._retention)
        mirror.is_urgent = True
        self._share(shard, mirror)
        on_end = self._sharing.room(replica.claim.caller)
        with in_trace(replica.claim.trace):
            self._run(stream, on_end or (lambda stream: None), kept)
        self._watcher.taken_over(stream, released=replica.was_released)
        self.read(stream)()  # if its readers have left meanwhile, its grace begins

    def forgotten(self, replica: Replica) -> None:
        self._store.forget(replica.stream)

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
            self._followed(mirror, sender)
            shard.wake()
        elif kind == "leave":
            mirror.followers.pop(sender, None)
            self._remote.pop((id, sender), lambda: None)()
        elif kind == "cancel":
            self._forget_here(shard, mirror)
        elif kind == "resync":
            mirror.resync()
            shard.wake()

    def _followed(self, mirror: Mirror, sender: str) -> None:
        reader = mirror.stream.id, sender
        if reader not in self._remote:
            self._remote[reader] = self.read(mirror.stream)
        mirror.is_urgent = True
        mirror.followers[sender] = self._now + FOLLOWED_SECONDS

    def _came_for_none(self, shard: Shard, kind: str, id: str, sender: str) -> None:
        """A message about a stream that this process does not write."""
        if kind == "cancel":
            stream = self._store.get(id)
            if stream is not None and not stream.is_copy:
                self._store.forget(stream)
                shard.send(("DEL", keys.stream(id), keys.mark(id)))
        elif kind == "follow" and sender != self._sharing.process:
            stream = self._store.get(id)
            if stream is not None and stream.ended and not stream.is_copy:
                self._store_again(shard, stream)
            else:
                shard.release(id)

    def _store_again(self, shard: Shard, stream: Stream) -> None:
        """Write the end of a stream once more: the store had it, and has lost it."""

        def told(answers: Answers) -> None:
            if not answers or not isinstance(answers[0], list) or stream.id in shard.mirrors:
                return
            found = records(answers[0])
            claims = [record for _, record in found if isinstance(record, Claim)]
            is_ours = bool(claims) and claims[-1].process == self._sharing.process
            if is_ours and not isinstance(found[-1][1], End):
                last = found[-1][0]
                self._share(
                    shard, Mirror(stream, claims[-1], last, self._now, retention=self._retention)
                )

        shard.send(("XRANGE", keys.stream(stream.id), "-", "+"), told=told)

    def _let_go(self, shard: Shard, id: str) -> None:
        shard.unfollow(id)
        self._doubted.discard(id)
        stream = self._store.get(id)
        if stream is not None and stream.is_copy:
            self._store.forget(stream)

    def _release_remote(self, mirror: Mirror) -> None:
        """The readers elsewhere have all that there is."""
        for process in mirror.followers:
            self._remote.pop((mirror.stream.id, process), lambda: None)()
        mirror.followers.clear()

    def turned(self, shard: Shard, *, up: bool) -> None:
        self._watcher.turned(shard.index, up=up)

    def answered(self, shard: Shard, seconds: float) -> None:
        self._watcher.answered(shard.index, seconds)
        self._watcher.follows(sum(len(each.replicas) for each in self._shards))

    def missed(self) -> None:
        self._watcher.missed()

    # -- stopping -----------------------------------------------------------------------------

    async def drain(self, seconds: float) -> None:
        await super().drain(seconds)
        self._cut_copies()

    async def stop(self) -> None:
        self.draining = True
        self._cut_copies()
        if self._sharing.keeps_requests:
            await self._release()
        await super().stop()

    async def aclose(self) -> None:
        self._is_closed = True
        await asyncio.gather(*(shard.stop(STOP_SECONDS) for shard in self._shards))

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
            self._release_remote(mirror)

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def _retention(self) -> float:
        return self._sharing.retention


def _when_late(late: Callable[[], None], asked: asyncio.Future[list[Any]]) -> None:
    if not asked.cancelled():
        asked.exception()  # it is of no interest any more
    late()
