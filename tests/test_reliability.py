"""Every test that `docs/reliability.md` names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
TABLE = (TESTS.parent / "docs" / "reliability.md").read_text(encoding="utf-8")


def rows() -> list[str]:
    """The rows of the tables that end in a test."""
    tables = re.findall(r"\|[^\n]* test \|\n\|[-|]+\|\n((?:\|.*\|\n)+)", TABLE)
    return [row for table in tables for row in table.splitlines()]


def functions_in(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, functions)}


def test_each_row_names_tests_that_exist() -> None:
    assert len(rows()) > 30
    for row in rows():
        last = row.rstrip(" |").rsplit("| ", 1)[1]
        named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", last)
        assert named or last == "the same", row
        for file, name in named:
            assert name in functions_in(file), f"{file} has no {name}"


def test_each_test_of_a_fault_is_in_the_table() -> None:
    for file in sorted((TESTS / "faults").glob("test_*.py")):
        for name in functions_in(f"faults/{file.name}"):
            if name.startswith("test_"):
                assert f"`faults/{file.name}::{name}`" in TABLE
