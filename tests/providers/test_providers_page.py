"""`docs/providers.md`: each provider's block loads, and each test that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from app.providers.anthropic.request import DEFAULT_MAX_TOKENS
from app.providers.factory import PROVIDERS
from app.providers.models_file import read

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
SECTION = PAGE.split("\n## The providers\n")[1].split("\n## ")[0]
ROWS: Final = [
    line.strip("| ").split(" | ") for line in SECTION.splitlines() if line.startswith("| [")
]
BLOCKS: Final[dict[str, str]] = dict(
    re.findall(r"^### ([^\n]+)\n\n```toml\n(.*?)```", SECTION, re.MULTILINE | re.DOTALL)
)
NAMES: Final = (
    *("OpenAI", "Azure", "Anthropic", "Gemini", "Mistral", "Groq", "OpenRouter", "Together"),
    *("DeepSeek", "xAI", "Cerebras", "vLLM", "SGLang", "llama.cpp", "Ollama", "LM Studio"),
    "LiteLLM",
)


@cache
def defined_in(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def test_each_provider_has_a_row_and_a_block() -> None:
    assert tuple(re.findall(r"\[(.+?)\]", row[0])[0] for row in ROWS) == NAMES
    assert tuple(BLOCKS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_block_loads_and_its_provider_can_be_made(name: str, tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text(BLOCKS[name], encoding="utf-8")
    (model,) = read(str(file), lambda _: SecretStr("key"), 4)
    assert len(BLOCKS[name].splitlines()) <= 10
    assert PROVIDERS[model.provider](model)


def test_all_blocks_may_stand_in_one_file(tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text("\n".join(BLOCKS.values()), encoding="utf-8")
    assert len(read(str(file), lambda _: SecretStr("key"), 4)) == len(NAMES)


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_each_row_says_how_it_was_tried_and_names_tests_that_are_there(row: list[str]) -> None:
    _, tried, does, cited = row
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", cited)
    assert tried in ("real", "replayed", "neither")
    assert does.endswith((".", ")"))
    assert (tried == "neither") == (named == [])
    for file, test in named:
        assert test in defined_in(ROOT / "tests" / file), f"{file}::{test}"


def test_the_default_bound_of_anthropic_is_that_of_the_page() -> None:
    assert f"else {DEFAULT_MAX_TOKENS}," in PAGE
