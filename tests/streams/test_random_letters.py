"""The letters of ids."""

from __future__ import annotations

from collections import Counter

import pytest

from app.streams.random_letters import random_letters


def test_each_letter_is_as_likely_as_any_other_at_each_place() -> None:
    found = [random_letters("abc", 4) for _ in range(3000)]
    for place in range(4):
        counts = Counter(letters[place] for letters in found)
        assert set(counts) == set("abc")
        assert min(counts.values()) > 800  # by chance, once in 10 billion runs


@pytest.mark.parametrize("length", [0, 1, 22])
def test_there_are_as_many_letters_as_asked_for(length: int) -> None:
    assert len(random_letters("ab", length)) == length
    assert len({random_letters("0123456789abcdef", 22) for _ in range(100)}) == 100
