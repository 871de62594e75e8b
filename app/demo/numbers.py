"""Makes the demo model's numbers: within a JSON Schema's bounds, near its examples. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from random import Random
from typing import Any, Final

from app.demo.field_name import said


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


def is_valid(node: dict[str, Any], value: float) -> bool:
    """Whether a number is of the node's type and within its bounds."""
    kind = node.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    if isinstance(value, bool) or ("integer" in kinds and value != int(value)):
        return False
    if not {"integer", "number"} & {*kinds}:
        return False
    least, most = _bound(node, "inimum", max), _bound(node, "aximum", min)
    exact = Fraction(str(value))
    return (
        (least is None or least <= exact)
        and (most is None or exact <= most)
        and exact
        not in (_exact(node.get("exclusiveMinimum")), _exact(node.get("exclusiveMaximum")))
        and ("multipleOf" not in node or exact % Fraction(str(node["multipleOf"])) == 0)
    )


def _exact(value: Any) -> Fraction | None:
    return None if value is None else Fraction(str(value))


def _bound(node: dict[str, Any], kind: str, tighter: Callable[..., Fraction]) -> Fraction | None:
    """The tighter of the inclusive and the exclusive bound; None if there is neither."""
    given = [Fraction(str(node[k])) for k in (f"m{kind}", f"exclusiveM{kind}") if k in node]
    return tighter(given) if given else None


_LIKELY: Final = (
    (r"year|founded|established|since|published|released|born", 1960, 2025),
    (r"age", 18, 80),
    (r"rating|stars?|grade", 3, 5),
    (
        r"confidence|probability|likelihood|relevance|share|ratio",
        Fraction(11, 20),
        Fraction(49, 50),
    ),
    (r"percent|percentage|score|progress", 55, 98),
    (r"capacity|seats|attendees", 20, 400),
    (r"employees|members|staff", 12, 900),
    (r"price|cost|fee", 5, 90),
    (r"budget|salary|revenue|total|sum", 500, 9000),
    (r"population|inhabitants", 20_000, 900_000),
    (r"month", 1, 12),
    (r"day", 1, 28),
    (r"hour", 8, 19),
    (r"pages?", 120, 480),
    (r"servings?|quantity|qty|people|guests?|rank|position|number|order|level|priority", 1, 8),
    (r"minutes?|duration", 10, 90),
    (r"calories|kcal", 180, 620),
    (r"temperature", 4, 28),
)
"""The range in which a number is likely to lie whose name, in words, has one of these."""


def _likely(name: str, examples: Sequence[Fraction]) -> tuple[Fraction, Fraction]:
    """The range in which a number with this name and these examples is likely to lie."""
    if examples:
        low, high = min(examples), max(examples)
        ends = [f * e for e in (low, high) for f in (Fraction(3, 5), Fraction(7, 5))]
        return (low, high) if "year" in name.lower() and low < high else (min(ends), max(ends))
    words = said(name)
    for pattern, least, most in _LIKELY:
        if re.search(rf"\b({pattern})\b", words):
            return Fraction(least), Fraction(most)
    return Fraction(1), Fraction(60)
