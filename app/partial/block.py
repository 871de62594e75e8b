"""Finished parts of a long value, kept as their JSON.

As Python objects they would take up to thirty times as much: 64 bytes for each `{}`. In what
is shown, the first elements of a long list are `Block`s, and so may be a member of a long
object. `member` and `elements` read a value as if there were none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

_split = msgspec.json.Decoder(list[msgspec.Raw])


LARGE: Final = 16384
"""Bytes of JSON. A longer element is kept as it is, since what is long inside it is in blocks
already, and who looks into it need not read all of it."""


class Block:
    """`count` elements that follow each other in a list.

    json: their JSON, commas between them; None for one large element, which is `value`
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
        """Some of the elements."""
        if start <= 0 and end >= self.count:
            return self
        parts = self._parts()[max(start, 0) : end]
        return Block(len(parts), b",".join(bytes(part) for part in parts))

    def _parts(self) -> Sequence[bytes | msgspec.Raw]:
        """The JSON of each element."""
        assert self.json is not None
        return [self.json] if self.count == 1 else _split.decode(b"[%b]" % self.json)


def member(container: Any, step: Any) -> Any:
    """What is at a key or an index of plain JSON that may hold blocks. Raises LookupError."""
    if type(container) is list and container and type(container[0]) is Block:
        block, step = _find(container, step)
        if block is not None:
            return block.element(step)
    found = container[step]
    return found.element(0) if type(found) is Block else found


def _find(container: list[Any], index: int) -> tuple[Block | None, int]:
    """The block that an element is in, and where; None: it is in the list itself."""
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
    """The elements of a list from `start` to `end`, some of them in blocks."""
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
