"""Regular expressions of the numbers in a range, as text.

Like all that a model is asked to follow, they keep to what every converter to a grammar knows:
characters, classes of them, groups, alternatives and counted repetitions.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Final

WHOLE_DIGITS: Final = 15
"""Digits before the point where nothing bounds them: as many as a JSON number keeps."""

PLACES: Final = 9
"""Digits after the point where nothing bounds them."""

_EXACT: Final = Context(prec=200)


def decimal_pattern(
    low: Decimal | None = None, high: Decimal | None = None, places: int = PLACES
) -> str | None:
    """The decimals from `low` to `high` that have so many places after the point, at most.

    A bound that is None is no bound. The decimals have neither an exponent nor leading zeros.
    Returns None if there are none.
    """
    first, last = _units(low, high, places)
    if first > last:
        return None
    if first == -last and low is None:
        return f"-?({_magnitudes(0, last, places)})"
    parts = []
    if first < 0:
        parts.append(f"-({_magnitudes(max(-last, 0), -first, places)})")
    if last >= 0:
        parts.append(_magnitudes(max(first, 0), last, places))
    return "|".join(parts)


def _units(low: Decimal | None, high: Decimal | None, places: int) -> tuple[int, int]:
    """The bounds, counted in the smallest step that there is."""
    step = Decimal(1).scaleb(-places)
    first = None if low is None else int((low / step).to_integral_value(ROUND_CEILING, _EXACT))
    last = None if high is None else int((high / step).to_integral_value(ROUND_FLOOR, _EXACT))
    digits = max(WHOLE_DIGITS + places, len(str(first or 0)) + 1, len(str(last or 0)) + 1)
    end: int = 10**digits - 1
    return (-end if first is None else first, end if last is None else last)


def _magnitudes(first: int, last: int, places: int) -> str:
    """The numbers from `first` to `last` units, none of them negative."""
    one = 10**places
    low, high = first // one, last // one
    from_, to = _digits(first % one, places), _digits(last % one, places)
    if low == high:
        return f"{low}{_fractions(from_, to)}"
    parts = []
    if from_.strip("0"):
        parts.append(f"{low}{_fractions(from_, '9' * places)}")
        low += 1
    if to.strip("9"):
        parts.append(f"{high}{_fractions('0' * places, to)}")
        high -= 1
    if low <= high:
        wholes = _grouped(_wholes(low, high))
        parts.insert(0, wholes + _fractions("0" * places, "9" * places))
    return "|".join(parts)


def _digits(value: int, places: int) -> str:
    return str(value).zfill(places) if places else ""


def _fractions(low: str, high: str) -> str:
    """The point and the digits after it, which may lack where zeros stand for them."""
    if not low:
        return ""
    found = rf"\.{_grouped(_tails(low, high))}"
    return found if low.strip("0") else f"({found})?"


def _tails(low: str, high: str) -> str:
    """One digit or more from `low` to `high`, where zeros stand for those that lack."""
    count = len(low)
    if not low.strip("0") and not high.strip("9"):
        return any_digits(1, count)
    if low[0] == high[0]:
        return low[0] + _more(low[1:], high[1:])
    parts = [low[0] + _more(low[1:], "9" * (count - 1))]
    if int(high[0]) - int(low[0]) > 1:
        between = digits_between(chr(ord(low[0]) + 1), chr(ord(high[0]) - 1))
        parts.append(between + any_digits(0, count - 1))
    parts.append(high[0] + _more("0" * (count - 1), high[1:]))
    return "|".join(parts)


def _more(low: str, high: str) -> str:
    if not low:
        return ""
    tails = _tails(low, high)
    return f"({tails})?" if not low.strip("0") else _grouped(tails)


def _wholes(low: int, high: int) -> str:
    """The integers from `low` to `high`, none of them negative."""
    parts = []
    for count in range(len(str(low)), len(str(high)) + 1):
        first = max(low, 10 ** (count - 1) if count > 1 else 0)
        last = min(high, 10**count - 1)
        parts.append((first, last, count))
    full = [n for first, last, n in parts if n > 1 and (first, last) == (10 ** (n - 1), 10**n - 1)]
    said = [digits_between(str(a), str(b)) for a, b, n in parts if n not in full]
    if full:
        said.append("[1-9]" + any_digits(full[0] - 1, full[-1] - 1))
    return "|".join(said)


def digits_between(low: str, high: str) -> str:
    """The texts of digits from `low` to `high`, which are equally long."""
    if not low:
        return ""
    count = len(low)
    if low[0] == high[0]:
        rest = digits_between(low[1:], high[1:])
        return low[0] + (f"({rest})" if "|" in rest else rest)
    parts = []
    first, last = int(low[0]), int(high[0])
    if low[1:].strip("0"):
        parts.append(low[0] + _grouped(digits_between(low[1:], "9" * (count - 1))))
        first += 1
    if high[1:].strip("9"):
        parts.append(high[0] + _grouped(digits_between("0" * (count - 1), high[1:])))
        last -= 1
    if first <= last:
        rest = any_digits(count - 1, count - 1)
        parts.insert(0, (f"[{first}-{last}]" if first < last else str(first)) + rest)
    return "|".join(parts)


def any_digits(least: int, most: int) -> str:
    """So many digits, whatever they are."""
    if most == 0:
        return ""
    times = {(1, 1): "", (0, 1): "?"}.get((least, most), f"{{{least},{most}}}")
    return f"[0-9]{f'{{{least}}}' if least == most > 1 else times}"


def _grouped(pattern: str) -> str:
    return f"({pattern})" if "|" in pattern else pattern
