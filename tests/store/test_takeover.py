"""One process that takes streams over from others, which are only records in a store here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from app.errors import StreamNotFound
from app.store import keys
from app.store.commands import RUNNING_SECONDS
from app.store.ids import new_id
from app.store.record import FIELD, Claim, End, EntryId, Record, Released, encode, records
from app.store.shard import Shard
from app.store.streams import SharedStreams
from app.streams.stream import Origin, Stream
from tests.store.streams import REQUEST, claim_of, finish, new_stream, write
from tests.support.client import SECONDS
from tests.support.redis import redis
from tests.support.resuming import ALL, ANSWER
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, Exchange, Upstream, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARAMETERS = REQUEST.parameters.model_dump_json(round_trip=True, by_alias=False)


@dataclass
class Taker:
    """A process with one slot, its store, and the provider that it asks."""

    service: Service
    redis: Redis
    provider: Upstream

    @property
    def streams(self) -> SharedStreams:
        streams = self.service.streams
        assert isinstance(streams, SharedStreams)
        return streams

    @property
    def shard(self) -> Shard:
        return self.streams._shards[0]

    @property
    def slots(self) -> int:
        """How many slots are taken."""
        return int(self.service.app.state.admission.slots.taken)

    async def add(self, id: str, *found: tuple[EntryId, Record]) -> None:
        for at, record in found:
            await self.redis.xadd(keys.stream(id), {FIELD: encode(record)}, str(at))

    async def released(self, asked: str | None = PARAMETERS, **more: Any) -> Stream:
        """A copy of a stream that its owner has left. Nobody reads it yet."""
        stream = new_stream(new_id(time.time(), 0))
        claim = claim_of(stream, "gone", request=asked, **more)
        await self.add(stream.id, (EntryId(1, 0), claim), (EntryId(1, 1), Released()))
        return await self.streams.attach(stream.id, "me")

    async def kept(self, id: str) -> list[Record]:
        """What the store has of a stream, once it has done all that it was sent."""
        [entries] = await self.shard.ask(("XRANGE", keys.stream(id), "-", "+"))
        return [record for _, record in records(entries)]

    async def answer(self) -> Exchange:
        exchange = await self.provider.next()
        await exchange.send(HEAD)
        return exchange

    async def none_is_taken(self) -> None:
        await eventually(lambda: not self.slots)
        assert not self.service.app.state.admission.streams


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def taker() -> AsyncIterator[Taker]:
    async with (
        redis() as url,
        upstream() as provider,
        Redis.from_url(url) as client,
        running(openai_base_url=provider.base_url, streams_store=url, max_streams=1) as service,
    ):
        yield Taker(service, client, provider)


async def test_no_more_streams_are_taken_over_than_there_are_slots(taker: Taker) -> None:
    copies = [await taker.released() for _ in range(3)]
    before = len(taker.provider.exchanges)
    leave = [taker.streams.read(copy) for copy in copies]  # all in one turn of the loop
    for number in range(1, 4):
        exchange = await taker.answer()
        claimed = [record for copy in copies for record in await taker.kept(copy.id)]
        claims = [it for it in claimed if isinstance(it, Claim) and it.process != "gone"]
        assert len(claims) == 1
        assert (len(taker.streams), taker.slots) == (1, 1)
        assert len(taker.provider.exchanges) == before + number
        await exchange.text(ANSWER)
        await exchange.finish()
        await eventually(lambda number=number: sum(copy.ended for copy in copies) == number)
    assert all(copy.document.value == ALL for copy in copies)
    for each in leave:
        each()
    await taker.none_is_taken()


async def test_a_slot_is_given_back_if_another_process_has_got_the_stream(taker: Taker) -> None:
    copy = await taker.released()
    other = claim_of(copy, "other", request=PARAMETERS)
    taker.shard.send(("XADD", keys.stream(copy.id), "2-0", FIELD, encode(other)))
    leave = taker.streams.read(copy)  # its claim is sent behind the other one
    assert taker.slots == 1
    await taker.none_is_taken()
    assert taker.shard.replicas[copy.id].claim.process == "other"
    leave()


async def test_a_slot_is_given_back_if_the_store_refuses_the_claim(taker: Taker) -> None:
    copy = await taker.released()
    taker.shard.send(("SET", keys.stream(copy.id), "not a stream"))
    taker.streams.read(copy)()  # nobody is there to want it once more
    assert taker.slots == 1
    await taker.shard.ask(("DEL", keys.stream(copy.id)))
    assert not taker.slots
    taker.streams.came("idle", copy.id, "")


async def test_a_slot_is_given_back_if_the_store_does_not_answer(taker: Taker) -> None:
    copy = await taker.released()
    taker.streams.read(copy)()
    assert taker.slots == 1
    taker.shard._writer._drop()  # as where the connection breaks
    assert not taker.slots
    taker.streams.came("idle", copy.id, "")


async def test_a_slot_is_given_back_if_the_stream_is_no_longer_followed(taker: Taker) -> None:
    copy = await taker.released()
    leave = taker.streams.read(copy)
    assert taker.slots == 1
    leave()
    taker.streams.came("idle", copy.id, "")
    await taker.none_is_taken()
    # It has claimed the stream nevertheless. Whoever wants it now gets it.
    await taker.kept(copy.id)
    await goes_on_with(taker, copy.id)


async def goes_on_with(taker: Taker, id: str) -> None:
    """Whoever reads a stream that nobody writes has it taken over, and gets it to its end."""
    again = await taker.streams.attach(id, "me")
    leave = taker.streams.read(again)
    exchange = await taker.answer()
    await exchange.text(ANSWER)
    await exchange.finish()
    await eventually(lambda: again.ended)
    leave()
    await taker.none_is_taken()


async def test_what_can_t_be_gone_on_with_is_left_and_its_slot_given_back(
    taker: Taker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(stream: Any) -> None:
        raise RuntimeError

    copy = await taker.released()
    with monkeypatch.context() as patch:
        patch.setattr("app.store.streams.kept_of", breaks)
        leave = taker.streams.read(copy)
        await eventually(lambda: copy.is_cut)
        leave()
    assert copy.id not in taker.shard.mirrors
    await taker.none_is_taken()
    await goes_on_with(taker, copy.id)


async def test_a_stream_that_is_about_to_run_is_not_released(
    taker: Taker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process finds its claim, and follows it, before this one knows that it has it."""
    answered, goes_on = asyncio.Event(), asyncio.Event()

    async def late(asked: asyncio.Future[Any], *more: Any) -> Any:
        answers = await asked
        answered.set()
        await goes_on.wait()
        return answers

    with monkeypatch.context() as patch:
        patch.setattr("app.store.streams.answers_in_time", late)
        origin = Origin("me", resumable=True, key="early")
        opening = asyncio.create_task(taker.streams.open(REQUEST, origin, lambda stream: None))
        await answered.wait()
        id = (await taker.redis.get(keys.idempotency("me", "early"))).decode()
        taker.streams.came("follow", id, "other")
        goes_on.set()
        stream = await opening
    assert stream.id == id
    mirror = taker.shard.mirrors[id]
    await eventually(lambda: "other" in mirror.followers)
    assert not any(isinstance(record, Released) for record in await taker.kept(id))
    exchange = await taker.answer()
    await exchange.text(ANSWER)
    await exchange.finish()
    await eventually(lambda: id not in taker.shard.mirrors)


