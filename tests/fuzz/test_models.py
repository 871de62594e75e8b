"""What `make fuzz` holds of any model, of some of each odd kind; and that it counts."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.models import Count, check, fuzz
from tests.partial.kinds import STRINGS, WHOLES
from tests.partial.models import cases
from tests.partial.odd import ODD, Make
from tests.partial.test_properties import check as checked

PLAIN = [STRINGS[0], STRINGS[1], *[kind for kind in WHOLES if kind.type in (int, float)]]


@pytest.mark.parametrize("make", ODD, ids=lambda make: make.__name__)
@settings(checked, max_examples=10)
@given(st.sampled_from(PLAIN), st.data(), st.booleans())
def test_what_is_promised_holds_of_each_odd_kind(
    make: Make, kind: Any, data: Any, spoilt: bool
) -> None:
    check(data.draw(cases(of=st.just(make(kind)))), spoilt=spoilt)


def test_a_run_counts_its_models_and_texts() -> None:
    count = Count(time.monotonic() + 0.001)
    fuzz(count)
    assert count.is_over
    assert count.models >= 1
    assert count.texts >= count.models
