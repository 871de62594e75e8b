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
    """A deep copy."""
    if isinstance(value, dict):
        return {key: copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copy(item) for item in value]
    return str(value) if isinstance(value, Growing) else value


ORJSON_BYTES = 2048
"""Copying longer bytes would cost more than it saves."""


def dumps(value: Any) -> bytes:
    """Compact JSON on a single line of UTF-8. Infinities become null.

    All characters at which Python's `str.splitlines` breaks lines are escaped. Otherwise a model's
    text could forge an event for clients that use it, such as `iter_lines` of httpx.
    """
    try:
        data = orjson.dumps(value, default=_stand_in)
    except TypeError:  # an integer of more than 64 bits
        data = to_json(plain(value), inf_nan_mode="null")
    if not data.isascii():
        for character, escape in _LINE_BREAKS:
            data = data.replace(character, escape)
    # Bytes from orjson occupy 4 KB even if they are short. A copy takes only what it needs.
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
    """The elements that an item of a list stands for: several, if it is a block."""
    if isinstance(part, Block):
        return plain(part.elements())
    return [plain(part)]


def _stand_in(part: object) -> Any:
    """The object that orjson writes for a block or a growing string."""
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
    """Whether a plain value contains null."""
    if isinstance(value, dict):
        return any(map(has_null, value.values()))
    return any(map(has_null, value)) if isinstance(value, list) else value is None


def holds_numbers(written: Any, value: Any) -> bool:
    """Whether no number of a value has become null in its written form."""
    if isinstance(value, float):
        return written is not None or math.isfinite(value)
    if isinstance(value, dict) and isinstance(written, dict):
        return all(map(holds_numbers, written.values(), value.values()))  # keys are written, too
    if isinstance(value, list | tuple | set | frozenset | deque) and isinstance(written, list):
        return all(map(holds_numbers, written, value))
    return True


def loads(text: str) -> Any:
    """Parse JSON as strictly as the decoder: without NaN, repeated keys and lone surrogates.

    Raises ValueError, also if the nesting is too deep for Python's parser.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
        if _surrogate.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def depth(value: Any) -> int:
    """The depth of nested containers."""
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
