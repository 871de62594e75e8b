"""The version of a schema: a short hash of what it asks the model and checks in the answer.

Two things are hashed. The source says what the prompt is and what validators do. The JSON
Schemas say what the types are, wherever these come from. The prompts themselves are not made
for this: one that holds today's date would give another version every day.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

DIGITS: Final = 12


def version(sources: Iterable[str], json_schemas: Iterable[Any]) -> str:
    """Twelve hexadecimal digits: the same in every process, as long as what goes in is."""
    hashed = json.dumps([list(sources), [_unordered(schema) for schema in json_schemas]])
    return hashlib.sha256(hashed.encode()).hexdigest()[:DIGITS]


def sources(file: Path) -> Iterator[str]:
    """The source of a schema's file and of the helpers beside it (`_*.py`).

    It comes without comments and layout, which change nothing. A helper that is no Python is
    left out: no schema can import it. Raises SyntaxError for a file that is no Python.
    """
    yield _bare(file)
    for helper in sorted(file.parent.glob("_*.py")):
        try:
            yield _bare(helper)
        except SyntaxError:
            continue


def _bare(file: Path) -> str:
    return ast.unparse(ast.parse(file.read_bytes()))


def _unordered(value: Any) -> Any:
    """JSON whose lists are sorted: what comes from a set has another order in each process."""
    if isinstance(value, dict):
        return {key: _unordered(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return sorted(map(_unordered, value), key=json.dumps)
    return value
