"""The version of a schema: it changes with what is asked and checked, and with nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.schemas.registry import load
from tests.support.schema_files import REGISTRY, load_one, schema, write

SOURCE = '''
def short(text: str) -> str:
    """A word is short."""
    assert len(text) < 9
    return text

class Given(ListParameters):
    tone: Literal["dry", "warm"] = "dry"

class Item(BaseModel):
    name: Annotated[str, AfterValidator(short), Field(max_length=20)]
    tags: set[str] = {"red", "green", "blue", "black", "white"}

def asked(p: Given) -> Prompt:
    return Prompt("Be brief.", quote("topic", p.topic))

schema = Schema(description="Things.", result=list[Item], parameters=Given, prompt=asked)
'''


def version(folder: Path, source: str = SOURCE) -> str:
    return load_one(folder, source).version


def test_it_is_twelve_hexadecimal_digits_and_another_for_each_schema() -> None:
    versions = [entry.version for entry in REGISTRY]
    assert len(set(versions)) == len(versions) == 4
    for found in versions:
        assert len(found) == 12
        assert set(found) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Be brief.", "Be long."),
        ("assert len(text) < 9", "assert len(text) < 8"),
        ("return text", "return text.strip()"),
        ("max_length=20", "max_length=30"),
        ("name:", "title:"),
        ('"black", ', ""),
        ('"warm"]', '"warm", "wry"]'),
        ('= "dry"', '= "warm"'),
        ("Things.", "Other things."),
        ("list[Item]", "Item"),
        ("prompt=asked", "prompt=asked, max_tokens=100"),
    ],
)
def test_it_changes_with_what_is_asked_and_checked(tmp_path: Path, before: str, after: str) -> None:
    assert SOURCE.count(before) >= 1
    assert version(tmp_path, SOURCE.replace(before, after)) != version(tmp_path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    assert", "    # It really is.\n    assert"),
        ("\nclass Item", "\n\n\n\nclass Item"),
        ('Prompt("Be brief.", ', "Prompt(\n        'Be brief.',\n        "),
    ],
)
def test_comments_and_layout_change_nothing(tmp_path: Path, before: str, after: str) -> None:
    assert before in SOURCE
    assert version(tmp_path, SOURCE.replace(before, after)) == version(tmp_path)


def test_the_place_and_the_name_of_the_file_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    assert version(tmp_path) == version(tmp_path / "elsewhere")
    write(tmp_path, "other.py", SOURCE)
    assert load(tmp_path).get("other").version == version(tmp_path)


def test_it_changes_with_a_helper_beside_the_file(tmp_path: Path) -> None:
    alone = version(tmp_path)
    helper = tmp_path / "_words.py"
    found = {alone}
    for text in ("TONE = 'dry'", "TONE = 'warm'"):
        helper.write_text(text, encoding="utf-8")
        found.add(version(tmp_path))
    assert len(found) == 3
    helper.write_text("no Python", encoding="utf-8")
    assert version(tmp_path) == alone


def test_it_changes_with_a_model_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    versions = []
    for number, bound in enumerate((10, 20)):
        module = f"things_of_others_{number}"
        (tmp_path / f"{module}.py").write_text(
            "from pydantic import BaseModel, Field\n"
            f"class Thing(BaseModel):\n    name: str = Field(max_length={bound})\n",
            encoding="utf-8",
        )
        folder = tmp_path / f"schemas_{number}"
        folder.mkdir()
        # Under one name, so that only the model itself tells the two apart.
        monkeypatch.setitem(sys.modules, "things_of_others", __import__(module))
        source = "\nfrom things_of_others import Thing\n" + schema("list[Thing]")
        versions.append(version(folder, source))
    assert versions[0] != versions[1]


def test_it_is_that_of_the_file_as_it_was_loaded(tmp_path: Path) -> None:
    entry = load_one(tmp_path, SOURCE)
    write(tmp_path, "words.py", SOURCE.replace("Be brief.", "Be long."))
    served = entry.version
    assert load(tmp_path).get("words").version != served
    assert version(tmp_path) == served


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_every_process_finds_the_same(tmp_path: Path, seed: str) -> None:
    """A set has another order in each process."""
    expected = version(tmp_path)
    code = (
        "from pathlib import Path; from app.schemas.registry import load; import sys;"
        " print(load(Path(sys.argv[1])).get('words').version)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert found.stdout.strip() == expected
