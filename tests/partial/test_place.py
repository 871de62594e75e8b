"""Places, taken apart."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    TypeAdapter,
    model_validator,
)

from app.partial.layers import LayeredSchema, asks_inside, layers_for_the_holder, peel

after = AfterValidator(lambda v: v)


def place(type_: Any) -> LayeredSchema:
    schema: Any = TypeAdapter(type_).core_schema
    definitions: dict[str, Any] = {}
    while schema["type"] == "definitions":
        definitions |= {found["ref"]: found for found in schema["definitions"]}
        schema = schema["schema"]
    return peel(schema, definitions, {})


def with_info(value: Any, info: Any) -> Any:
    return value


class Told(BaseModel):
    text: str

    @model_validator(mode="after")
    def told(self, info: Any) -> Told:
        return self


asking = AfterValidator(with_info)


@pytest.mark.parametrize(
    ("type_", "count"),
    [
        (str, 0),
        (Annotated[str, after], 0),
        (Annotated[str, asking], 1),
        (Annotated[str, asking, after], 2),
        (Annotated[str, after, asking, after], 2),
        (Annotated[str | None, asking], 1),
        (Told, 0),
        (Annotated[Told, after], 0),
        (Annotated[Told, asking], 1),
    ],
)
def test_the_layers_that_only_the_holder_can_apply(type_: Any, count: int) -> None:
    assert layers_for_the_holder(place(type_)) == count


@pytest.mark.parametrize(
    ("type_", "asks"),
    [
        (list[str], False),
        (list[Annotated[str, asking]], True),
        (dict[str, tuple[int, Annotated[str, asking]]], True),
        (int | Annotated[str, asking], True),
        (list[Told], False),
        (list[Annotated[Told, asking]], True),
    ],
)
def test_what_asks_inside(type_: Any, asks: bool) -> None:
    assert asks_inside(place(type_).base, {}) is asks
