"""One store of the setting, as one process uses it: what it writes there, reads there and hears.

Two tasks and two connections are all that a process has of a shard, however many streams and
readers there are. The writing task sends a pipeline twenty times a second at most, unless
something is urgent. The reading task waits for the mailbox and for all streams that are followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

import structlog

from app.redis.address import Address
from app.redis.link import Command, Full, Link, Refused, Unreachable
from app.store import keys
from app.store.commands import elect
from app.store.health import LEASE_SECONDS, RENEW_SECONDS, Health
from app.store.mirror import Fate, Mirror
from app.store.record import (
    FIELD,
    BadRecord,
    Batch,
    Claim,
    End,
    EntryId,
    Record,
    Released,
    base_of,
    encode,
    next_epoch,
    records,
)
from app.store.replica import Hole, Replica
from app.store.writer import RETRY_SECONDS, Answers, Job, Writer
from app.streams.log_entry import LogEntry
from app.streams.where_raised import where_raised

LOOK_SECONDS: Final = 0.5
"""How often a process looks whether the owners of the streams that it follows live."""

FOLLOW_SECONDS: Final = 10
"""How often it says that it follows a stream."""

FOLLOWED_SECONDS: Final = 25
"""How long an owner believes that."""

BLOCK_MS: Final = 1000
GAP_SECONDS: Final = 0.02
"""The reading task asks again after this time, so that a busy shard gives much at once."""

STALE_SECONDS: Final = LEASE_SECONDS + 5
"""After this time without an answer, readers of other processes' streams are sent away."""

MAILBOX: Final = 1000
"""Messages that a mailbox holds. The oldest are dropped; they are repeated, or are of no use."""

MAILBOX_MS: Final = 60_000

IDLE_SECONDS: Final = 2
"""How long a stream is followed for which there is no reader here."""

MEND_SECONDS: Final = 0.2
"""The time between two tries to fill a hole."""

TICK_SECONDS: Final = 0.02
"""The time between two looks whether all is written, when the process stops."""

_log = structlog.get_logger("store")


class Events(Protocol):
    """Is told what happens in a shard."""

    def fenced(self, mirror: Mirror) -> None:
        """Another process has claimed a stream that this one writes."""

    def stored(self, mirror: Mirror) -> None:
        """The store has a stream's end."""

    def orphaned(self, replica: Replica) -> None:
        """A stream has nobody who writes it."""

    def claimed(self, replica: Replica) -> None:
        """This process has claimed a stream that it follows."""

    def unclaimed(self, id: str) -> None:
        """This process has tried to claim a stream, and has not got it, or no longer wants it."""

    def forgotten(self, replica: Replica) -> None:
        """A stream that is followed has ended, and is not kept."""

    def came(self, kind: str, id: str, sender: str) -> None:
        """A message from another process."""

    def turned(self, shard: Shard, *, up: bool) -> None:
        """The store answers again, or does not any more."""

    def filled(self, shard: Shard, *, full: bool) -> None:
        """The store refuses what is new from now on, or takes it again."""

    def answered(self, shard: Shard, seconds: float) -> None:
        """The store has answered a pipeline."""

    def missed(self) -> None:
        """Entries of a stream were missing."""

    def may_have_lost(self, shard: Shard) -> None:
        """The store answers again, and may have lost what it had."""


