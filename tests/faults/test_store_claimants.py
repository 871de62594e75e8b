"""Two processes claim the same streams at the same time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.redis.address import Address
from app.store import keys
from app.store.record import FIELD, EntryId, encode
from app.store.replica import Replica
from app.store.shard import Shard
from tests.store.streams import claim_of, new_stream
from tests.support.redis import PROGRAMS, RedisServer, redis_server
from tests.support.service import eventually

NAMES = ("one", "other")


class Won:
    """Notes which streams a process has got. All else that it is told is of no interest here."""

    def __init__(self) -> None:
        self.streams: list[str] = []

    def claimed(self, replica: Replica) -> None:
        self.streams.append(replica.stream.id)

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


@asynccontextmanager
async def shard(store: RedisServer, name: str) -> AsyncIterator[tuple[Shard, Won]]:
    won = Won()
    process = Shard(0, Address(store.url), name, won)
    await process.start()
    try:
        yield process, won
    finally:
        await process.stop(1)


@pytest.mark.parametrize("number", [100, pytest.param(1000, marks=pytest.mark.chaos)])
@pytest.mark.parametrize("kind", PROGRAMS)
async def test_of_two_claimants_each_stream_has_one(kind: str, number: int) -> None:
    async with (
        redis_server(kind) as store,
        shard(store, "one") as (one, won_by_one),
        shard(store, "other") as (other, won_by_other),
    ):
        copies: dict[str, list[Replica]] = defaultdict(list)
        for _ in range(number):
            dead = new_stream()
            claim = claim_of(dead, "dead")
            key = keys.stream(dead.id)
            await one.ask(("XADD", key, str(EntryId(1, 0)), FIELD, encode(claim)))
            for process in (one, other):
                stream = new_stream(dead.id)
                stream.is_copy = True
                copies[dead.id].append(Replica(stream, claim, EntryId(1, 0)))
                process.follow(copies[dead.id][-1])
        for index, both in enumerate(copies.values()):
            claims = list(zip((one, other), NAMES, both, strict=True))
            for process, name, replica in claims if index % 2 else reversed(claims):
                process.claim(replica, claim_of(replica.stream, name), 300)
        won = [won_by_one.streams, won_by_other.streams]
        await eventually(lambda: sum(map(len, won)) >= number, 60)
        assert sorted([*won[0], *won[1]]) == sorted(copies), "none, or both, have got a stream"
        for id, both in copies.items():
            winner = NAMES[0] if id in won[0] else NAMES[1]
            await eventually(lambda both=both, winner=winner: _know(both, winner))


def _know(both: list[Replica], winner: str) -> bool:
    """Whether both know who has the stream."""
    return {replica.claim.process for replica in both} == {winner}
