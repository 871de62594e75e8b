"""Where in a schema's file something is wrong."""

from __future__ import annotations

import ast
import re
import traceback
from pathlib import Path
from typing import TypeGuard

from pydantic.errors import PydanticUndefinedAnnotation


def line_of(error: BaseException, file: Path) -> int | None:
    """The line of a file in which an exception was raised, or on the way to where.

    Of a name in a postponed annotation that is not defined, it is the first line with that name.
    """
    if isinstance(error, PydanticUndefinedAnnotation):
        return _line_of_name(file, error.name)
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == file]
    return lines[-1] if lines else None


def _line_of_name(file: Path, name: str | None) -> int | None:
    """The first line of code that uses a name, also in quotes."""
    nodes = ast.walk(ast.parse(file.read_bytes()))
    lines = [
        node.lineno
        for node in nodes
        if (isinstance(node, ast.Name) and node.id == name)
        or (isinstance(node, ast.Constant) and node.value == name)
    ]
    return min(lines, default=None)


def line_of_field(file: Path, name: str) -> int | None:
    """The line of the class's field that has this name or alias; one with examples goes first."""
    fields = [node for node in ast.walk(ast.parse(file.read_bytes())) if _is_field(node, name)]
    fields.sort(key=lambda field: "examples" not in ast.unparse(field))
    return fields[0].lineno if fields else None


def _is_field(node: ast.AST, name: str) -> TypeGuard[ast.AnnAssign]:
    if not isinstance(node, ast.AnnAssign):
        return False
    aliases = [part.value for part in ast.walk(node) if isinstance(part, ast.keyword)]
    constants = [part.value for part in aliases if isinstance(part, ast.Constant)]
    return ast.unparse(node.target) == name or name in constants


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
