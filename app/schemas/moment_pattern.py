"""Regular expressions of dates, times and durations, as ISO 8601 writes them."""

from __future__ import annotations

import datetime as dt
from calendar import isleap, monthrange
from typing import Final

from app.schemas.number_pattern import digits_between

FIRST: Final = dt.date(1000, 1, 1)
LAST: Final = dt.date(2999, 12, 31)
"""Between these are dates that nothing bounds."""

_MONTHS: Final = (
    "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
    "|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8])"
)
"""The days of a year that is no leap year."""

_LEAP_YEARS: Final = "0[48]|[2468][048]|[13579][26]"
"""Of a century, but for its first year."""

_ANY_DATE: Final = f"[12][0-9]{{3}}-({_MONTHS})|([12][0-9]({_LEAP_YEARS})|(1[26]|2[048])00)-02-29"

_SECONDS: Final = r"[0-5][0-9](\.[0-9]{1,6})?"
CLOCK: Final = f"([01][0-9]|2[0-3]):[0-5][0-9]:{_SECONDS}"
OFFSET: Final = "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"

_S: Final = r"[0-9]{1,4}(\.[0-9]{1,6})?S"
_M: Final = "[0-9]{1,4}M"
_T: Final = f"T([0-9]{{1,4}}H({_M})?({_S})?|{_M}({_S})?|{_S})"
DURATION: Final = f"P([0-9]{{1,5}}D({_T})?|{_T})"


def date_pattern(low: dt.date | None = None, high: dt.date | None = None) -> str | None:
    """The dates from `low` to `high`, where None is no bound; None where there are none."""
    if low is None and high is None:
        return _ANY_DATE
    first = low or min(FIRST, high or FIRST)
    last = high or max(LAST, first)
    if first > last:
        return None
    if first.year == last.year:
        return _part_of_year(first, last)
    parts = []
    begin, end = first.year, last.year
    if (first.month, first.day) != (1, 1):
        parts.append(_part_of_year(first, dt.date(begin, 12, 31)))
        begin += 1
    if (last.month, last.day) != (12, 31):
        parts.append(_part_of_year(dt.date(end, 1, 1), last))
        end -= 1
    return "|".join([*_whole_years(begin, end), *parts])


def _whole_years(first: int, last: int) -> list[str]:
    if first > last:
        return []
    years = digits_between(f"{first:04}", f"{last:04}")
    days = [f"({years})-({_MONTHS})"]
    return [*days, *(f"{found}-02-29" for found in _leap_years(first, last))]


def _leap_years(first: int, last: int) -> list[str]:
    """The leap years, in groups of centuries that have the same ones."""
    centuries: dict[tuple[str, ...], list[str]] = {}
    for century in range(first // 100, last // 100 + 1):
        years = range(max(first, century * 100), min(last, century * 100 + 99) + 1)
        if found := tuple(f"{year % 100:02}" for year in years if isleap(year)):
            centuries.setdefault(found, []).append(f"{century:02}")
    return [f"({'|'.join(of)})({_years(found)})" for found, of in centuries.items()]


def _years(found: tuple[str, ...]) -> str:
    """The last two digits of leap years."""
    in_full = len(found) >= 24
    return "|".join([*(["00"] if found[0] == "00" else ()), _LEAP_YEARS] if in_full else found)


def _part_of_year(first: dt.date, last: dt.date) -> str:
    months = []
    for month in range(first.month, last.month + 1):
        start = first.day if month == first.month else 1
        end = last.day if month == last.month else monthrange(first.year, month)[1]
        months.append(f"{month:02}-({digits_between(f'{start:02}', f'{end:02}')})")
    return f"{first.year:04}-({'|'.join(months)})"


def time_pattern(
    low: dt.time | None = None, high: dt.time | None = None, *, excluded: bool = False
) -> str | None:
    """The times of day from `low` to `high`, to the minute; None where there are none.

    excluded: whether `low` is none of them
    """
    first = 0
    if low is not None:
        begun = excluded or low.second or low.microsecond
        first = low.hour * 60 + low.minute + bool(begun)
    last = 24 * 60 - 1 if high is None else high.hour * 60 + high.minute - 1
    if first > last:
        return None
    hours = []
    for hour in range(first // 60, last // 60 + 1):
        start, end = max(first - hour * 60, 0), min(last - hour * 60, 59)
        hours.append((f"{hour:02}", digits_between(f"{start:02}", f"{end:02}")))
    minutes = dict.fromkeys(found for _, found in hours)
    parts = (f"({'|'.join(h for h, m in hours if m == found)}):({found})" for found in minutes)
    return f"({'|'.join(parts)}):{_SECONDS}"
