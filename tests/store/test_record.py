"""Records as bytes."""

from __future__ import annotations

import pytest

from app.partial.block import Block
from app.partial.growing import Growing
from app.partial.operation import Append, Replace
from app.store.record import (
    EPOCH_POSITIONS,
    BadRecord,
    Batch,
    Claim,
    End,
    EntryId,
    Released,
    base_of,
    decode,
    encode,
    epoch_of,
    records,
)
from app.streams.log_entry import Done, ElementClosed, Restart

CLAIM = Claim(
    *("p", "o", "ideas", "v", "m", "d"),
    request='{"topic":"é"}',
    key="key",
    caller="web",
    request_id="R",
    trace={"traceparent": "00-1-2-01"},
    reasoning=True,
    takeovers=2,
)
ENTRIES = [Replace((), [1, 2**70, 1.5]), Append((0, "é"), "x"), Restart(2, "moved", []), Done()]


@pytest.mark.parametrize(
    "record",
    [
        CLAIM,
        Claim("p", "o", "ideas", "v", "m", "d"),
        Batch("p", 7, ENTRIES),
        Batch("p", 0, [Append((), "long " * 999)], answered=False, model="m2"),
        End(CLAIM, 10_000_000, ENTRIES, forgotten=True),
        Released(),
    ],
    ids=lambda record: type(record).__name__,
)
def test_what_goes_in_comes_out(record: Claim | Batch | End | Released) -> None:
    assert decode(encode(record)) == record


def test_blocks_and_growing_strings_are_plain() -> None:
    kept = Replace((), [Block(2, b'{"a":1},{"a":2}'), Growing("long")])
    assert decode(encode(Batch("p", 0, [kept, ElementClosed(0)]))) == Batch(
        "p", 0, [Replace((), [{"a": 1}, {"a": 2}, "long"]), ElementClosed(0)]
    )


@pytest.mark.parametrize("data", [b"", b"{", b'{"type":"other"}', b"\x80\x04K\x01.", b"[]"])
def test_what_can_t_be_read_is_no_record(data: bytes) -> None:
    with pytest.raises(BadRecord):
        decode(data)


def test_entries_are_in_the_order_of_their_ids() -> None:
    found = records([[b"1-9", [b"r", encode(Released())]], [b"1-10", [b"r", encode(CLAIM)]]])
    assert found == [(EntryId(1, 9), Released()), (EntryId(1, 10), CLAIM)]
    assert EntryId(1, 9) < EntryId(1, 10) < EntryId(2, 0)
    assert str(EntryId(2, 0)) == "2-0"


@pytest.mark.parametrize("entry", [[b"1-1", [b"other", b"x"]], [b"1-1", []], [b"1-1", None]])
def test_an_entry_of_somebody_else_is_no_record(entry: list[object]) -> None:
    with pytest.raises(BadRecord):
        records([entry])


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_position_says_in_which_epoch_it_was_shown(epoch: int) -> None:
    first = base_of(epoch)
    assert epoch_of(first) == epoch_of(first + EPOCH_POSITIONS - 1) == epoch
