"""Elements of a list that are kept from an answer which has failed, for the next answer.

The next answer gives the rest of the list alone. What is kept is not validated again, so that a
default factory runs once for each element, and the list's own validators see the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from app.partial.block import Block
from app.partial.scan import Scanner
from app.partial.value import dumps

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(frozen=True, slots=True)
class Kept:
    """The first elements of a list, closed and valid.

    count: how many there are, at least one
    json: their JSON as it is shown, with commas between them
    values: the validated elements; empty if the list does not keep them
    text: an answer with these elements alone, as models have written them; empty if the list
        needs no proof
    null_is_absent: whether nulls stand for absent members in that text
    """

    count: int
    json: bytes
    values: Sequence[Any] = ()
    text: bytes = b""
    null_is_absent: bool = False

    @property
    def shown(self) -> list[Any]:
        """A new list of them as it is shown, with a `Block`."""
        return [Block(self.count, self.json)]


def joined(texts: Sequence[bytes], key: str) -> bytes:
    """One answer of several: the lists that they have at a key, as one list."""
    return of_elements([bytes(_members(text)[key]).strip()[1:-1].strip() for text in texts], key)


def of_elements(elements: Sequence[bytes], key: str) -> bytes:
    """An answer that has these elements at a key. Empty ones are left out."""
    return dumps(key).join((b"{", b":[")) + b",".join(filter(None, elements)) + b"]}"


def elements_of(text: bytes, key: str) -> list[bytes]:
    """The texts of the complete elements at a key, in an answer that may break off anywhere."""
    found = _Elements(key)
    with suppress(_NotJson):
        Scanner(found, bare=True).feed(text.decode())
    return found.texts


class _NotJson(Exception):
    """The text is no JSON from here on."""


class _Elements:
    """Is told the tokens of an answer, and collects the elements of the list at a key."""

    def __init__(self, key: str) -> None:
        self.texts: list[bytes] = []
        self._key = key
        self._name = ""
        self._depth = 0

    def begin(self, first: str) -> bool:
        is_list = self._depth == 1 and self._name == self._key
        enters = first in "{[" and (self._depth == 0 or is_list)
        self._depth += enters
        return enters

    def key(self, name: str) -> None:
        self._name = name

    def whole(self, text: str) -> None:
        if self._depth == 2:
            self.texts.append(text.encode())

    def close(self) -> None:
        self._depth -= 1

    def text(self, piece: str) -> None:
        """No string comes in parts."""

    def string(self, piece: str) -> None:
        """No string comes in parts."""

    def refuse(self, message: str) -> Exception:
        return _NotJson()
