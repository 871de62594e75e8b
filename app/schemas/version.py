"""The version of a schema: a short hash of what it asks the model and checks in the answer.

Two things are hashed. The source code covers the prompt and the validators. The JSON Schemas cover
the types, wherever these are defined. The prompt's text itself is not hashed: if it contained
today's date, the version would change every day.
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
    """Twelve hexadecimal digits. The same input gives the same digits in every process."""
    hashed = json.dumps([list(sources), [_unordered(schema) for schema in json_schemas]])
    return hashlib.sha256(hashed.encode()).hexdigest()[:DIGITS]


def sources(file: Path) -> Iterator[str]:
    """The source of a schema's file and of the helpers beside it (`_*.py`).

    Comments and layout are removed, because they change nothing. A helper that is not valid Python
    is left out, as no schema can import it. Raises SyntaxError if `file` is not valid Python.
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
    """JSON with sorted lists: a list made of a set has another order in each process."""
    if isinstance(value, dict):
        return {key: _unordered(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return sorted(map(_unordered, value), key=json.dumps)
    return value
