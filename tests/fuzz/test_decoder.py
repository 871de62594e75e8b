"""The seeds of `make fuzz`, and what it has found."""

from __future__ import annotations

from tests.fuzz.decoder import check, seeds, targets
from tests.partial.texts import run

FOUND = [
    # Of two flaws in a string, too long and then not JSON, the cut decides which is told.
    b'\x01\x05{"items": [{"title": "Figs", "blurb": "' + b"x" * 150 + b"\0" * 9,
]


def test_each_type_has_seeds_and_most_of_the_first_are_valid() -> None:
    first: dict[int, bytes] = {}
    for seed in seeds():
        first.setdefault(seed[0], seed)
    assert len(first) == len(targets()) > 30
    decoders = [target.decoder() for target in targets()]
    errors = [run(decoder, [first[at][2:].decode()])[1] for at, decoder in enumerate(decoders)]
    assert errors[:4] == [None] * 4
    assert errors.count(None) > 25


def test_what_the_decoder_promises_holds_of_each_seed_at_each_cut() -> None:
    for seed in seeds():
        for cut in range(6):
            check(bytes([seed[0], cut]) + seed[2:])


def test_what_was_found_stays_mended() -> None:
    for data in FOUND:
        for cut in range(20):
            check(data[:1] + bytes([cut]) + data[2:])
