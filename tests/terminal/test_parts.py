"""What the terminal's commands are made of, without a terminal."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from rich.console import Console

from app.terminal.cards import Path, cards
from app.terminal.parameters import parameters
from app.terminal.progress import Progress
from app.terminal.schemas import words
from tests.support.command import invoked
from tests.support.schema_files import REGISTRY, schema, write

MOVIES = REGISTRY.get("movies").parameters_json_schema


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["tea"], {"topic": "tea"}),
        (["healthy", "snacks", "count=3"], {"topic": "healthy snacks", "count": 3}),
        (["count=3", "a = b"], {"topic": "a = b", "count": 3}),
        (["topic=x=y", "genre=1"], {"topic": "x=y", "genre": "1"}),
        (["tea", "count=many", "colour=red"], {"topic": "tea", "count": "many", "colour": "red"}),
        (["count=3"], {"count": 3}),
    ],
)
def test_words_are_the_topic_and_what_has_a_name_is_a_parameter(
    given: list[str], found: dict[str, Any]
) -> None:
    assert parameters(given, MOVIES) == found


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ({"type": "string", "maxLength": 50}, "string up to 50 characters"),
        (
            {"type": "integer", "minimum": 1, "maximum": 20, "default": 5},
            "integer 1 to 20, default 5",
        ),
        ({"$ref": "#/$defs/Size", "default": "s"}, 's or m, default "s"'),
        ({"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]}, "number from 0"),
        ({"type": "boolean", "description": "By train."}, "boolean: By train."),
    ],
)
def test_a_parameter_is_described_in_a_few_words(field: dict[str, Any], found: str) -> None:
    said = words(field, {"Size": {"enum": ["s", "m"]}}, is_needed=True)
    assert said == found


def test_figures_follow_the_attempt() -> None:
    progress = Progress(started=10.0)
    progress.update([], 1, 10.4)
    assert progress.words(10.5) == "0.5 s"
    progress.update([{"title": "Figs", "year": 1999, "tags": ["a", None]}], 1, 10.5)
    assert progress.words(12.5) == "2.5 s · first content 0.50 s · 9 characters, 4/s"
    progress.update(None, 2, 13.0)
    assert progress.words(13.0) == "3.0 s · first content 0.50 s · attempt 2"
    progress.update("four", 2, 14.0)
    said = progress.words(16.0, (7, 9))
    assert said.endswith("4 characters, 2/s · tokens: 7 in, 9 out · attempt 2")


VALUE = {"title": "Te", "tags": ["hot", "st"], "size": None, "parts": [{"n": 1.5}], "more": {}}


@pytest.mark.parametrize(
    ("open", "line"),
    [
        (("title",), "title  Te▌"),
        (("tags", 1), "       st▌"),
        (("tags",), "       ▌"),
        (("size",), "size   ▌"),
        (("more",), "more   ▌"),
        ((), "▌"),
        (None, "more   …"),
    ],
)
def test_the_cursor_is_where_it_is_being_written(open: Path | None, line: str) -> None:
    console = Console(width=40)
    with console.capture() as capture:
        console.print(cards(VALUE, open))
    lines = [line.rstrip() for line in capture.get().splitlines()]
    assert line in lines
    assert capture.get().count("▌") == (open is not None)
    assert "title  Te" in lines[0]
    assert "│ n  1.5" in capture.get()


async def test_schemas_are_listed_without_a_service() -> None:
    found = await invoked("schemas")
    assert (found.code, found.said) == (0, "")
    for entry in REGISTRY:
        assert f"{entry.name}  {entry.schema.description}\n" in found.out
    assert "  count       integer 1 to 20, default 5" in found.out
    assert "  genre       string 1 to 50 characters, optional\n" in found.out
    assert "  views       snapshot delta items text ui-message ag-ui\n" in found.out
    assert found.out.count("  model       demo\n") == len(REGISTRY.names)


async def test_each_schema_is_listed_with_its_default_model(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "words.py", schema(more="model='b'"))
    write(tmp_path, "more.py", schema())
    file = tmp_path / "models.toml"
    file.write_text("models.a.base_url = 'http://a'\nmodels.b.base_url = 'http://b'\n")
    found = await invoked("schemas", MODELS_FILE=str(file), SCHEMAS=str(tmp_path))
    assert [line.split()[1] for line in found.out.splitlines() if "  model " in line] == ["a", "b"]
