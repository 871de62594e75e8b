"""Finished parts of a long value, kept as JSON text.

As Python objects they would take up to thirty times as much memory: 64 bytes for each `{}`. In
the shown value, the first elements of a long list are `Block`s, and so may be the members of a
long object. The functions `member`, `length` and `pieces` read a value with or without blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    """

    __slots__ = ("count", "json", "value")

    def __init__(self, count: int, json: bytes | None, value: Any = None) -> None:
        self.count = count
        self.json = json
        self.value = value

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
    if type(container) is list and container and type(container[0]) is Block:
        block, step = _find(container, step)
        if block is not None:
            return block.element(step)
    found = container[step]
    return found.element(0) if type(found) is Block else found


def _find(container: list[Any], index: int) -> tuple[Block | None, int]:
    """The block that an element is in, and its index there. None: the index is in the list."""
    for number, block in enumerate(container):
        if type(block) is not Block:
            return None, number + index
        if index < block.count:
            return block, index
        index -= block.count
    raise IndexError


def length(container: Sequence[Any]) -> int:
    """How many elements a list has."""
    count = len(container)
    for block in container:
        if type(block) is not Block:
            break
        count += block.count - 1
    return count


def elements(container: Sequence[Any], start: int, end: int) -> list[Any]:
    """The elements of a list from `start` to `end`."""
    found: list[Any] = []
    for part in pieces(container, start, end):
        found += part.elements() if type(part) is Block else [part]
    return found


def pieces(container: Sequence[Any], start: int, end: int) -> list[Any]:
    """The elements of a list from `start` to `end`. Some of them may be in blocks."""
    found: list[Any] = []
    at = 0
    for part in container:
        count = part.count if type(part) is Block else 1
        if at >= end:
            break
        if at + count > start:
            found.append(part.cut(start - at, end - at) if type(part) is Block else part)
        at += count
    return found
