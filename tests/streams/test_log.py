"""A stream's log: what is packed is as it was."""

from __future__ import annotations

import tracemalloc

import msgspec
import pytest

from app.partial.operation import Add, Append, Replace
from app.streams.log import LARGE_SEGMENT, MANY_BYTES, SEGMENT, Log, Skipped
from app.streams.log_entry import Done, ElementClosed, LogEntry, Reasoning, Restart, Usage


def entries(number: int) -> list[LogEntry]:
    """Of all kinds, no two alike."""
    kinds = [
        lambda n: Replace((), [{"n": n, "big": 2**70, "none": None}]),
        lambda n: Append((0, "title"), f"é{n}"),
        lambda n: Add((n,), {"x": [1.5, True]}),
        lambda n: ElementClosed(n),
        lambda n: Restart(n, "output_invalid", [{"path": "/0", "message": "must be so"}]),
        lambda n: Usage(n, n, 1),
        lambda n: Reasoning(f"so {n}"),
    ]
    return [kinds[n % len(kinds)](n) for n in range(number)]


@pytest.mark.parametrize("number", [0, 1, SEGMENT, 2 * SEGMENT - 1, 2 * SEGMENT, 5 * SEGMENT + 7])
@pytest.mark.parametrize("packed", [False, True])
def test_from_each_position_the_log_is_what_was_put_in(number: int, packed: bool) -> None:
    given = entries(number)
    log = Log()
    for entry in given:
        log.extend([entry])
    if packed:
        log.pack()
    assert len(log) == number
    assert log.last == (given[-1] if given else None)
    for position in range(number + 1):
        assert log.since(position) == given[position:]


@pytest.mark.parametrize("base", [0, 5, 1000])
def test_a_bounded_read_gives_the_first_entries_and_positions_count_from_the_base(
    base: int,
) -> None:
    given = entries(3 * LARGE_SEGMENT)
    log = Log(base)
    log.extend(given[:700])
    log.extend(given[700:])
    assert (len(log), log.position) == (len(given), base + len(given))
    for position in range(0, len(given) + 1, 7):
        for most in (0, 1, 40, 300, len(given)):
            assert log.since(base + position, most) == given[position : position + most]
    if base:
        with pytest.raises(IndexError):
            log.since(base - 1)


def test_what_is_unread_of_a_long_way_are_its_events_and_how_many_operations_there_were() -> None:
    log = Log(10)
    operations = [Append((0, "title"), "x")] * 500
    restart = Restart(2, "output_invalid", [])
    log.extend([*operations, restart, *operations, ElementClosed(0), Done()])
    assert log.unread(10, 100) == [Skipped(500), restart, Skipped(500), ElementClosed(0), Done()]
    assert log.unread(510, 100) == [restart, Skipped(500), ElementClosed(0), Done()]
    assert log.unread(1009, 2) == [Skipped(2), ElementClosed(0), Done()]
    assert log.unread(1010, 100) == [operations[0], ElementClosed(0), Done()]
    assert log.unread(log.position, 100) == []


@pytest.mark.parametrize("packed", [False, True])
def test_all_reasoning_is_given_of_a_long_way(packed: bool) -> None:
    log = Log(10)
    operations = [Append((0, "title"), "x")] * 500
    thoughts = [Reasoning(f"so {n}") for n in range(300)]
    for entry in [*thoughts, *operations, thoughts[0], *operations, Done()]:
        log.extend([entry])
    if packed:
        log.pack()
    assert log.unread(10, 100) == [*thoughts, Skipped(500), thoughts[0], Skipped(500), Done()]
    assert log.unread(300, 100) == [*thoughts[290:], *log.unread(310, 100)]
    assert log.unread(600, 100) == [Skipped(210), thoughts[0], Skipped(500), Done()]
    assert log.unread(811, 100) == [Skipped(500), Done()]


def test_nor_are_operations_given_that_would_take_much_memory_however_few_they_are() -> None:
    log = Log(10)
    deep = Append(("kids", 0) * 1000, "x")
    size = len(msgspec.json.encode(deep))
    count = 2 * MANY_BYTES // size
    log.extend([deep] * count)
    log.extend([Done()])
    assert log.unread(10) == [Skipped(count), Done()]
    assert log.unread(log.position - 3) == [deep, deep, Done()]


def test_many_entries_at_once_are_as_good_as_one_by_one() -> None:
    log = Log()
    log.extend(entries(1000))
    log.extend([Done()])
    assert log.since(0) == [*entries(1000), Done()]
    assert log.last == Done()


def test_a_packed_log_takes_little_memory() -> None:
    log = Log()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for n in range(1000):
        log.extend([Append(("items", n // 50, "blurb"), f"word {n} ")])
    written = tracemalloc.get_traced_memory()[0] - before
    log.pack()
    packed = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert written < 50_000
    assert packed < 20_000
    assert log.size < 20_000


@pytest.mark.parametrize("number", [0, 1, SEGMENT, 3 * SEGMENT + 5])
@pytest.mark.parametrize("packed", [False, True])
def test_its_json_has_all_of_it(number: int, packed: bool) -> None:
    given = entries(number)
    log = Log()
    log.extend(given)
    if packed:
        log.pack()
    decode = msgspec.json.Decoder(list[LogEntry]).decode
    assert decode(log.json()) == given
    assert decode(log.json([Done()])) == [*given, Done()]
