"""Puts results where people read them: files in `bench/results/`, tables in the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = ROOT / "bench" / "results"
PAGE: Final = ROOT / "docs" / "performance.md"


def publish(tables: dict[str, str]) -> None:
    """Write each table to a file, and into the page between the table's marks."""
    RESULTS.mkdir(exist_ok=True)
    page = PAGE.read_text(encoding="utf-8")
    for name, text in tables.items():
        (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
        page = insert(page, name, text)
    PAGE.write_text(page, encoding="utf-8")


def insert(page: str, name: str, text: str) -> str:
    """The page with the text between `<!-- name -->` and `<!-- /name -->`."""
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not marks.search(page):
        raise ValueError(f"the page has no place for {name}")
    return marks.sub(lambda found: f"{found[1]}{text}{found[2]}", page)
