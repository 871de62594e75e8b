"""Draws people, places and companies for the demo model. What one object says of one belongs
together: the address is that of the person, the postcode that of the city. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from random import Random
from typing import Any, Final

from app.demo.names import COMPANIES, FIRST, JOBS, LAST, PLACE, PLACES, PRODUCTS

_LISTS: Final = {"company": COMPANIES, "product": PRODUCTS, "job": JOBS}


class Facts:
    """What is drawn. Each object begins with new people and places: see `inside`."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._decks: dict[str, list[Any]] = {}
        self._drawn = 0
        self._known: dict[str, str | float] = {}
        self.begun: date | None = None

    def inside(self) -> dict[str, str | float]:
        """Begin an object. Gives what the one around it knows, for `back`."""
        around, self._known = self._known, {}
        self.begun = None
        return around

    def back(self, around: dict[str, str | float]) -> None:
        """Go back to the object around."""
        self._known = around

    def get(self, kind: str) -> str:
        """A fact of the object: one of `PLACE`, of `_LISTS`, or about its person.

        A second person, company or product of the same object is another one.
        """
        if kind in PLACE or kind in ("address", "location"):
            return str(self._of_place(kind))
        if kind in _LISTS:
            return str(self._turn(kind, _LISTS[kind]))
        if kind in ("phone", "isbn", "code number"):
            return self._number(kind)
        return str(self._of_person(kind))

    def coordinate(self, kind: str) -> float:
        """The latitude or the longitude of the object's place."""
        return float(self._of_place(kind))

    def _of_place(self, kind: str) -> str | float:
        if "city" not in self._known:
            row = self._turn("place", PLACES)
            self._known |= dict(zip(PLACE, row, strict=True))
        known = self._known
        known["address"] = f"{known['street']}, {known['city']}"
        known["location"] = f"{known['venue']}, {known['city']}"
        return known[kind]

    def _of_person(self, kind: str) -> str | float:
        if kind not in self._known:
            self._draw_person()
        found = self._known[kind]
        if kind == "person":  # the next one of the same object is somebody else
            del self._known[kind]
        return found

    def _draw_person(self) -> None:
        first, last = self._turn("first", FIRST), self._turn("last", LAST)
        self._drawn += 1
        if self._drawn % len(FIRST) == 0:  # the next round has other last names
            self._turn("last", LAST)
        plain = f"{_ascii(first)}.{_ascii(last)}"
        self._known |= {
            "first": first, "last": last, "person": f"{first} {last}",
            "email": f"{plain}@example.com", "user": plain.replace(".", "_"),
            "initials": first[0] + last[0],
        }  # fmt: skip

    def _turn(self, kind: str, all_of: Sequence[Any]) -> Any:
        """The next of a kind, in an order that is drawn; after the last one the first again."""
        deck = self._decks.get(kind)
        if deck is None:
            deck = self._decks[kind] = self._rng.sample(all_of, len(all_of))
        deck.insert(0, found := deck.pop())
        return found

    def _number(self, kind: str) -> str:
        if kind == "phone":
            return f"+1 202 555 01{self._rng.randint(10, 99)}"
        if kind == "isbn":
            return _isbn(f"978030640{self._rng.randint(100, 999)}")
        return f"A-{self._rng.randint(1000, 9999)}"


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]", "", plain)


def _isbn(digits: str) -> str:
    """An ISBN with its check digit. https://www.isbn-international.org/content/isbn-users-manual"""
    total = sum(int(digit) * (1, 3)[at % 2] for at, digit in enumerate(digits))
    return f"{digits}{-total % 10}"
