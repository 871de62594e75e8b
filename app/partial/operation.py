"""The operations that build up a value.

RFC 6902's `add` and `replace`, and `append`, which adds text to the end of a string. A
path is the tuple of keys and indices from the root: `()` is the whole value.
"""

from __future__ import annotations

from typing import Any

import msgspec

Path = tuple[str | int, ...]


class Append(msgspec.Struct, frozen=True, tag="append", gc=False):
    """`value` goes to the end of the string at `path`."""

    path: Path
    value: str


class Add(msgspec.Struct, frozen=True, tag="add"):
    """`value` is a new member of the object, or the new last element of the list."""

    path: Path
    value: Any


class Replace(msgspec.Struct, frozen=True, tag="replace"):
    """`value` takes the place of what is at `path`."""

    path: Path
    value: Any


Operation = Append | Add | Replace
