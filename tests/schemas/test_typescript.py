"""`python -m app types`: TypeScript that the compiler takes, and that refuses what is wrong."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from app.schemas.registry import load
from app.schemas.typescript import CLI, FOLDER, GeneratorError, typescript
from tests.support.process import ROOT, ended
from tests.support.schema_files import REGISTRY, schema, write

CHECKED_IN = ROOT / "clients" / "react" / "examples" / "schemas.ts"
TSC = FOLDER / "node_modules" / ".bin" / "tsc"

RIGHT = """
import type { Briefs, BriefsPartial, Schemas } from "./schemas";
import type { Ideas, IdeasParameters, IdeasPartial } from "./schemas";
export const parameters: IdeasParameters = { topic: "tea" };
export const ideas: Ideas = [{ title: "Tea", blurb: "Hot." }];
export const partial: IdeasPartial = [{ title: "Te", blurb: null }];
export const begun: IdeasPartial = ideas;
export const name = (brief: BriefsPartial): string => brief.owner.name ?? "nobody";
export const short = (brief: Briefs): string =>
  brief.highlight.kind === "figure" ? brief.highlight.value : brief.highlight.text;
export const genre: Schemas["movies"]["parameters"]["genre"] = null;
"""

WRONG = {
    "a field that there is not": "ideas[0]!.subtitle",
    "null for text": "[{ title: null, blurb: 'b' }] satisfies Ideas",
    "a partial's text, unchecked": "partial[0]!.title.length",
    "a parameter that there is not": "{ topic: 'tea', colour: 'red' } satisfies IdeasParameters",
    "no topic": "{ count: 3 } satisfies IdeasParameters",
    "a word that is no priority": "'soon' satisfies Briefs['priority']",
    "a schema that there is not": "({} as Schemas['songs'])",
}


def compiled(folder: Path, source: str) -> list[str]:
    """What `tsc` says of a file beside the schemas' types."""
    (folder / "schemas.ts").write_text(CHECKED_IN.read_text())
    (folder / "use.ts").write_text(source)
    done = subprocess.run(
        [TSC, "--noEmit", "--strict", "--noUncheckedIndexedAccess", "use.ts"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = [line for line in done.stdout.splitlines() if "error TS" in line]
    assert (done.returncode == 0) == (not said), done.stdout + done.stderr
    return said


async def test_the_checked_in_types_are_what_the_command_prints() -> None:
    printed = await ended("types")
    assert printed.code == 0, printed.said
    assert printed.out == CHECKED_IN.read_text()


def test_right_uses_compile_and_each_wrong_one_is_an_error_of_its_own(tmp_path: Path) -> None:
    assert compiled(tmp_path, RIGHT) == []
    lines = [f"export const w{i} = {use};" for i, use in enumerate(WRONG.values())]
    said = compiled(tmp_path, RIGHT + "\n".join(lines))
    first = RIGHT.count("\n") + 1
    assert [line.split(",")[0] for line in said] == [
        f"use.ts({first + i}" for i in range(len(WRONG))
    ]


POINTS = """
class Mark(BaseModel):
    label: str

class Point(BaseModel):
    at: tuple[float, str]
    names: dict[str, int]
    next: Point | None = None
    mark: Mark
"""
MARKS = """
class Mark(BaseModel):
    weight: int
"""


def test_tuples_dictionaries_recursion_and_two_things_of_one_name(tmp_path: Path) -> None:
    write(tmp_path, "points.py", POINTS + schema("Point", "Parameters"))
    write(tmp_path, "marks.py", MARKS + schema("list[Mark]"))
    text = typescript(load(tmp_path))
    assert "at: [number, string];" in text
    assert "names: {\n    [k: string]: number;\n  };" in text
    assert "next?: Point | null;" in text
    assert "export type Marks = Mark[];" in text
    assert "export interface Mark {\n  weight: number;\n}" in text
    assert "  mark: PointsMark;" in text
    assert "export interface PointsMark {\n  label: string;\n}" in text


def test_without_the_generator_one_line_says_how_to_get_it(tmp_path: Path) -> None:
    assert not (tmp_path / CLI).exists()
    with pytest.raises(GeneratorError, match=r"run npm ci --omit=dev --prefix \S+$"):
        typescript(REGISTRY, tmp_path)


def test_the_generator_is_pinned_by_hashes_and_from_nowhere_in_particular() -> None:
    lock = (FOLDER / "package-lock.json").read_text()
    assert "://" not in lock
    packages = json.loads(lock)["packages"]
    assert all(package["integrity"] for path, package in packages.items() if path)
    for group in ("dependencies", "devDependencies"):
        for name, version in json.loads((FOLDER / "package.json").read_text())[group].items():
            assert packages[f"node_modules/{name}"]["version"] == version
