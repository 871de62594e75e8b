"""The seeds of `make fuzz` for the provider's reader, some changes of them, and what was found."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.reader import APIS, check, known, mutated

FOUND: list[bytes] = []


@pytest.mark.parametrize("api", range(len(APIS)))
def test_what_comes_of_a_changed_answer_is_the_same_however_it_is_cut(api: int) -> None:
    random = Random(api)
    own = [seed for seed in known() if seed[0] == api]
    assert len(own) > 20
    for seed in random.sample(own, 20):
        check(mutated(seed, random))


def test_what_was_found_stays_mended() -> None:
    for data in FOUND:
        for cut in range(20):
            check(data[:1] + bytes([cut]) + data[2:])