async def test_a_claim_that_is_about_to_be_read_is_not_released(taker: Taker) -> None:
    """Another process reads the claim, and follows it, before the one whose claim it is."""
    copy = await taker.released()
    leave = taker.streams.read(copy)
    taker.streams.came("follow", copy.id, "other")  # its question is sent behind the claim
    exchange = await taker.answer()
    mirror = taker.shard.mirrors[copy.id]
    await eventually(lambda: "other" in mirror.followers)
    _, released, *later = await taker.kept(copy.id)
    assert released == Released()
    assert Released() not in later
    await exchange.text(ANSWER)
    await exchange.finish()
    await eventually(lambda: copy.ended)
    leave()
    await taker.none_is_taken()


async def test_a_stream_that_this_process_has_claimed_and_does_not_write_goes_on(
    taker: Taker,
) -> None:
    stream = new_stream(new_id(time.time(), 0))
    claims = [
        (EntryId(epoch, 0), claim_of(stream, process, request=PARAMETERS))
        for epoch, process in ((1, "gone"), (5, taker.shard.process))
    ]
    await taker.add(stream.id, *claims)
    copy = await taker.streams.attach(stream.id, "me")
    leave = taker.streams.read(copy)
    exchange = await taker.answer()
    await exchange.text(ANSWER)
    await exchange.finish()
    await eventually(lambda: copy.ended)
    leave()
    await taker.none_is_taken()


