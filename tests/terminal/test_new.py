"""`python -m app new NAME`: the file that it writes runs as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.schemas.registry import load
from app.terminal.new import next_steps, source
from tests.support.command import invoked
from tests.support.events import messages
from tests.support.http_client import http_client
from tests.support.process import ROOT, ended
from tests.support.program import printed
from tests.support.service import running

RUNNER = CliRunner()


async def test_it_writes_a_schema_that_runs_and_says_what_to_do_next(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    said = await ended("new", "book-reviews", SCHEMAS=str(folder), PORT="8123")
    file = folder / "book_reviews.py"
    assert (said.code, said.said) == (0, "")
    assert said.out.startswith(f"{file} is there. Now:\n")
    assert "make dev" in said.out
    assert "http://localhost:8123/book-reviews?topic=" in said.out
    async with (
        running(schemas=(str(folder),)) as service,
        http_client(base_url=service.url, timeout=30) as client,
    ):
        body = {"topic": "tea", "count": 2, "mood": "calm"}
        answer = await client.post("/book-reviews", json=body)
    last = messages(answer.content)[-1]
    assert (last.event, list(last.data[0])) == ("done", ["title", "reason", "score"])
    again = await invoked("new", "book-reviews", SCHEMAS=str(folder))
    assert (again.code, again.said) == (2, f"{file} is there already\n")


NAMES = ["trips", "news", "class", "x", "glass", "a-b-c", "type", "list"]
IMPORTED = ["prompts", "fields", "lists"]
"""Names of which a class would have the name of something that the file imports."""


@pytest.mark.parametrize("name", [*NAMES, *IMPORTED])
async def test_any_name_gives_a_file_that_is_served_and_in_style(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name.replace('-', '_')}.py").write_text(source(name), encoding="utf-8")
    assert load(tmp_path).names == (name,)
    for command in (["check"], ["format", "--check"]):
        await printed(
            ROOT / ".venv/bin/ruff", *command, "--config", ROOT / "pyproject.toml", tmp_path
        )


@pytest.mark.parametrize("name", ["Trips", "1st", "a b", "-x", "../x", "a--b", "trips.py", ""])
def test_a_name_that_is_no_endpoint_s_is_refused(tmp_path: Path, name: str) -> None:
    result = RUNNER.invoke(cli, ["new", "--into", str(tmp_path), "--", name])
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "is no name of a schema" in result.output


@pytest.mark.parametrize("is_known", [True, False])
def test_the_next_step_names_a_folder_that_is_not_served(tmp_path: Path, is_known: bool) -> None:
    folders = ("schemas", str(tmp_path)) if is_known else ("schemas",)
    said = next_steps(tmp_path / "trips.py", "trips", folders, "http://localhost:8000")
    served = "make dev" if is_known else f"SCHEMAS=schemas,{tmp_path} make dev"
    assert f"\n    {served}    serves it" in said


def test_a_name_of_a_route_is_refused(tmp_path: Path) -> None:
    result = RUNNER.invoke(cli, ["new", "streams", "--into", str(tmp_path)])
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "collides with a route" in result.output


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = RUNNER.invoke(cli, ["new", "trips", "--into", str(tmp_path / "file")])
    assert result.exit_code == 2
    assert "can't be written" in result.output
