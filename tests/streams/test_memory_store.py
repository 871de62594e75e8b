"""The store of streams in memory, in a loop whose clock leaps: times below are exact."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from app.errors import StreamExpired, StreamNotFound
from app.streams.memory_store import REMEMBERED, MemoryStore
from app.streams.stream import Key
from tests.support.clock import run


@dataclass(eq=False)
class Kept:
    id: str
    owner: str = "me"
    key: Key | None = None
    size: int = 10


def store(*, retention: float = 60, capacity: int = 1000) -> MemoryStore:
    return MemoryStore(retention=retention, capacity=capacity)


def found(streams: MemoryStore, id: str, owner: str = "me") -> str:
    """What a caller is told."""
    try:
        return streams.find(id, owner).id
    except StreamExpired:
        return "expired"
    except StreamNotFound:
        return "not found"


def of(main: Callable[[], Awaitable[None]]) -> None:
    async def in_loop() -> None:
        await main()

    run(in_loop())


def test_a_stream_is_its_owners_alone() -> None:
    streams = store()
    streams.add(Kept("a"))
    assert found(streams, "a") == "a"
    assert found(streams, "a", "you") == "not found"
    assert found(streams, "b") == "not found"


def test_a_stream_that_has_ended_is_kept_for_the_retention_and_then_remembered() -> None:
    async def main() -> None:
        streams = store(retention=60)
        stream = Kept("a")
        streams.add(stream)
        await asyncio.sleep(1000)  # it streams
        streams.keep(stream)
        await asyncio.sleep(59.9)
        assert found(streams, "a") == "a"
        await asyncio.sleep(0.2)
        assert found(streams, "a") == "expired"
        assert found(streams, "a", "you") == "not found"
        await asyncio.sleep(10**6)
        assert found(streams, "a") == "expired"

    of(main)


def test_where_the_room_is_short_the_oldest_ended_go_first_and_a_running_one_never() -> None:
    async def main() -> None:
        streams = store(capacity=30)
        running = Kept("running", size=10**9)
        streams.add(running)
        for id in "abc":
            streams.add(Kept(id))
        for id in "bac":  # in the order of their ends, not of their beginnings
            streams.keep(streams.find(id, "me"))
        assert [found(streams, id) for id in "abc"] == ["a", "b", "c"]
        streams.add(big := Kept("d", size=15))
        streams.keep(big)
        assert [found(streams, id) for id in "abcd"] == ["expired", "expired", "c", "d"]
        assert found(streams, "running") == "running"

    of(main)


def test_one_that_is_larger_than_all_the_room_is_not_kept() -> None:
    async def main() -> None:
        streams = store(capacity=30)
        for stream in (Kept("a"), Kept("big", size=31)):
            streams.add(stream)
            streams.keep(stream)
        assert (found(streams, "a"), found(streams, "big")) == ("expired", "expired")
        streams.add(fits := Kept("b", size=30))
        streams.keep(fits)
        assert found(streams, "b") == "b"

    of(main)


def test_without_room_nothing_is_kept() -> None:
    async def main() -> None:
        streams = store(capacity=0)
        streams.add(stream := Kept("a"))
        streams.keep(stream)
        assert found(streams, "a") == "expired"

    of(main)


def test_what_has_gone_takes_no_room() -> None:
    async def main() -> None:
        streams = store(retention=60, capacity=10)
        for id in "abc":
            streams.add(stream := Kept(id))
            streams.keep(stream)
            await asyncio.sleep(61)
        streams.add(stream := Kept("d"))
        streams.keep(stream)
        streams.forget(stream)
        streams.add(stream := Kept("e"))
        streams.keep(stream)
        assert found(streams, "e") == "e"

    of(main)


def test_the_last_ten_thousand_that_went_are_remembered() -> None:
    assert REMEMBERED == 10_000
    streams = store()
    for number in range(REMEMBERED + 5):
        stream = Kept(f"{number:x}", owner=f"owner {number % 3}")
        streams.add(stream)
        streams.expire(stream)
    for number in (5, 6, 700, REMEMBERED, REMEMBERED + 4):
        assert found(streams, f"{number:x}", f"owner {number % 3}") == "expired"
        assert found(streams, f"{number:x}", f"owner {(number + 1) % 3}") == "not found"
    for number in range(5):
        assert found(streams, f"{number:x}", f"owner {number % 3}") == "not found"


def test_an_id_and_an_owner_are_not_mixed_up() -> None:
    streams = store()
    streams.add(stream := Kept("ab", owner="c"))
    streams.expire(stream)
    assert found(streams, "a", "bc") == "not found"
    assert found(streams, "ab", "c") == "expired"


def test_what_is_forgotten_never_was() -> None:
    async def main() -> None:
        streams = store(retention=60)
        for id in "ab":
            streams.add(Kept(id, key=("me", id)))
        streams.keep(streams.find("b", "me"))
        for id in "ab":
            streams.forget(streams.find(id, "me"))
            assert found(streams, id) == "not found"
            assert streams.find_key(("me", id)) is None
        await asyncio.sleep(61)
        assert found(streams, "b") == "not found"

    of(main)


def test_what_was_forgotten_while_it_ran_is_not_kept_when_it_ends() -> None:
    async def main() -> None:
        streams = store()
        streams.add(stream := Kept("a"))
        streams.forget(stream)
        streams.keep(stream)
        streams.expire(stream)
        assert found(streams, "a") == "not found"

    of(main)


def test_a_key_leads_its_owner_to_the_stream_as_long_as_that_is_kept() -> None:
    async def main() -> None:
        streams = store(retention=60)
        stream = Kept("a", key=("me", "k"))
        streams.add(stream)
        assert streams.find_key(("me", "k")) is stream
        assert streams.find_key(("you", "k")) is None
        streams.keep(stream)
        await asyncio.sleep(59)
        assert streams.find_key(("me", "k")) is stream
        await asyncio.sleep(2)
        assert streams.find_key(("me", "k")) is None

    of(main)


def test_a_key_that_is_freed_may_begin_another_which_the_first_does_not_free_again() -> None:
    streams = store()
    first, second = Kept("a", key=("me", "k")), Kept("b", key=("me", "k"))
    streams.add(first)
    streams.free_key(first)
    assert streams.find_key(("me", "k")) is None
    streams.add(second)
    streams.free_key(first)
    streams.expire(first)
    assert streams.find_key(("me", "k")) is second


def test_at_the_close_everything_goes_and_no_timer_is_left() -> None:
    async def main() -> None:
        streams = store()
        for id in "ab":
            streams.add(Kept(id))
        streams.keep(streams.find("a", "me"))
        streams.close()
        assert (found(streams, "a"), found(streams, "b")) == ("not found", "not found")
        with pytest.raises(AssertionError, match="everything waits"):
            await asyncio.get_running_loop().create_future()

    with pytest.raises(AssertionError, match="everything waits"):
        of(main)


def test_what_becomes_of_a_stream_does_not_concern_the_one_that_has_taken_its_place() -> None:
    async def main() -> None:
        streams = store(retention=60)
        before, after = Kept("a", key=("me", "k")), Kept("a", key=("me", "k"))
        streams.add(before)
        streams.keep(before)
        streams.add(after)
        assert streams.kept == (0, 0)
        streams.keep(before)
        streams.forget(before)
        streams.expire(before)
        await asyncio.sleep(100)
        assert streams.get("a") is after
        assert streams.find_key(("me", "k")) is after
        assert streams.kept == (0, 0)
        streams.keep(after)
        assert streams.kept == (1, 10)

    of(main)
