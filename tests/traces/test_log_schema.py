"""One schema says what a line of the log may hold, and the document explains it."""

from __future__ import annotations

import ast
import json

from tests.support.process import ROOT
from tests.test_architecture import FILES, nodes

SCHEMA = json.loads((ROOT / "docs" / "log.schema.json").read_text(encoding="utf-8"))


def test_the_document_has_each_field() -> None:
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [name for name in SCHEMA["properties"] if f"`{name}`" not in operations] == []


def test_the_schema_has_each_field_that_a_line_of_ours_is_given() -> None:
    calls = [node for file in FILES for node in nodes(file) if isinstance(node, ast.Call)]
    ours = [call for call in calls if _is_log(call.func)]
    given = {keyword.arg for call in ours for keyword in call.keywords if keyword.arg}
    assert len(ours) > 10
    assert given - SCHEMA["properties"].keys() - {"exc_info"} == set()


def _is_log(called: ast.expr) -> bool:
    of = called.value if isinstance(called, ast.Attribute) else None
    return isinstance(of, ast.Name) and of.id in ("_log", "log", "logger")
