"""Patterns of numbers and moments match what lies in a range, and nothing else."""

from __future__ import annotations

import base64 as coding
import datetime as dt
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.schemas.moment_pattern import FIRST, LAST, date_pattern, time_pattern
from app.schemas.number_pattern import decimal_pattern
from app.schemas.text_pattern import base64

bounds = st.none() | st.decimals(-40, 40, places=2)


@given(bounds, bounds, st.integers(0, 3), st.decimals(-50, 50, places=3))
def test_a_decimal_is_matched_if_it_is_in_the_range(
    low: Decimal | None, high: Decimal | None, places: int, number: Decimal
) -> None:
    pattern = decimal_pattern(low, high, places)
    text = format(number.normalize(), "f")
    is_in = (low is None or number >= low) and (high is None or number <= high)
    is_short = len(text.partition(".")[2]) <= places
    matched = pattern is not None and re.fullmatch(pattern, text) is not None
    assert matched == (is_in and is_short) or not number


@pytest.mark.parametrize(
    ("low", "high", "pattern"),
    [
        (None, None, "-?(([0-9]|[1-9][0-9]{1,14}))"),
        (1, 30, "([1-9]|[1-2][0-9]|30)"),
        (5, 5, "5"),
        (7, 3, None),
    ],
)
def test_integers(low: int | None, high: int | None, pattern: str | None) -> None:
    bounds = (None if bound is None else Decimal(bound) for bound in (low, high))
    assert decimal_pattern(*bounds, places=0) == pattern


days = st.dates(dt.date(1990, 1, 1), dt.date(2110, 12, 31))


@given(st.none() | days, st.none() | days, days)
def test_a_date_is_matched_if_it_is_in_the_range(
    low: dt.date | None, high: dt.date | None, day: dt.date
) -> None:
    pattern = date_pattern(low, high)
    matched = pattern is not None and re.fullmatch(pattern, str(day)) is not None
    assert matched == ((low or FIRST) <= day <= (high or LAST))


@pytest.mark.parametrize(
    "text", ["2023-02-29", "1900-02-29", "2024-13-01", "2024-04-31", "0000-01-01"]
)
def test_a_day_that_does_not_exist_is_not_matched(text: str) -> None:
    for low, high in [(None, None), (dt.date(1800, 1, 1), None), (None, dt.date(2500, 1, 1))]:
        assert not re.fullmatch(str(date_pattern(low, high)), text)


@given(st.times(), st.times())
def test_a_time_that_is_matched_is_in_the_range(low: dt.time, time: dt.time) -> None:
    for excluded in (False, True):
        pattern = time_pattern(low, None, excluded=excluded)
        if pattern and re.fullmatch(pattern, time.isoformat()):
            assert time > low if excluded else time >= low


@given(st.binary(max_size=9))
def test_base64_of_text_is_that_of_ascii(data: bytes) -> None:
    for characters, code in (("+/", coding.b64encode), ("_-", coding.urlsafe_b64encode)):
        text = code(data).decode()
        assert re.fullmatch(base64(characters, is_text=False), text)
        is_text = re.fullmatch(base64(characters, is_text=True), text) is not None
        assert is_text == data.isascii()
