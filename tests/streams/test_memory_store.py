"""The store of runs in memory, in a loop whose clock leaps: times below are exact."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from app.errors import StreamExpired, StreamNotFound
from app.streams.memory_store import REMEMBERED, Key, MemoryStore
from tests.support.clock import run


@dataclass(eq=False)
class Kept:
    id: str
    owner: str = "me"
    key: Key | None = None
    size: int = 10


Runs = MemoryStore[Kept]


def store(*, retention: float = 60, capacity: int = 1000) -> Runs:
    return MemoryStore(retention=retention, capacity=capacity)


def found(runs: Runs, id: str, owner: str = "me") -> str:
    """What a caller is told."""
    try:
        return runs.find(id, owner).id
    except StreamExpired:
        return "expired"
    except StreamNotFound:
        return "not found"


def of(main: Callable[[], Awaitable[None]]) -> None:
    async def in_loop() -> None:
        await main()

    run(in_loop())


def test_a_stream_is_its_owners_alone() -> None:
    runs = store()
    runs.add(Kept("a"))
    assert found(runs, "a") == "a"
    assert found(runs, "a", "you") == "not found"
    assert found(runs, "b") == "not found"


def test_a_stream_that_has_ended_is_kept_for_the_retention_and_then_remembered() -> None:
    async def main() -> None:
        runs = store(retention=60)
        stream = Kept("a")
        runs.add(stream)
        await asyncio.sleep(1000)  # it runs
        runs.keep(stream)
        await asyncio.sleep(59.9)
        assert found(runs, "a") == "a"
        await asyncio.sleep(0.2)
        assert found(runs, "a") == "expired"
        assert found(runs, "a", "you") == "not found"
        await asyncio.sleep(10**6)
        assert found(runs, "a") == "expired"

    of(main)


def test_where_the_room_is_short_the_oldest_ended_go_first_and_a_running_one_never() -> None:
    async def main() -> None:
        runs = store(capacity=30)
        running = Kept("running", size=10**9)
        runs.add(running)
        for id in "abc":
            runs.add(Kept(id))
        for id in "bac":  # in the order of their ends, not of their beginnings
            runs.keep(runs.find(id, "me"))
        assert [found(runs, id) for id in "abc"] == ["a", "b", "c"]
        runs.add(big := Kept("d", size=15))
        runs.keep(big)
        assert [found(runs, id) for id in "abcd"] == ["expired", "expired", "c", "d"]
        assert found(runs, "running") == "running"

    of(main)


def test_one_that_is_larger_than_all_the_room_is_not_kept() -> None:
    async def main() -> None:
        runs = store(capacity=30)
        for stream in (Kept("a"), Kept("big", size=31)):
            runs.add(stream)
            runs.keep(stream)
        assert (found(runs, "a"), found(runs, "big")) == ("expired", "expired")
        runs.add(fits := Kept("b", size=30))
        runs.keep(fits)
        assert found(runs, "b") == "b"

    of(main)


def test_without_room_nothing_is_kept() -> None:
    async def main() -> None:
        runs = store(capacity=0)
        runs.add(stream := Kept("a"))
        runs.keep(stream)
        assert found(runs, "a") == "expired"

    of(main)


def test_what_has_gone_takes_no_room() -> None:
    async def main() -> None:
        runs = store(retention=60, capacity=10)
        for id in "abc":
            runs.add(stream := Kept(id))
            runs.keep(stream)
            await asyncio.sleep(61)
        runs.add(stream := Kept("d"))
        runs.keep(stream)
        runs.forget(stream)
        runs.add(stream := Kept("e"))
        runs.keep(stream)
        assert found(runs, "e") == "e"

    of(main)


def test_the_last_ten_thousand_that_went_are_remembered() -> None:
    assert REMEMBERED == 10_000
    runs = store()
    for number in range(REMEMBERED + 5):
        stream = Kept(f"{number:x}", owner=f"owner {number % 3}")
        runs.add(stream)
        runs.expire(stream)
    for number in (5, 6, 700, REMEMBERED, REMEMBERED + 4):
        assert found(runs, f"{number:x}", f"owner {number % 3}") == "expired"
        assert found(runs, f"{number:x}", f"owner {(number + 1) % 3}") == "not found"
    for number in range(5):
        assert found(runs, f"{number:x}", f"owner {number % 3}") == "not found"


def test_an_id_and_an_owner_are_not_mixed_up() -> None:
    runs = store()
    runs.add(stream := Kept("ab", owner="c"))
    runs.expire(stream)
    assert found(runs, "a", "bc") == "not found"
    assert found(runs, "ab", "c") == "expired"


def test_what_is_forgotten_never_was() -> None:
    async def main() -> None:
        runs = store(retention=60)
        for id in "ab":
            runs.add(Kept(id, key=("me", id)))
        runs.keep(runs.find("b", "me"))
        for id in "ab":
            runs.forget(runs.find(id, "me"))
            assert found(runs, id) == "not found"
            assert runs.find_key(("me", id)) is None
        await asyncio.sleep(61)
        assert found(runs, "b") == "not found"

    of(main)


def test_what_was_forgotten_while_it_ran_is_not_kept_when_it_ends() -> None:
    async def main() -> None:
        runs = store()
        runs.add(stream := Kept("a"))
        runs.forget(stream)
        runs.keep(stream)
        runs.expire(stream)
        assert found(runs, "a") == "not found"

    of(main)


def test_a_key_leads_its_owner_to_the_stream_as_long_as_that_is_kept() -> None:
    async def main() -> None:
        runs = store(retention=60)
        stream = Kept("a", key=("me", "k"))
        runs.add(stream)
        assert runs.find_key(("me", "k")) is stream
        assert runs.find_key(("you", "k")) is None
        runs.keep(stream)
        await asyncio.sleep(59)
        assert runs.find_key(("me", "k")) is stream
        await asyncio.sleep(2)
        assert runs.find_key(("me", "k")) is None

    of(main)


def test_a_key_that_is_freed_may_begin_another_which_the_first_does_not_free_again() -> None:
    runs = store()
    first, second = Kept("a", key=("me", "k")), Kept("b", key=("me", "k"))
    runs.add(first)
    runs.free_key(first)
    assert runs.find_key(("me", "k")) is None
    runs.add(second)
    runs.free_key(first)
    runs.expire(first)
    assert runs.find_key(("me", "k")) is second


def test_at_the_close_everything_goes_and_no_timer_is_left() -> None:
    async def main() -> None:
        runs = store()
        for id in "ab":
            runs.add(Kept(id))
        runs.keep(runs.find("a", "me"))
        runs.close()
        assert (found(runs, "a"), found(runs, "b")) == ("not found", "not found")
        with pytest.raises(AssertionError, match="everything waits"):
            await asyncio.get_running_loop().create_future()

    with pytest.raises(AssertionError, match="everything waits"):
        of(main)
