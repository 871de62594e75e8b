"""The samples in the documents: blocks of code, and commands for a shell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

PAGES = (
    *("README.md", "CONTRIBUTING.md", "SECURITY.md", "deploy/README.md"),
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").glob("*.md"))),
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "clients").glob("*/README.md"))),
)

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^(?: {4}\S.*\n)(?:^ {4}.*\n)*", re.MULTILINE)
_INLINE = re.compile(r"`((?:curl [^`…]*localhost|python -m |make )[^`…]+)`")


class Sample(NamedTuple):
    """A block of code. page: the document that it is in"""

    page: str
    language: str
    text: str


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def samples() -> Iterator[Sample]:
    """The fenced blocks of all documents."""
    for page in PAGES:
        for language, text in _FENCED.findall(text_of(page)):
            yield Sample(page, language, text)


def commands() -> Iterator[tuple[str, str]]:
    """Each document with a command of it: those of indented blocks, and those in a sentence."""
    for page in PAGES:
        text = _FENCED.sub("", text_of(page))
        for block in _INDENTED.findall(text):
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                yield page, line.partition("  #")[0].strip()
        for command in _INLINE.findall(text):
            yield page, command
