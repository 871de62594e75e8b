"""Looks a stream up in a store, whichever process writes it."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

from app.errors import Overloaded, StreamExpired, StreamNotFound
from app.redis.link import Refused
from app.store import keys
from app.store.patience import answers_in_time
from app.store.record import BadRecord, Batch, Claim, End, EntryId, Record, records
from app.store.shard import Shard

POLL_SECONDS: Final = 0.025
"""The time between two looks at what is about to be there."""

CLAIM_SECONDS: Final = 0.5
"""How long a call waits for a claim that the store has lost to be written again."""

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


async def find(shard: Shard, id: str, owner: str) -> Found:
    """An owner's stream.

    Raises `StreamNotFound`, `StreamExpired`; `Overloaded` if the store may have it, or may have
    it again.
    """
    digest = keys.digest(id, owner)
    found = await _records(shard, id, digest)
    claim = claim_in(found)
    if claim is None:
        found, claim = await _claimed_again(shard, id, digest, found)
    if claim.owner != digest or is_forgotten(found):
        raise StreamNotFound
    return Found(found, claim)


async def _records(shard: Shard, id: str, digest: str) -> Records:
    """All records of a stream. Raises as `find` does."""
    if not shard.health.is_up:
        raise Overloaded(retry_after=1)
    asked = shard.ask(
        ("XRANGE", keys.stream(id), "-", "+"),
        ("MGET", keys.mark(id), keys.lease(shard.process)),
    )
    answers = await answers_in_time(asked)
    if answers is None or any(isinstance(answer, Refused) for answer in answers):
        raise Overloaded(retry_after=1)
    found = _read(answers[0])
    if not found:
        mark, lease = answers[1]
        now = asyncio.get_running_loop().time()
        if lease is None or shard.health.may_lack(now):
            raise Overloaded(retry_after=1)
        is_own = isinstance(mark, bytes) and mark.decode() == digest
        raise StreamExpired if is_own else StreamNotFound
    return found


async def _claimed_again(
    shard: Shard, id: str, digest: str, found: Records
) -> tuple[Records, Claim]:
    """The same with the claim, which the store has lost, and its owner writes again."""
    if writer := writer_in(found):
        shard.mail(writer, "resync", id)
        loop = asyncio.get_running_loop()
        until = loop.time() + CLAIM_SECONDS
        while loop.time() < until:
            await asyncio.sleep(POLL_SECONDS)
            found = await _records(shard, id, digest)
            if claim := claim_in(found):
                return found, claim
    raise Overloaded(retry_after=1)


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
