"""Plain JSON values: copied, compared, written and read."""

from __future__ import annotations

import json
import math
import re
from collections import deque
from typing import Any

import orjson
from pydantic_core import to_json

from app.partial.block import Block
from app.partial.growing import Growing

_lone = re.compile("[\ud800-\udfff]")
_surrogate = re.compile(r"\\u[dD][89a-fA-F]")
_LINE_BREAKS = [(c.encode(), b"\\u%04x" % ord(c)) for c in "\x85\u2028\u2029"]


def copy(value: Any) -> Any:
    """A copy whose objects and lists are its own."""
    if isinstance(value, dict):
        return {key: copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copy(item) for item in value]
    return str(value) if isinstance(value, Growing) else value


ORJSON_BYTES = 2048
"""From here on a copy would cost more than what it saves."""


def dumps(value: Any) -> bytes:
    """Compact JSON, one line of UTF-8 to every reader. Infinities become null.

    What JSON may hold but Python's `str.splitlines` breaks at is escaped: to the `iter_lines`
    of httpx and others, a model's text could forge an event with it.
    """
    try:
        data = orjson.dumps(value, default=_stand_in)
    except TypeError:  # an integer of more than 64 bits
        data = to_json(plain(value), inf_nan_mode="null")
    if not data.isascii():
        for character, escape in _LINE_BREAKS:
            data = data.replace(character, escape)
    # What orjson returns keeps 4 KB of memory, however short it is: a copy takes what it needs.
    return bytes(memoryview(data)) if len(data) < ORJSON_BYTES else data


def is_blank(value: Any) -> bool:
    """Whether nothing in a value is known yet."""
    if isinstance(value, dict):
        return all(map(is_blank, value.values()))
    if isinstance(value, list):
        return all(map(is_blank, value))
    return value is None or value == ""


def plain(value: Any) -> Any:
    """A copy without blocks and growing strings."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [item for part in value for item in _elements(part)]
    return plain(value.element(0)) if isinstance(value, Block) else copy(value)


def _elements(part: Any) -> Any:
    """What a place in a list stands for."""
    if isinstance(part, Block):
        return plain(part.elements())
    return [plain(part)]


def _stand_in(part: object) -> Any:
    """What orjson writes instead."""
    if isinstance(part, Block):
        return part.value if part.json is None else orjson.Fragment(part.json)
    if isinstance(part, Growing):
        return str(part)
    raise TypeError


def is_json(value: Any) -> bool:
    """Whether JSON can hold a plain value: it has no NaN, no infinity and no lone surrogate."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, str):
        return value.isascii() or not _lone.search(value)
    if isinstance(value, dict):
        return all(is_json(key) and is_json(item) for key, item in value.items())
    return all(map(is_json, value)) if isinstance(value, list) else True


def has_null(value: Any) -> bool:
    """Whether null is in a plain value."""
    if isinstance(value, dict):
        return any(map(has_null, value.values()))
    return any(map(has_null, value)) if isinstance(value, list) else value is None


def holds_numbers(written: Any, value: Any) -> bool:
    """Whether what was made of a value has something else than null for each of its numbers."""
    if isinstance(value, float):
        return written is not None or math.isfinite(value)
    if isinstance(value, dict) and isinstance(written, dict):
        return all(map(holds_numbers, written.values(), value.values()))  # keys are written, too
    if isinstance(value, list | tuple | set | frozenset | deque) and isinstance(written, list):
        return all(map(holds_numbers, written, value))
    return True


def loads(text: str) -> Any:
    """The value of a JSON text, as strict as the decoder: no NaN, key twice or lone surrogate.

    Raises ValueError, also where it is nested more deeply than Python's own parser bears.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
        if _surrogate.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def depth(value: Any) -> int:
    """How many containers stand inside each other."""
    count, level = 0, [value]
    while level := [part for part in level if isinstance(part, (dict, list))]:
        count += 1
        level = [
            part for held in level for part in (held.values() if isinstance(held, dict) else held)
        ]
    return count


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError("not a JSON number")
