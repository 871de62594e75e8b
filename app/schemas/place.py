"""Where in a schema's file something is wrong."""

from __future__ import annotations

import ast
import re
import traceback
from pathlib import Path


def line_of(error: BaseException, file: Path) -> int | None:
    """The line of a file in which an exception was raised, or on the way to where."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == file]
    return lines[-1] if lines else None


def line_of_part(file: Path, reason: str) -> int | None:
    """The line of the part of `schema = Schema(…)` that a reason is about.

    It is about the first part whose name it has; if it has none, about all of it. None if the
    file can't be read or has no such statement.
    """
    call = _call(file)
    if call is None:
        return None
    parts = {part.arg: part.value.lineno for part in call.keywords if part.arg}
    return next((parts[word] for word in re.findall(r"\w+", reason) if word in parts), call.lineno)


def _call(file: Path) -> ast.Call | None:
    try:
        body = ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return None
    for statement in reversed(body):
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
            names = {target.id for target in statement.targets if isinstance(target, ast.Name)}
            if "schema" in names:
                return statement.value
    return None
