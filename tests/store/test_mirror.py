"""What the owner of a stream writes to the store, and what it makes of the answers."""

from __future__ import annotations

import pytest

from app.errors import ProviderRejected, ProviderTimeout
from app.redis.link import Full
from app.store.mirror import MOST_TAIL, PAUSE_SECONDS, Fate, Mirror
from app.store.record import Batch, Claim, End, EntryId, Released
from app.streams.log_entry import Failed
from app.streams.stream import Stream
from tests.store.streams import Kept, bring, claim_of, finish, new_stream, write

pytestmark = pytest.mark.asyncio


def begun() -> tuple[Stream, Mirror, Kept]:
    """A stream whose claim is in the store since the time 99."""
    stream, kept = new_stream(), Kept()
    claim = claim_of(stream, key="ss:i:key")
    kept.add(EntryId(1, 0), claim)
    mirror = Mirror(stream, claim, EntryId(1, 0), 99, retention=300)
    return stream, mirror, kept


def batches(kept: Kept) -> list[tuple[int, int]]:
    """From where to where the batches in the store go."""
    found = [record for record in kept.records if isinstance(record, Batch)]
    return [(batch.start, batch.start + len(batch.entries)) for batch in found]


async def test_what_nobody_elsewhere_reads_is_written_once_a_second() -> None:
    stream, mirror, kept = begun()
    write(stream, "a")
    assert not mirror.is_due(99 + PAUSE_SECONDS - 0.1)
    write(stream, "b")
    bring(mirror, kept, 100)
    write(stream, "c")
    assert not mirror.is_due(100.5)
    bring(mirror, kept, 101)
    assert not mirror.is_due(103)
    assert batches(kept) == [(0, 2), (2, 3)]


async def test_what_is_read_elsewhere_is_written_at_once() -> None:
    stream, mirror, kept = begun()
    mirror.followers["b"] = 1000
    for number in range(3):
        write(stream, "a")
        bring(mirror, kept, 99 + 0.05 * number)
    assert batches(kept) == [(0, 1), (1, 2), (2, 3)]


async def test_the_end_is_all_that_is_left_and_has_no_request() -> None:
    stream, mirror, kept = begun()
    stream.agree = lambda stream: None
    write(stream, "ab")
    finish(stream)
    assert not stream.ended
    assert bring(mirror, kept) is Fate.STORED
    [end] = kept.records
    assert isinstance(end, End)
    assert (end.claim.request, end.start, len(end.entries)) == (None, 0, 2)
    assert [command[0] for command in kept.options] == ["PEXPIRE", "SET", "PEXPIRE"]
    stream.conclude()
    assert list(stream.log.since(0)) == end.entries


async def test_a_key_is_freed_where_the_end_may_be_tried_again_or_there_was_no_answer() -> None:
    stream, mirror, kept = begun()
    write(stream, "a")
    stream.end(Failed.of(ProviderTimeout()))
    bring(mirror, kept)
    assert kept.options[-1][0] == "EVAL"
    refused, mirror, kept = begun()
    refused.end(Failed.of(ProviderRejected()))
    bring(mirror, kept)
    [end] = kept.records
    assert isinstance(end, End)
    assert end.forgotten
    assert [command[0] for command in kept.options] == ["PEXPIRE", "EVAL"]


async def test_a_write_that_has_arrived_without_an_answer_is_not_written_twice() -> None:
    stream, mirror, kept = begun()
    write(stream, "a")
    bring(mirror, kept, answered=False)
    write(stream, "b")
    assert bring(mirror, kept, 102) is Fate.GOES_ON
    bring(mirror, kept, 103)
    assert batches(kept) == [(0, 1), (1, 2)]


async def test_a_write_that_has_not_arrived_is_written_again() -> None:
    stream, mirror, kept = begun()
    write(stream, "a")
    mirror.commands(100)
    mirror.took(None)
    write(stream, "b")
    bring(mirror, kept, 102)
    bring(mirror, kept, 103)
    assert batches(kept) == [(0, 2)]


async def test_an_end_that_has_arrived_without_an_answer_is_known_to_be_there() -> None:
    stream, mirror, kept = begun()
    write(stream, "a")
    finish(stream)
    bring(mirror, kept, answered=False)
    assert bring(mirror, kept, 102) is Fate.STORED


async def test_a_store_that_has_lost_the_stream_is_given_all_of_it() -> None:
    stream, mirror, kept = begun()
    write(stream, "a")
    bring(mirror, kept)
    kept.clear()
    write(stream, "b")
    bring(mirror, kept, 102)
    assert isinstance(kept.records[0], Claim)
    assert batches(kept) == [(0, 2)]
    assert kept.options[-1][:2] == ("SET", "ss:i:key")


