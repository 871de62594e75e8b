"""What the registry finds in a folder, and under which name."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import UnknownSchema
from app.schemas.registry import RESERVED_PARAMETERS, Registry, SchemaEntry, SchemaError, load
from tests.support.schema_files import load_one, schema, write

DOC = Path(__file__).parents[2] / "docs" / "schemas.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "schemas"
    folder.mkdir()
    return folder


def test_each_file_is_a_schema_named_after_it(folder: Path) -> None:
    write(folder, "words.py", schema())
    write(folder, "long_words.py", schema())
    registry = load(folder)
    assert registry.names == ("long-words", "words")
    assert [entry.name for entry in registry] == ["long-words", "words"]
    assert registry.get("long-words").file == folder / "long_words.py"


def test_a_schema_may_choose_its_name_and_keeps_the_place_of_its_file(folder: Path) -> None:
    write(folder, "a.py", schema(more="name='zebras'"))
    write(folder, "b.py", schema())
    assert load(folder).names == ("zebras", "b")


def test_files_that_start_with_an_underscore_or_are_no_python_are_left_alone(folder: Path) -> None:
    write(folder, "_shared.py", "raise RuntimeError")
    (folder / "notes.txt").write_text("not Python")
    assert load(folder).names == ()


def test_an_unknown_name_is_told_what_exists_and_not_echoed(folder: Path) -> None:
    write(folder, "words.py", schema())
    write(folder, "more.py", schema())
    with pytest.raises(UnknownSchema, match=r"There are: more, words\.") as caught:
        load(folder).get("<script>")
    assert "script" not in caught.value.detail


def test_the_documentation_names_every_parameter_that_is_refused() -> None:
    text = DOC.read_text(encoding="utf-8")
    assert [name for name in RESERVED_PARAMETERS if f"`{name}`" not in text] == []


def test_a_registry_refuses_two_entries_of_one_name(folder: Path) -> None:
    entry = load_one(folder, schema())
    with pytest.raises(SchemaError, match=r"b\.py: the name 'words' is taken by schemas/a\.py"):
        Registry(SchemaEntry("words", folder / file, entry.schema) for file in ("b.py", "a.py"))
