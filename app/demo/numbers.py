"""Makes the demo model's numbers: within a JSON Schema's bounds, near its examples. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from random import Random
from typing import Any


def number(
    node: dict[str, Any], name: str, examples: Sequence[float], rng: Random, *, whole: bool
) -> int | float:
    """A number that satisfies the node, near the examples if the bounds allow it.

    It is computed in fractions, so a multiple of 0.05 is exact and integers may have any size.
    """
    step = Fraction(str(node.get("multipleOf", 1 if whole else "0.01")))
    least, most = _bound(node, "inimum", max), _bound(node, "aximum", min)
    low, high = _likely(name, [Fraction(str(example)) for example in examples])
    low = low if least is None else max(low, least)
    high = high if most is None else min(high, most)
    if low > high or (low == high and least != most):  # the bounds exclude what is likely
        low = least if least is not None else high - 50 * step
        high = most if most is not None else low + 50 * step
    first, last = math.ceil(low / step), math.floor(high / step)
    first += first * step == _exact(node.get("exclusiveMinimum"))
    last -= last * step == _exact(node.get("exclusiveMaximum"))
    if first > last and not whole and "multipleOf" not in node:
        return float((low + high) / 2)  # the bounds are narrower than a step
    if first > last:  # no multiple lies in the likely range: take the nearest allowed one
        first = last = first if most is None or first * step <= most else last
    value = rng.randint(first, last) * step
    return int(value) if whole else float(value)


def _exact(value: Any) -> Fraction | None:
    return None if value is None else Fraction(str(value))


def _bound(node: dict[str, Any], kind: str, tighter: Callable[..., Fraction]) -> Fraction | None:
    """The tighter of the inclusive and the exclusive bound; None if there is neither."""
    given = [Fraction(str(node[k])) for k in (f"m{kind}", f"exclusiveM{kind}") if k in node]
    return tighter(given) if given else None


def _likely(name: str, examples: Sequence[Fraction]) -> tuple[Fraction, Fraction]:
    """The range in which a number with this name and these examples is likely to lie."""
    if "year" in name.lower():
        return Fraction(1960), Fraction(2024)
    if not examples:
        return Fraction(1), Fraction(60)
    ends = [f * e for e in (min(examples), max(examples)) for f in (Fraction(3, 5), Fraction(7, 5))]
    return min(ends), max(ends)
