"""Looks a stream up in a store, whichever process writes it."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

from app.errors import Overloaded, StreamExpired, StreamNotFound
from app.redis.link import Refused
from app.store import keys
from app.store.mirror import MARK_SECONDS
from app.store.patience import answers_in_time
from app.store.record import BadRecord, Batch, Claim, End, EntryId, Record, records
from app.store.shard import Shard

POLL_SECONDS: Final = 0.025
"""The time between two looks at what is about to be there."""

CLAIM_SECONDS: Final = 0.5
"""How long a call waits for what the store has lost to be written again."""

Records = list[tuple[EntryId, Record]]


class Found(NamedTuple):
    """The records of a stream, at least one, and its present claim."""

    records: Records
    claim: Claim

    @property
    def first_id(self) -> EntryId:
        return self.records[0][0]

    @property
    def last_id(self) -> EntryId:
        return self.records[-1][0]

    @property
    def has_ended(self) -> bool:
        return isinstance(self.records[-1][1], End)


class _Look(NamedTuple):
    """What a store has of a stream.

    mark, mark_seconds: what it keeps of a stream that has ended, and for how long; b"" if nothing
    may_lack: whether it may lack what its owner will write again
    """

    records: Records
    mark: bytes
    mark_seconds: int
    may_lack: bool


async def find(shard: Shard, id: str, owner: str) -> Found:
    """An owner's stream.

    Raises `StreamNotFound`, `StreamExpired`; `Overloaded` if the store may have it, or may have
    it again.
    """
    digest = keys.digest(id, owner)
    look = await _look(shard, id)
    if lost := _lost(look, digest):
        shard.mail(*lost, id)
        look = await _look_until_claimed(shard, id)
    return _found(look, digest)


async def _look(shard: Shard, id: str) -> _Look:
    """Raises `Overloaded` if the store does not answer, or has what can't be read."""
    if not shard.health.is_up:
        raise Overloaded(retry_after=1)
    mark, lease = keys.mark(id), keys.lease(shard.process)
    asked = shard.ask(("XRANGE", keys.stream(id), "-", "+"), ("MGET", mark, lease), ("TTL", mark))
    answers = await answers_in_time(asked)
    if answers is None or any(isinstance(answer, Refused) for answer in answers):
        raise Overloaded(retry_after=1)
    entries, [marked, own], seconds = answers
    may_lack = own is None or shard.health.may_lack(asyncio.get_running_loop().time())
    return _Look(_read(entries), marked or b"", seconds, may_lack)


async def _look_until_claimed(shard: Shard, id: str) -> _Look:
    """Look again and again, for some time, until there is a claim."""
    loop = asyncio.get_running_loop()
    until = loop.time() + CLAIM_SECONDS
    while True:
        await asyncio.sleep(POLL_SECONDS)
        look = await _look(shard, id)
        if claim_in(look.records) or loop.time() >= until:
            return look


def _lost(look: _Look, digest: str) -> tuple[str, str] | None:
    """If a store has lost a part of a stream: the process that has it, and what to send to it.

    A mark outlives its end. A mark without an end is normal only in the last MARK_SECONDS of the
    mark.
    """
    if look.records:
        writer = None if claim_in(look.records) else writer_in(look.records)
        return (writer, "resync") if writer else None
    owner, _, process = look.mark.decode().partition(" ")
    is_early = look.mark_seconds > MARK_SECONDS + 1
    return (process, "follow") if is_early and process and owner == digest else None


def _found(look: _Look, digest: str) -> Found:
    """Raises as `find` does."""
    if not look.records:
        if look.may_lack:
            raise Overloaded(retry_after=1)
        is_own = look.mark.decode().partition(" ")[0] == digest
        raise StreamExpired if is_own else StreamNotFound
    claim = claim_in(look.records)
    if claim is None:
        raise Overloaded(retry_after=1)
    if claim.owner != digest or is_forgotten(look.records):
        raise StreamNotFound
    return Found(look.records, claim)


async def is_gone(shard: Shard, id: str, seconds: float) -> bool:
    """Wait until a stream is gone from the store. False if it isn't after some time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until and shard.health.is_up:
        asked = shard.ask(("XREVRANGE", keys.stream(id), "+", "-", "COUNT", 1))
        answers = await answers_in_time(asked)
        if answers is not None and isinstance(answers[0], list):
            found = _read(answers[0])
            if not found or is_forgotten(found):
                return True
        await asyncio.sleep(POLL_SECONDS)
    return False


def _read(entries: Any) -> Records:
    """Raises `Overloaded` for what only another version can read."""
    try:
        return records(entries)
    except BadRecord:
        raise Overloaded(retry_after=1) from None


def claim_in(found: Records) -> Claim | None:
    """The last claim; None if it is lost."""
    for _, record in reversed(found):
        if isinstance(record, End):
            return record.claim
        if isinstance(record, Claim):
            return record
    return None


def writer_in(found: Records) -> str | None:
    """The process that has written last, by what it has written; None if that doesn't say."""
    writers = [record.process for _, record in found if isinstance(record, Batch)]
    return writers[-1] if writers else None


def is_forgotten(found: Records) -> bool:
    """Whether a stream has ended, and is not kept."""
    last = found[-1][1]
    return isinstance(last, End) and last.forgotten
