"""A long string that grows.

Appending to a Python string copies the whole string. A string of a million characters that comes
in pieces of sixteen would be copied 60,000 times.
"""

from __future__ import annotations

from typing import Final

PART: Final = 4096
"""The least characters of a `Growing`. Shorter strings are plain strings."""


class Growing:
    """A string in parts. `str` joins them."""

    __slots__ = ("_length", "_parts", "_tail")

    def __init__(self, text: str) -> None:
        self._parts = [text]
        self._tail = ""
        self._length = len(text)

    def __len__(self) -> int:
        return self._length

    def __str__(self) -> str:
        return "".join([*self._parts, self._tail])

    def append(self, piece: str) -> None:
        self._length += len(piece)
        self._tail += piece
        if len(self._tail) >= PART:
            self._parts.append(self._tail)
            self._tail = ""

    def since(self, position: int) -> str:
        """The characters from `position` on. The cost depends only on their number."""
        missing = self._length - position
        if 0 < missing <= len(self._tail):
            return self._tail[-missing:]
        found = [self._tail]
        missing -= len(self._tail)
        for part in reversed(self._parts):
            if missing <= 0:
                break
            found.append(part)
            missing -= len(part)
        return "".join(reversed(found))[-missing if missing < 0 else 0 :]


def grown(text: str | Growing, piece: str) -> str | Growing:
    """A string with `piece` appended. A `Growing` is changed and returned."""
    if isinstance(text, str):
        text = text + piece
        return text if len(text) < PART else Growing(text)
    text.append(piece)
    return text