async def test_what_has_ended_here_is_forgotten_at_once(
    taker: Taker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.streams.is_gone", None)  # there is nobody to wait for
    origin = Origin("me", resumable=True, key="gone")
    stream = await taker.streams.open(REQUEST, origin, lambda stream: None)
    exchange = await taker.answer()
    await exchange.text(ANSWER)
    await exchange.finish()
    await eventually(lambda: stream.id not in taker.shard.mirrors)
    names = [keys.stream(stream.id), keys.mark(stream.id), keys.idempotency("me", "gone")]
    assert await taker.redis.exists(*names) == 3
    await taker.streams.drop(stream.id, "me")
    assert await taker.redis.exists(*names) == 0
    with pytest.raises(StreamNotFound):
        await taker.streams.attach(stream.id, "me")
    with pytest.raises(StreamNotFound):
        await taker.streams.drop(stream.id, "me")


@pytest.mark.parametrize(
    ("asked", "seconds"), [(PARAMETERS, RUNNING_SECONDS + 300), (None, 300)], ids=["runs", "ends"]
)
async def test_a_claim_of_what_the_store_has_lost_expires(
    taker: Taker, asked: str | None, seconds: int
) -> None:
    copy = await taker.released(asked)
    taker.shard.send(("DEL", keys.stream(copy.id)))
    leave = taker.streams.read(copy)
    [ms] = await taker.shard.ask(("PTTL", keys.stream(copy.id)))
    assert (seconds - SECONDS) * 1000 < ms <= seconds * 1000
    if asked:
        exchange = await taker.answer()
        await exchange.text(ANSWER)
        await exchange.finish()
    await eventually(lambda: copy.ended)
    leave()
    await taker.none_is_taken()


async def test_a_stream_of_another_version_is_left_to_those_who_have_it_and_then_ended(
    taker: Taker, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = await taker.released(version="old")
    leave = taker.streams.read(copy)
    assert len(await taker.kept(copy.id)) == 2
    old = claim_of(copy, "old", request=PARAMETERS, version="old")
    await taker.add(copy.id, (EntryId(5, 0), old), (EntryId(5, 1), Released()))
    replica = taker.shard.replicas[copy.id]
    await eventually(lambda: replica.claim == old and replica.is_released)
    assert len(await taker.kept(copy.id)) == 4
    monkeypatch.setattr("app.store.streams.OTHERS_SECONDS", 0)
    await eventually(lambda: copy.ended)
    assert copy.outcome.code == "internal"
    leave()
    await taker.none_is_taken()


async def test_what_has_ended_is_not_claimed(taker: Taker) -> None:
    """This process has written the end, and dropped it since, as its memory was full."""
    ended = new_stream(new_id(time.time(), 0))
    write(ended, "a")
    finish(ended)
    claim = claim_of(ended, taker.shard.process)
    end = End(claim, ended.log.base, ended.log.since(ended.log.base))
    await taker.add(ended.id, (EntryId(1, 2), end))
    copy = await taker.streams.attach(ended.id, "me")
    leave = taker.streams.read(copy)
    assert await taker.kept(copy.id) == [end]
    leave()
