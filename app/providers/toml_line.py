"""On which line of a TOML text something stands: Python's parser does not tell it of a value."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

Path = Sequence[str | int]
"""A place in a parsed text: keys of tables, and indices of arrays."""

_at = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def of_error(text: str, error: Exception) -> tuple[int, str]:
    """The line of what `tomllib` could not parse, and its words, which quote no value."""
    if not isinstance(error, tomllib.TOMLDecodeError):
        return _last(text), "Too long a number, or nested too deeply"
    found = _at.search(str(error))
    line = int(found[1]) if found and found[1] else _last(text)
    return line, _at.sub("", str(error))


def holds(document: Any, path: Path) -> bool:
    """Whether a parsed text has this place."""
    for part in path:
        is_there = (
            part in document
            if isinstance(document, dict)
            else isinstance(document, list) and isinstance(part, int) and part < len(document)
        )
        if not is_there:
            return False
        document = document[part]
    return True


def of_place(text: str, path: Path) -> int:
    """The line on which the statement begins that makes a place; the first if none makes it.

    text: a text that can be parsed

    Such a text can be parsed up to the end of each statement, too. The one that makes the place
    is that at whose end the place is there for the first time.
    """
    lines = text.split("\n")
    ends = list(_ends(lines))

    def is_made(end: int) -> bool:
        return holds(tomllib.loads("\n".join(lines[:end])), path)

    index = bisect_left(ends, True, key=is_made)
    return ends[index - 1] + 1 if 0 < index < len(ends) else 1


def _last(text: str) -> int:
    """The line on which the last statement begins, or what can't be parsed as one."""
    lines = text.split("\n")
    return max(end for end in (0, *_ends(lines)) if end < len(lines)) + 1


def _ends(lines: list[str]) -> Iterator[int]:
    """The number of lines up to the end of each statement. A table's header is one, too."""
    start = 0
    for end in range(1, len(lines) + 1):
        if _parses("\n".join(lines[start:end])):
            yield end
            start = end


def _parses(text: str) -> bool:
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
