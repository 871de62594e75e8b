"""Makes a string that a regular expression matches, for the demo model. Pure."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from importlib import import_module
from random import Random
from typing import Any, Final

# The parser of `re` is private. It has had this name since Python 3.11.
_parser: Final[Any] = import_module("re._parser")

alphabet: Final = string.ascii_lowercase + string.digits + string.ascii_uppercase + "-_. "
categories: Final = {
    "CATEGORY_DIGIT": string.digits, "CATEGORY_SPACE": " ",
    "CATEGORY_WORD": string.ascii_lowercase, "CATEGORY_NOT_DIGIT": string.ascii_lowercase,
    "CATEGORY_NOT_SPACE": string.ascii_lowercase, "CATEGORY_NOT_WORD": "-",
}  # fmt: skip


def compiled(pattern: object) -> re.Pattern[str] | None:
    """The pattern, or None if Python can't read it. Rust and JavaScript have other syntax."""
    try:
        return re.compile(pattern) if isinstance(pattern, str) else None
    except re.error:
        return None


def from_pattern(pattern: re.Pattern[str], rng: Random, fits: Callable[[str], bool]) -> str | None:
    """A string that the pattern matches and that fits; None if no attempt succeeds.

    Look-around is ignored while writing. `fits` rejects a string that violates it.
    """
    tree = _parser.parse(pattern.pattern)
    for attempt in range(60):
        made = _Maker(rng, more=attempt % 20).sequence(tree)
        if fits(made):
            return made
    return None


class _Maker:
    """Writes text by following a parsed pattern.

    more: how often something may be repeated beyond its least number
    """

    def __init__(self, rng: Random, more: int) -> None:
        self._rng = rng
        self._more = more
        self._groups: dict[int, str] = {}

    def sequence(self, tree: Any) -> str:
        return "".join(self._one(str(op), argument) for op, argument in tree)

    def _one(self, op: str, argument: Any) -> str:
        match op:
            case "LITERAL":
                return chr(argument)
            case "NOT_LITERAL":
                return self._rng.choice(alphabet.replace(chr(argument), ""))
            case "ANY":
                return self._rng.choice(string.ascii_lowercase)
            case "IN":
                return self._rng.choice(self._members(argument))
            case "BRANCH":
                return self.sequence(self._rng.choice(argument[1]))
            case "SUBPATTERN":
                made = self.sequence(argument[3])
                self._groups[argument[0]] = made
                return made
            case "ATOMIC_GROUP":
                return self.sequence(argument)
            case "GROUPREF":
                return self._groups.get(argument, "")
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                least, most, tree = argument
                times = self._rng.randint(least, min(int(most), least + self._more))
                return "".join(self.sequence(tree) for _ in range(times))
        return ""  # anchors and look-around match no text of their own

    def _members(self, items: Any) -> str:
        negated = str(items[0][0]) == "NEGATE"
        members = "".join(self._member(str(op), argument) for op, argument in items)
        if negated:
            return "".join(c for c in alphabet if c not in members) or "~"
        return members or "~"

    def _member(self, op: str, argument: Any) -> str:
        match op:
            case "LITERAL":
                return chr(argument)
            case "RANGE":
                low, high = argument
                return "".join(map(chr, range(low, min(high, low + 255) + 1)))
            case "CATEGORY":
                return categories.get(str(argument), "x")
        return ""
