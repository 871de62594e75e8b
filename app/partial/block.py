"""Finished parts of a long value, kept as JSON text.

As Python objects they would take up to thirty times as much memory: 64 bytes for each `{}`. In
the shown value, the first elements of a long list are `Block`s, and so may be the members of a
long object. The functions below read a value with or without blocks. They look for a block by
bisection, because a list of a megabyte has hundreds.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import inf
from typing import Any, Final

import msgspec

_split = msgspec.json.Decoder(list[msgspec.Raw])


LARGE: Final = 16384
"""Bytes of JSON. A longer element stays a Python object: its own long parts are in blocks
already, and a reader of one part need not parse all of it."""


class Block:
    """`count` elements that follow each other in a list.

    json: the JSON of the elements with commas between them; None for a single large element
    value: the large element
    start: the index of the first of them
    """

    __slots__ = ("count", "json", "start", "value")

    def __init__(
        self, count: int, json: bytes | None, value: Any = None, *, start: int = 0
    ) -> None:
        self.count = count
        self.json = json
        self.value = value
        self.start = start

    @property
    def end(self) -> int:
        """The index after the last of them."""
        return self.start + self.count

    def element(self, index: int) -> Any:
        return self.value if self.json is None else msgspec.json.decode(self._parts()[index])

    def elements(self) -> list[Any]:
        if self.json is None:
            return [self.value]
        found: list[Any] = msgspec.json.decode(b"[%b]" % self.json)
        return found

    def cut(self, start: int, end: int) -> Block:
        """A block of the elements from `start` to `end`."""
        if start <= 0 and end >= self.count:
            return self
        parts = self._parts()[max(start, 0) : end]
        return Block(len(parts), b",".join(bytes(part) for part in parts))

    def _parts(self) -> Sequence[bytes | msgspec.Raw]:
        """The JSON of each element."""
        assert self.json is not None
        return [self.json] if self.count == 1 else _split.decode(b"[%b]" % self.json)


def member(container: Any, step: Any) -> Any:
    """The value at a key or an index, also inside a block. Raises LookupError."""
    if type(container) is not list:
        found = container[step]
        return found.element(0) if type(found) is Block else found
    found = container[folded_index(container, step)]
    return found.element(step - found.start) if type(found) is Block else found


def folded_index(container: Sequence[Any], index: int) -> int:
    """The index in the Python list of an element, or of the block that holds it."""
    if not container or type(container[0]) is not Block:
        return index
    # The blocks that begin at it or before.
    count = bisect_right(container, float(index), key=_start)
    last = container[count - 1]
    return count - 1 if index < last.end else count + index - last.end


def length(container: Sequence[Any]) -> int:
    """How many elements a list has."""
    if not container or type(container[0]) is not Block:
        return len(container)
    count = bisect_left(container, inf, key=_start)  # all blocks
    return len(container) - count + int(container[count - 1].end)


def elements(container: Sequence[Any], start: int, end: int) -> list[Any]:
    """The elements of a list from `start` to `end`."""
    found: list[Any] = []
    for part in pieces(container, start, end):
        found += part.elements() if type(part) is Block else [part]
    return found


def pieces(container: Sequence[Any], start: int, end: int) -> list[Any]:
    """The elements of a list from `start` to `end`. Some of them may be in blocks."""
    found: list[Any] = []
    at = folded_index(container, start)
    while start < end and at < len(container):
        part = container[at]
        is_block = type(part) is Block
        found.append(part.cut(start - part.start, end - part.start) if is_block else part)
        start = part.end if is_block else start + 1
        at += 1
    return found


def _start(part: Any) -> float:
    """The index at which a block begins. What is no block comes after all blocks."""
    return part.start if type(part) is Block else inf
