"""The schemas of the tests, and files with a schema that a test writes.

The files in `tests/support/schemas/` belong to the tests. The shipped schemas may be changed, added
and removed without breaking tests.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from app.schemas.registry import SchemaEntry, load

FOLDER = Path(__file__).parent / "schemas"
REGISTRY = load(FOLDER)

GOOD = """
    from __future__ import annotations
    import re
    from collections.abc import Callable
    from typing import Annotated, Literal
    from pydantic import (
        AfterValidator, AliasChoices, AliasPath, BaseModel, ConfigDict, Field, RootModel,
        with_config,
    )
    from typing_extensions import TypedDict
    from app.schema import ListParameters, Parameters, Prompt, Schema, quote

    class Word(BaseModel):
        text: str

    def prompt(p: Parameters) -> Prompt:
        return Prompt("Words.", quote("topic", p.topic))
"""


def write(folder: Path, name: str, source: str) -> Path:
    """Write a file with the common imports and this source. Returns its path."""
    file = folder / name
    file.write_text(textwrap.dedent(GOOD) + textwrap.dedent(source), encoding="utf-8")
    return file


def schema(result: str = "list[Word]", parameters: str = "ListParameters", more: str = "") -> str:
    """The `schema = …` statement of a file, as source text."""
    return (
        f"\nschema = Schema(description='Words.', result={result}, parameters={parameters},"
        f" prompt=prompt, {more})\n"
    )


def load_one(folder: Path, source: str) -> SchemaEntry:
    """The entry of a file with this source."""
    write(folder, "words.py", source)
    return load(folder).get("words")
