"""What a process makes of the records of another one's stream."""

from __future__ import annotations

import pytest

from app.partial.operation import Append, Replace
from app.store.record import Batch, Claim, End, EntryId, Record, Released, base_of
from app.store.replica import Hole, Replica
from app.streams.log_entry import Done, LogEntry, Reasoning, Restart
from tests.store.streams import claim_of, new_stream

pytestmark = pytest.mark.asyncio

A, B, C = (Replace((), "a"), Append((), "b"), Append((), "c"))
MOVED = Restart(2, "moved", [])


def replica(*records: Record, epoch: int = 1) -> Replica:
    """A replica that has taken these, the first of which is at 1 in the epoch."""
    stream = new_stream()
    stream.is_copy = True
    made = Replica(stream, claim_of(stream), EntryId(epoch, 0))
    for number, record in enumerate(records, 1):
        made.take(EntryId(epoch, number), record)
    return made


def shown(made: Replica) -> str | None:
    return str(made.stream.document.value) if made.stream.document.known else None


async def test_batches_follow_each_other() -> None:
    made = replica(Batch("a", 0, [A]), Batch("a", 1, [B, C]))
    assert shown(made) == "abc"
    assert made.last == EntryId(1, 2)
    assert list(made.stream.log.since(0)) == [A, B, C]
    assert made.stream.was_begun


@pytest.mark.parametrize("start", [0, 1, 2])
async def test_of_what_is_there_already_the_rest_is_taken(start: int) -> None:
    given: list[LogEntry] = [A, B, C]
    made = replica(Batch("a", 0, [A, B]), Batch("a", start, given[start:]), Batch("a", 0, [A]))
    assert shown(made) == "abc"
    assert made.stream.position == 3


async def test_a_hole_is_seen_and_changes_nothing() -> None:
    made = replica(Batch("a", 0, [A]))
    for record in (Batch("a", 2, [C]), End(claim_of(made.stream), 2, [C, Done()])):
        with pytest.raises(Hole):
            made.take(EntryId(1, 2), record)
    assert (shown(made), made.last) == ("a", EntryId(1, 1))
    made.take(EntryId(1, 3), Batch("a", 0, [A, B, C]))
    assert shown(made) == "abc"


async def test_the_end_holds_all_for_those_who_have_a_part_or_nothing() -> None:
    for before in ([], [Batch("a", 0, [A])]):
        made = replica(*before)
        made.take(EntryId(1, 9), End(claim_of(made.stream), 0, [A, B, Done()]))
        assert shown(made) == "ab"
        assert made.stream.outcome == Done()
        assert made.stream.finished.done()


async def test_a_takeover_begins_at_positions_that_nobody_has_seen() -> None:
    made = replica(Batch("a", 0, [A, B]))
    claim = claim_of(made.stream, "b")
    made.take(EntryId(2, 0), claim)
    assert (made.claim, shown(made)) == (claim, "ab")
    made.take(EntryId(2, 1), Batch("b", base_of(2), [MOVED, A]))
    assert shown(made) == "a"
    assert made.stream.position == base_of(2) + 2
    assert made.stream.attempt_began == base_of(2) + 1
    assert made.stream.figures.attempts == 2
    assert made.stream.has_urgent_entries(base_of(2))


async def test_who_was_overruled_is_not_heard_any_more() -> None:
    made = replica(Batch("a", 0, [A]))
    made.take(EntryId(2, 0), claim_of(made.stream, "b"))
    made.take(EntryId(1, 2), Batch("a", 1, [B]))
    made.take(EntryId(1, 3), Released())
    assert (shown(made), made.is_released) == ("a", False)


async def test_what_is_missing_with_a_claim_is_asked_of_who_writes() -> None:
    made = replica(Batch("a", 0, [A]))
    with pytest.raises(Hole):
        made.take(EntryId(2, 2), Batch("b", base_of(2) + 1, [B]))
    assert (made.claim.process, shown(made)) == ("b", "a")
    made.take(EntryId(2, 3), Batch("b", base_of(2), [MOVED, A, B]))
    assert shown(made) == "ab"


async def test_a_stream_whose_claim_is_missing_can_be_released() -> None:
    made = replica(Batch("a", 0, [A]))
    made.take(EntryId(2, 2), Released())
    assert (made.epoch, made.is_released) == (2, True)


async def test_a_claim_that_is_written_anew_changes_nothing() -> None:
    made = replica(Batch("a", 0, [A]))
    claim: Claim = claim_of(made.stream)
    made.take(EntryId(1, 5), claim)
    made.take(EntryId(1, 6), Batch("a", 0, [A, B]))
    assert shown(made) == "ab"


async def test_it_is_released_until_another_claim() -> None:
    made = replica(Batch("a", 0, [A]), Released())
    assert made.is_released
    made.take(EntryId(2, 0), claim_of(made.stream, "b"))
    assert (made.is_released, made.was_released) == (False, True)


async def test_the_model_that_is_asked_is_known() -> None:
    made = replica(Batch("a", 0, [Reasoning("so")]), Batch("a", 1, [A], model="other"))
    assert (made.stream.model_at(0), made.stream.model) == ("m", "other")