class Shard:
    """One store.

    index: of its URL in the setting
    process: the id of this process
    mirrors: of the streams that this process writes, by id
    replicas: of those that it follows, by id
    """

    def __init__(self, index: int, address: Address, process: str, events: Events) -> None:
        self.index = index
        self.health = Health()
        self.mirrors: dict[str, Mirror] = {}
        self.replicas: dict[str, Replica] = {}
        self.process = process
        self._events = events
        self._reading, self._sending = Link(address), Link(address)
        self._writer = Writer(self._sending, self.health, self._due, self._heard)
        self._opened = 0  # how often the writer's connection was opened so far
        self._tasks: list[asyncio.Task[None]] = []
        self._mail = "0"  # the id of the last message that was read
        self._renew = self._look = 0.0
        self._idle: dict[str, float] = {}  # since when a stream has no reader here
        self._follow: dict[str, float] = {}  # when its owner was told that it is followed
        self._mended: dict[str, float] = {}  # when it was last read as a whole
        self._claiming: dict[str, int] = {}  # the epochs that this process tries to begin

    # -- what it does for others --------------------------------------------------------------

    async def start(self) -> None:
        """Open the connections. Whether there is an answer shows later."""
        await self._writer.flush()
        if not self.health.is_up:
            self._events.turned(self, up=False)
        self._tasks = [
            asyncio.create_task(self._writer.run(), name=f"store {self.index} writer"),
            asyncio.create_task(self._read(), name=f"store {self.index} reader"),
        ]

    async def stop(self, seconds: float) -> None:
        """Write what is left, for so many seconds at most, and close the connections."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self.health.is_up and self.mirrors and loop.time() < until:  # noqa: ASYNC110
            await asyncio.sleep(TICK_SECONDS)
        if self.health.is_up:
            gone = self.ask(("DEL", keys.lease(self.process), keys.mailbox(self.process)))
            await asyncio.wait({gone}, timeout=max(until - loop.time(), TICK_SECONDS))
            _forget(gone)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def is_usable(self) -> bool:
        """Whether it answers, and none of its answers is late."""
        return self.health.is_up and not self._writer.is_stuck(self.health.patience)

    def ask(self, *commands: Command) -> asyncio.Future[list[Any]]:
        """The answers to some commands. Its exception is `Unreachable`."""
        return self._writer.ask(*commands)

    def send(
        self, *commands: Command, on_answers: Callable[[Answers], None] = lambda _: None
    ) -> None:
        """Send commands, whatever the answers."""
        self._writer.send(*commands, on_answers=on_answers)

    def wake(self) -> None:
        """Write what is urgent."""
        self._writer.wake()

    def mirror(self, mirror: Mirror) -> None:
        """Bring a stream to the store from now on."""
        self.mirrors[mirror.stream.id] = mirror

    def follow(self, replica: Replica) -> None:
        """Bring a stream of another process here from now on."""
        id = replica.stream.id
        self.replicas[id] = replica
        self._idle[id] = asyncio.get_running_loop().time()
        if replica.stream.ended:
            return
        replica.has_heard = False
        self.say_follow(replica)
        self.mail(self.process, "nudge", id)

    def unfollow(self, id: str) -> None:
        """Follow a stream no longer."""
        replica = self._let_go(id)
        self._no_claim(id)
        if replica is not None and not replica.stream.ended:
            self.mail(replica.claim.process, "leave", id)

    def _let_go(self, id: str) -> Replica | None:
        """Forget what is noted of a stream that is followed."""
        for table in (self._idle, self._follow, self._mended):
            table.pop(id, None)
        return self.replicas.pop(id, None)

    def _no_claim(self, id: str) -> None:
        """If this process tries to claim a stream, it does so no longer."""
        if self._claiming.pop(id, None) is not None:
            self._events.unclaimed(id)

    def mail(self, process: str, kind: str, id: str) -> None:
        """Send a message to a process."""
        self.send(*self.letter(process, kind, id))

    def letter(self, process: str, kind: str, id: str) -> list[Command]:
        """The commands that send a message."""
        box = keys.mailbox(process)
        fields = ("kind", kind, "stream", id, "from", self.process)
        add = ("XADD", box, "MAXLEN", "~", MAILBOX, "*", *fields)
        return [add, ("PEXPIRE", box, MAILBOX_MS)]

    def claim(
        self,
        replica: Replica,
        claim: Claim,
        retention: float,
        entries: Sequence[LogEntry] | None = None,
    ) -> None:
        """Try to take a stream. Whether that has worked shows when the claim is read.

        retention: seconds that it is kept once it has ended
        entries: what it ends with, if it can't go on
        """
        id = replica.stream.id
        epoch = self._claiming.get(id, 0)
        if epoch <= replica.epoch:
            epoch = self._claiming[id] = next_epoch(replica.epoch)
        record = claim if entries is None else End(claim, base_of(epoch), entries)

        def take(answers: Answers) -> None:
            if answers is None or isinstance(answers[0], Refused):
                self._no_claim(id)  # if it has arrived nevertheless, the stream is claimed again

        at = EntryId(epoch, 0)
        self.send(elect(id, replica.epoch, at, record, retention), on_answers=take)

    def release(self, id: str, follower: str) -> None:
        """Leave a stream that is said to be this process's, and isn't, to whoever wants it.

        follower: the process that has said so. It is heard again if this process has the stream
            only since then, or knows in a moment that it has it
        """
        name = keys.stream(id)

        def take(answers: Answers) -> None:
            if not answers or not answers[0] or isinstance(answers[0], Refused):
                return
            [(last, record)] = records(answers[0])
            if id in self.mirrors or self._claiming.get(id) == last.epoch:
                loop = asyncio.get_running_loop()
                loop.call_later(GAP_SECONDS, self._events.came, "follow", id, follower)
            elif isinstance(record, Claim) and record.process == self.process:
                after = EntryId(last.epoch, last.number + 1)
                self.send(("XADD", name, "NOMKSTREAM", str(after), FIELD, encode(Released())))

        self.send(("XREVRANGE", name, "+", "-", "COUNT", 1), on_answers=take)

    # -- what is due --------------------------------------------------------------------------

    def _due(self, now: float) -> Iterator[Job]:
        if now >= self._renew:
            self._renew = now + RENEW_SECONDS
            yield self._renewal(now)
            self._sweep(now)
        if now >= self._look and self.replicas:
            self._look = now + LOOK_SECONDS
            yield self._inspection()
        for mirror in list(self.mirrors.values()):
            if mirror.is_due(now) and (job := self._writing(mirror, now)):
                yield job

    def _renewal(self, sent: float) -> Job:
        command = ("SET", keys.lease(self.process), 1, "PX", LEASE_SECONDS * 1000, "GET")

        def take(answers: Answers) -> None:
            now = asyncio.get_running_loop().time()
            if answers is None:
                return
            is_full = isinstance(answers[0], Refused)
            if is_full != self.health.is_full:
                self.health.is_full = is_full
                self._events.filled(self, full=is_full)
            if is_full:
                self.health.refused(now)
            elif self.health.renewed(sent, now, held=answers[0] is not None):
                self._confirm()

        return Job([command], take)

    def _inspection(self) -> Job:
        """Look which owners live. A store that has lost this process's lease can't tell."""
        owners = sorted({replica.claim.process for replica in self.replicas.values()})

        def take(answers: Answers) -> None:
            if answers is None or not isinstance(answers[0], list):
                return
            now = asyncio.get_running_loop().time()
            own, *leases = answers[0]
            if own is None:
                self.health.lost(now)
            dead = {owner for owner, lease in zip(owners, leases, strict=True) if not lease}
            for replica in list(self.replicas.values()):
                is_dead = replica.claim.process in dead and self.health.may_judge(now)
                if (is_dead or replica.is_released) and replica.stream.followers:
                    self._events.orphaned(replica)

        return Job([("MGET", *map(keys.lease, [self.process, *owners]))], take)

    def _writing(self, mirror: Mirror, now: float) -> Job | None:
        """What a stream has to be written. If that fails, it goes on without the store."""

        def take(answers: Answers) -> None:
            if answers and any(isinstance(answer, Full) for answer in answers):
                self.health.refused(asyncio.get_running_loop().time())
            fate = mirror.took(answers)
            if fate is Fate.GOES_ON:
                if mirror.is_urgent:
                    self.wake()
                return
            if self.mirrors.get(mirror.stream.id) is mirror:
                del self.mirrors[mirror.stream.id]
            if fate is Fate.FENCED:
                self._events.fenced(mirror)
            else:
                self._events.stored(mirror)

        try:
            return Job(mirror.commands(now), take)
        except Exception as error:
            _log.error(
                "a stream could not be brought to the store",
                id=mirror.stream.id,
                exception=where_raised(error),
            )
            del self.mirrors[mirror.stream.id]
            self._events.stored(mirror)
            return None

    def _sweep(self, now: float) -> None:
        """Leave streams that nobody here reads, and tell the others' owners that they are read."""
        for id, replica in list(self.replicas.items()):
            if replica.stream.followers:
                self._idle[id] = now
            elif now - self._idle.get(id, now) >= IDLE_SECONDS:
                self._events.came("idle", id, self.process)
                continue
            if now - self._follow.get(id, 0) >= FOLLOW_SECONDS:
                self.say_follow(replica)
        for mirror in self.mirrors.values():
            for process, until in list(mirror.followers.items()):
                if now > until:
                    self._events.came("leave", mirror.stream.id, process)

    def say_follow(self, replica: Replica) -> None:
        """Tell a stream's owner that it is followed. It writes at once what it has."""
        self._follow[replica.stream.id] = asyncio.get_running_loop().time()
        if replica.stream.ended or self._is_ours(replica):
            return
        self.mail(replica.claim.process, "follow", replica.stream.id)

    def _heard(self, now: float, seconds: float | None) -> None:
        was_up = self.health.is_up
        if seconds is None:
            self.health.failed(now)
            if self.health.silent_for(now) > STALE_SECONDS:
                for replica in list(self.replicas.values()):
                    replica.stream.cut()
                    self._events.came("idle", replica.stream.id, self.process)
        else:
            opened, self._opened = self._opened, self._sending.opened
            is_anew = 0 < opened < self._opened
            self.health.answered(now, seconds, anew=is_anew)
            self._events.answered(self, seconds)
            if is_anew:
                self._confirm()
        if self.health.is_up != was_up:
            self._events.turned(self, up=self.health.is_up)

    def _confirm(self) -> None:
        """Learn what the store still has of the streams of this process."""
        for mirror in self.mirrors.values():
            mirror.confirm()
        self._events.may_have_lost(self)
        self.wake()

    # -- what comes ---------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while True:
                try:
                    await self._read_once()
                    await asyncio.sleep(GAP_SECONDS)
                except Unreachable:
                    # Another server may have taken its place, with another clock.
                    self._mail = "0"
                    await asyncio.sleep(RETRY_SECONDS)
                except Exception as error:
                    _log.error(
                        "what a store has sent could not be taken", exception=where_raised(error)
                    )
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            await self._reading.close()

    async def _read_once(self) -> None:
        box = keys.mailbox(self.process)
        followed = {
            keys.stream(id).encode(): r for id, r in self.replicas.items() if not r.stream.ended
        }
        ids = [self._mail, *(str(replica.last) for replica in followed.values())]
        command = ("XREAD", "COUNT", 1000, "BLOCK", BLOCK_MS, "STREAMS", box, *followed, *ids)
        [answer] = await self._reading.call([command])
        if isinstance(answer, Refused):  # it is busy, perhaps
            raise Unreachable
        for name, entries in answer or ():
            if name == box.encode():
                self._take_mail(entries)
            elif name in followed:
                self._take(followed[name], entries)

    def _take_mail(self, entries: Any) -> None:
        for id, fields in entries:
            self._mail = id.decode()
            told = dict(zip(fields[::2], fields[1::2], strict=True))
            kind, stream, sender = (
                told.get(k, b"").decode() for k in (b"kind", b"stream", b"from")
            )
            try:
                self._events.came(kind, stream, sender)
            except Exception as error:
                _log.error(
                    "a message of another process could not be taken", exception=where_raised(error)
                )

    def _take(self, replica: Replica, entries: Any) -> None:
        before = replica.last
        try:
            has_hole = self.take(replica, records(entries))
        except BadRecord:
            replica.stream.cut()
            return
        # What is behind a hole comes again and again, even if its owner is dead.
        replica.has_heard = replica.has_heard or replica.last > before
        if has_hole:
            self.mend(replica)

    def take(self, replica: Replica, found: list[tuple[EntryId, Record]]) -> bool:
        """Take what has come. Returns whether entries are missing before the last of it."""
        has_hole, owner, epoch = False, replica.claim.process, replica.epoch
        for id, record in found:
            try:
                replica.take(id, record)
                has_hole = has_hole and not isinstance(record, Batch | End)
                if isinstance(record, End) and record.forgotten:
                    self._events.forgotten(replica)
            except Hole:
                has_hole = True
        if replica.claim.process != owner:
            self.say_follow(replica)
        if replica.epoch != epoch and self._has_got(replica):
            self._events.claimed(replica)
            return has_hole
        if self._is_ours(replica) and not replica.stream.ended:
            replica.is_released = True  # this process has it, and doesn't write it
        if replica.is_released and replica.stream.followers:
            self._events.orphaned(replica)
        return has_hole

    def _has_got(self, replica: Replica) -> bool:
        """Whether this process has claimed a stream which has another owner than before."""
        id = replica.stream.id
        is_ours = self._is_ours(replica) and self._claiming.get(id) == replica.epoch
        if is_ours and not replica.stream.ended:
            self._let_go(id)
            del self._claiming[id]
            return True
        self._no_claim(id)
        return False

    def _is_ours(self, replica: Replica) -> bool:
        return replica.claim.process == self.process

    def mend(self, replica: Replica) -> None:
        """Read all of a stream again, and ask its owner for what the store lacks, too."""
        id, now = replica.stream.id, asyncio.get_running_loop().time()
        if now - self._mended.get(id, 0) < MEND_SECONDS:
            return
        self._mended[id] = now
        self._events.missed()

        def take(answers: Answers) -> None:
            if answers is None or not isinstance(answers[0], list):
                return
            try:
                if self.take(replica, records(answers[0])):
                    self.mail(replica.claim.process, "resync", id)
            except BadRecord:
                replica.stream.cut()

        self.send(("XRANGE", keys.stream(id), "-", "+"), on_answers=take)


def _forget(asked: asyncio.Future[Any]) -> None:
    """Take no notice of what comes of it."""
    if asked.done() and not asked.cancelled():
        asked.exception()
    else:
        asked.cancel()
