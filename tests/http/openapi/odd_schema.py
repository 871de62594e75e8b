"""Source of a schema in which everything is odd that a generator of clients may stumble over."""

from __future__ import annotations

from textwrap import dedent

from tests.support.schema_files import schema

_MODELS = dedent("""
    from datetime import date, timedelta
    from decimal import Decimal
    from enum import IntEnum
    from typing import Any
    from uuid import UUID

    class Level(IntEnum):
        LOW = 1
        HIGH = 2

    class Cat(BaseModel):
        kind: Literal["cat"]
        status: Literal["asleep", "awake"]

    class Dog(BaseModel):
        kind: Literal["dog"]
        status: Literal["barking"]

    class Problem(BaseModel):
        model_config = ConfigDict(title="A problem: of theirs")
        nothing: None = None
        nothings: list[None]
        never: Literal[None]
        pair: tuple[int, None, str]
        status: Literal["open", "closed"]
        number: Literal[1, 2, 4]
        mixed: Literal["a", 1, None]
        maybe: Literal["a", "b", None]
        level: Level
        pet: Annotated[Cat | Dog, Field(discriminator="kind")]
        pets: list[Cat | Dog]
        by_name: dict[str, Word]
        anything: Any
        price: Decimal
        day: date
        took: timedelta
        id: UUID
        tags: set[str]
        class_: str = Field(alias="class", serialization_alias="class")
        children: list["Problem"] = []
        parent: "Problem | None" = None
        scalar: int | float | None = None

    class Given(Parameters):
        level: Level = Level.LOW
        status: Literal["new", "old"] = "new"
        words: list[Word] = []
        nothing: None = None
        maybe: int | str | None = None
""")

_OTHER_WORD = dedent("""
    class Word(BaseModel):
        number: int
        status: Literal["spoken"]
""")

SOURCES = {
    "problems": _MODELS + schema("Problem", "Given"),
    "lists": _MODELS + schema("list[Problem]"),
    "a_1": schema(),
    "a1": _OTHER_WORD + schema("list[Word]"),
}
"""By the names of their files."""
