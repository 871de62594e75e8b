"""What a user installs: its README's lines run, its types check, it asks for what is tested."""

from __future__ import annotations

import asyncio
import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.support.service import eventually, running

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "clients" / "python"
README = (PACKAGE / "README.md").read_text()
READING = (ROOT / "docs" / "reading.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README + READING, re.DOTALL)
PRINTED = [
    r"\[\{'title': .+\}\]\n([^\[{].+\n){3}",
    r"\[\{'title': .+\}\]\n[^\[{].+\n",
    r"(\[\{'title': .+\}\]\n)+",
    r"invalid_request 422 \[\{'path': '/count', 'message': 'must be at most 20'\}\]\n",
    r"cancelled\n",
    r"\[\{'title': .+\}\]\n",
    r"done \[\{'title': .+\}\]\n",
]
"""What each of them prints at its end; the last two are those of docs/reading.md."""


def project(file: Path) -> Any:
    return tomllib.loads(file.read_text())["project"]


@pytest.mark.parametrize(
    ("example", "end"),
    list(zip(EXAMPLES, PRINTED, strict=True)),
)
async def test_the_readmes_lines_run(
    example: str, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running() as service:
        lines = example.replace("http://localhost:8000", service.url)
        await asyncio.to_thread(exec, compile(lines, "README.md", "exec"), {"__name__": "readme"})
        await eventually(lambda: not len(service.streams))
    printed = "".join(
        line for line in capsys.readouterr().out.splitlines(True) if " stream " not in line
    )
    assert re.search(f"{end}$", printed), printed


def test_each_option_is_in_the_readme() -> None:
    source = (PACKAGE / "structured_streams" / "__init__.py").read_text()
    keywords = source.partition("    *,\n")[2].partition("**more")[0]
    assert set(re.findall(r"^    (\w+):", keywords, re.MULTILINE)) == set(
        re.findall(r"^\| `(\w+)` \|", README.partition("## Options")[2], re.MULTILINE)
    )


def test_what_it_asks_for_is_what_it_is_tested_with() -> None:
    ours, theirs = project(ROOT / "pyproject.toml"), project(PACKAGE / "pyproject.toml")
    bounds = {Requirement(line).name: line for line in ours["dependencies"]}
    for line in theirs["dependencies"]:
        requirement = Requirement(line)
        assert bounds.get(requirement.name, line) == line
        assert version(requirement.name) in requirement.specifier
    assert theirs["requires-python"] == ours["requires-python"]
    assert (PACKAGE / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_it_says_that_it_is_typed() -> None:
    assert (PACKAGE / "structured_streams" / "py.typed").exists()
