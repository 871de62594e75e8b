"""What a client is told of an answer that fails: where, and in the service's own words."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AfterValidator,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
    PlainSerializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.plan import plan
from tests.partial.classes import Extras
from tests.partial.shapes import Grouped, Pet
from tests.partial.texts import run


def failed(type_: Any, text: str, **settings: Any) -> Invalid:
    decoder = Decoder(plan(type_), **settings)
    _, error = run(decoder, [text])
    assert error is not None
    return error


def quoting(value: Any) -> Any:
    raise ValueError(f"I don't like {value}")


def custom(value: Any) -> Any:
    raise PydanticCustomError("my_own", "No {value} here", {"value": value})


class Colour(Enum):
    RED = "red"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = ""


class Checked(BaseModel):
    name: str

    @model_validator(mode="after")
    def check(self) -> Any:
        return quoting(self.name)


class Named(BaseModel):
    first: Annotated[int, Field(validation_alias=AliasPath("names", "SECRET"))]


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (Strict, '{"SECRET": 1'),
        (Extras, '{"name": "", "SECRET": "SECRET"}'),
        (dict[str, int], '{"SECRET": "SECRET"'),
        (dict[str, dict[str, list[int]]], '{"SECRET": {"SECRET": ["SECRET"'),
        (dict[str, list[Checked]], '{"SECRET": [{"name": "SECRET"}'),
        (dict[str, Strict], '{"SECRET": {"SECRET": 1'),
        (dict[str, list[Annotated[str, Field(max_length=2)]]], '{"SECRET": ["SECRET'),
        (dict[int, int], '{"SECRET": 1'),
        (dict[Colour, int], '{"SECRET": 1'),
        (dict[str, int], '{"SECRET": 1, "SECRET": 2}'),
        (dict[str, int], '{"SECRET": SECRET}'),
        (dict[str, Pet], '{"SECRET": {"kind": "SECRET"'),
        (dict[str, Pet], '{"SECRET": {}'),
        (list[Pet], '[{"kind": "SECRET"'),
        (list[Grouped], '[{"group": "a", "kind": "SECRET"'),
        (Checked, '{"name": "SECRET"}'),
        (list[Colour], '["SECRET"'),
        (list[Literal["a", "b"]], '["SECRET"'),
        (list[Annotated[str, AfterValidator(quoting)]], '["SECRET"'),
        (list[Annotated[str, BeforeValidator(quoting)]], '["SECRET"'),
        (list[Annotated[str, AfterValidator(custom)]], '["SECRET"'),
        (list[int | dt.date], '["SECRET"'),
        (list[tuple[int, dict[str, int]]], '[[1, {"SECRET": "SECRET"}]'),
        (list[Json[dict[str, int]]], '["{\\"SECRET\\": \\"SECRET\\"}"'),
        (list[Decimal], '["SECRET"'),
        (Named, '{"names": {"SECRET": "SECRET"}}'),
        (list[str], '["SECRET", SECRET'),
        (list[str], 'SECRET] ["a"]'),
        (list[str], '["a"] SECRET {'),
        (list[Annotated[str, Field(pattern="^a")]], '["SECRET"'),
    ],
)
def test_no_text_of_the_answer_is_in_the_errors(type_: Any, text: str) -> None:
    for settings in ({}, {"key": "items"}):
        whole = f'{{"items": {text}' if settings else text
        error = failed(type_, whole, **settings)
        assert error.errors
        assert "SECRET" not in repr(error.errors).replace("/names/SECRET", "")
        assert "SECRET" not in str(error).replace("/names/SECRET", "")


@pytest.mark.parametrize(
    ("type_", "text", "path", "message"),
    [
        (list[int], '[1, "a"', "/1", "must be a whole number"),
        (dict[str, list[int]], '{"a": ["x"', "", "must be a whole number"),
        (list[dict[str, list[int]]], '[{"a": ["x"', "/0", "must be a whole number"),
        (list[Strict], '[{"name": 1,', "/0/name", "must be a string"),
        (list[Strict], '[{"x"', "/0", "has an unknown key"),
        (list[Checked], "[{}", "/0/name", "is required"),
        (list[Checked], '[{"name": ""}', "/0", "is not valid"),
        (list[Colour], '["x"', "/0", "must be 'red'"),
        (list[Pet], '[{"kind": "x"', "/0", "is of an unknown kind"),
        (list[Pet], "[{}", "/0", "does not say of which kind it is"),
        (Annotated[list[int], Field(min_length=2)], "[1]", "", "must have at least 2 items"),
        (list[int], "[1, 2", "/1", "ends before it is complete"),
        (list[int], "[1 2", "/0", "is not JSON"),
        (dict[str, int], "[1]", "", "must be an object"),
        (list[int], '{"a": 1}', "", "must be a list"),
    ],
)
def test_errors_say_where_and_what(type_: Any, text: str, path: str, message: str) -> None:
    assert failed(type_, text).errors == [{"path": path, "message": message}]


def test_a_path_is_of_the_keys_that_are_shown() -> None:
    class Idea(BaseModel):
        title: Annotated[int, Field(validation_alias="in", serialization_alias="a/b~c")]
        rank: Annotated[int, Field(validation_alias="rank_in", serialization_alias="rank")]

    assert failed(Idea, '{"in": "x"').errors[0]["path"] == "/a~1b~0c"
    assert failed(Idea, '{"in": 1}').errors == [{"path": "/rank", "message": "is required"}]


def test_the_model_is_told_more() -> None:
    error = failed(list[Checked], '[{"name": "SECRET"}')
    assert error.feedback == "/0: Value error, I don't like SECRET"
    assert "SECRET" in failed(Strict, '{"SECRET": 1').feedback


def test_a_value_that_cant_be_written_as_json_is_invalid() -> None:
    def fail(value: Any) -> Any:
        raise ValueError("SECRET")

    error = failed(list[Annotated[str, PlainSerializer(fail)]], '["a"')
    assert error.errors == [{"path": "/0", "message": "can't be written as JSON"}]