async def test_an_end_is_given_to_a_store_that_has_lost_the_stream() -> None:
    stream, mirror, kept = begun()
    write(stream, "a")
    bring(mirror, kept)
    kept.clear()
    finish(stream)
    assert bring(mirror, kept, 102) is Fate.STORED
    assert [type(record) for record in kept.records] == [End]


async def test_a_store_that_has_lost_the_claim_alone_is_given_all_of_it() -> None:
    stream, kept = new_stream(), Kept()
    kept.add(EntryId(1, 7), claim_of(stream))
    stream.move(10_000_000)
    mirror = Mirror(stream, claim_of(stream, "b"), EntryId(2, 0), 99, retention=300)
    write(stream, "a")
    mirror.commands(100)
    mirror.took(None)
    bring(mirror, kept, 102)
    assert [type(record) for record in kept.records] == [Claim, Claim, Batch]


async def test_a_later_claim_ends_it() -> None:
    stream, mirror, kept = begun()
    write(stream, "a")
    bring(mirror, kept)
    kept.add(EntryId(2, 0), claim_of(stream, "b"))
    write(stream, "b")
    assert bring(mirror, kept, 102) is Fate.FENCED
    assert batches(kept) == [(0, 1)]


async def test_it_can_ask_whether_the_stream_is_still_its_own() -> None:
    stream, mirror, kept = begun()
    write(stream, "a")
    bring(mirror, kept)
    mirror.confirm()
    assert bring(mirror, kept, 100.1) is Fate.GOES_ON
    kept.add(EntryId(2, 0), claim_of(stream, "b"))
    mirror.confirm()
    assert bring(mirror, kept, 100.2) is Fate.FENCED


async def test_what_a_full_store_has_refused_is_written_later() -> None:
    stream, mirror, kept = begun()
    write(stream, "a")
    mirror.commands(100)
    assert mirror.took([Full()]) is Fate.GOES_ON
    assert not mirror.is_due(100.5)
    write(stream, "b")
    bring(mirror, kept, 102)
    assert batches(kept) == [(0, 2)]


async def test_what_waits_is_bounded_and_read_from_the_log_later() -> None:
    stream, mirror, kept = begun()
    for _ in range(MOST_TAIL + 1):
        write(stream, "a")
    mirror.is_due(99)
    assert stream.log.tail is None
    bring(mirror, kept)
    assert batches(kept) == [(0, MOST_TAIL + 1)]
    assert stream.log.tail == []


async def test_a_stream_is_released_once_all_of_it_is_there() -> None:
    stream, mirror, kept = begun()
    write(stream, "a")
    mirror.is_released = mirror.is_urgent = True
    assert bring(mirror, kept) is Fate.STORED
    assert [type(record) for record in kept.records] == [Claim, Batch, Released]


async def test_who_misses_a_part_is_given_all_of_it() -> None:
    stream, mirror, kept = begun()
    write(stream, "a")
    bring(mirror, kept)
    write(stream, "b")
    mirror.resync()
    bring(mirror, kept, 100.1)
    assert batches(kept) == [(0, 1), (0, 2)]


async def test_a_lost_claim_is_given_along_with_all_of_it_even_if_a_batch_is_on_its_way() -> None:
    stream, mirror, kept = begun()
    write(stream, "a")
    commands = mirror.commands(100)
    mirror.resync()
    assert mirror.took([kept.answer(command) for command in commands]) is Fate.GOES_ON
    del kept.entries[0]
    bring(mirror, kept, 100.1)
    assert [type(record) for record in kept.records] == [Batch, Claim, Batch]
    assert batches(kept) == [(0, 1), (0, 1)]
    assert not mirror.is_due(100.2)


async def test_an_end_that_the_store_has_lost_has_its_key_again() -> None:
    stream, mirror, kept = begun()
    write(stream, "a")
    finish(stream)
    assert bring(mirror, kept) is Fate.STORED
    kept.clear()
    again = Mirror(stream, mirror.claim, mirror.last, 100, retention=300)
    again.resync()
    kept.options.clear()
    assert bring(again, kept, 100) is Fate.STORED
    assert [type(record) for record in kept.records] == [End]
    assert [command[0] for command in kept.options] == ["PEXPIRE", "SET", "PEXPIRE", "SET"]
    assert kept.options[-1][:4] == ("SET", "ss:i:key", stream.id, "NX")


async def test_what_the_log_holds_before_it_is_brought_to_the_store_is_written_too() -> None:
    stream, kept = new_stream(), Kept()
    write(stream, "a")
    kept.add(EntryId(1, 0), claim_of(stream))
    mirror = Mirror(stream, claim_of(stream), EntryId(1, 0), 99, retention=300)
    write(stream, "b")
    bring(mirror, kept)
    assert batches(kept) == [(0, 2)]
