"""Values that are left out, or that a default stands in for, because a validator asks for it."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    OnErrorOmit,
    TypeAdapter,
    model_validator,
)
from pydantic_core import MISSING, PydanticOmit, PydanticUseDefault

from app.partial.decoder import Decoder
from app.partial.json_schema import partial_json_schema
from app.partial.plan import plan
from tests.partial.streams import shown
from tests.partial.texts import run


def omit(value: Any) -> Any:
    if value in (0, "0"):
        raise PydanticOmit
    return value


def default(value: Any) -> Any:
    if value in (0, "0", []):
        raise PydanticUseDefault
    return value


Omitting = Annotated[int, AfterValidator(omit)]
OmittingText = Annotated[str, AfterValidator(omit)]
Defaulting = Annotated[int, BeforeValidator(default)]
DefaultingText = Annotated[str, AfterValidator(default)]


class Point(BaseModel):
    x: int

    @model_validator(mode="after")
    def check(self) -> Point:
        if self.x == 0:
            raise PydanticOmit
        if self.x == 1:
            raise PydanticUseDefault
        return self


class Lists(BaseModel):
    numbers: list[Omitting] = []
    texts: list[OmittingText] = []
    by_name: dict[str, OmittingText] = {}
    points: list[Point] = []
    named: dict[str, Point] = {}
    omitted: list[OnErrorOmit[Point]] = []
    inside: set[OnErrorOmit[int]] = set()


class Defaults(BaseModel):
    number: Defaulting = 5
    maybe: Defaulting | None = 6
    text: DefaultingText = "seven"
    grown: Annotated[list[str], AfterValidator(default)] = ["eight"]
    inside: list[list[Defaulting]] = [[9]]
    texts: dict[str, DefaultingText] = {"ten": "10"}
    point: Point = Point.model_construct(x=11)
    points: list[Point] = [Point.model_construct(x=12)]


@pytest.mark.parametrize("cut", [1, 4, 1000])
@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (list[OnErrorOmit[int]], '[1, "x", 3]'),
        (list[OnErrorOmit[int]], '["x"]'),
        (dict[str, OnErrorOmit[list[int]]], '{"a": [1], "b": ["x"], "c": []}'),
        (list[OnErrorOmit[dict[str, int]]], '[{"a": 1}, 2, {"a": "x"}, {}]'),
        (list[Omitting], "[1, 0, 3]"),
        (dict[str, OmittingText], '{"a": "b", "c": "0", "d": "e"}'),
        (Lists, '{"numbers": [0, 1, 0], "texts": ["0", "a", "0", "b"]}'),
        (Lists, '{"by_name": {"a": "0", "b": "c"}}'),
        (Lists, '{"points": [{"x": 2}, {"x": 0}, {"x": 3}], "named": {"a": {"x": 0}}}'),
        (Lists, '{"omitted": [{"x": 2}, {"x": "?"}, 4], "inside": [1, "x"]}'),
        (Defaults, '{"number": 0, "maybe": 0, "text": "0", "grown": []}'),
        (Defaults, '{"number": 1, "maybe": null, "text": "a", "grown": ["b"]}'),
        (Defaults, '{"inside": [[1], [2, 0, "not looked at"], {"a": ["nor", "this"]}]}'),
        (Defaults, '{"texts": {"a": "b", "c": "0", "d": 1}, "number": 2}'),
        (Defaults, '{"point": {"x": 1}, "points": [{"x": 2}, {"x": 1}, {"y": 3}]}'),
        (list[Defaults], '[{"number": 0}, {"inside": [[0]]}, {"points": [{"x": 1}]}]'),
    ],
)
def test_it_is_as_pydantic_has_it(type_: Any, text: str, cut: int) -> None:
    decoder = Decoder(plan(type_))
    _, error = run(decoder, [text[at : at + cut] for at in range(0, len(text), cut)])
    assert error is None
    adapter = TypeAdapter(type_)
    assert decoder.value == adapter.dump_python(adapter.validate_json(text), mode="json")


def test_what_is_left_out_at_once_is_never_shown() -> None:
    assert shown(list[OnErrorOmit[int]], "[1, ", '"x", ', "3]") == [[1], [1], [1, 3]]


def test_what_was_shown_and_is_left_out_goes_when_its_list_closes() -> None:
    assert shown(Lists, '{"texts": ["0", "a"', "]")[-2:] == [
        {**_nothing, "texts": ["0", "a"]},
        {**_nothing, "texts": ["a"]},
    ]


_nothing: dict[str, Any] = {
    "numbers": [], "texts": [], "by_name": {}, "points": [], "named": {}, "omitted": [],
    "inside": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (list[Defaulting], "[0]"),  # there is no default
        (dict[str, Point], '{"a": {"x": 1}}'),
        (Point, '{"x": 1}'),
        (list[OmittingText], '["a", "0"]'),  # an element of the result is told of as it closes
        (list[Point], '[{"x": 2}, {"x": 0}]'),
    ],
)
def test_elsewhere_the_answer_is_invalid(type_: Any, text: str) -> None:
    _, error = run(Decoder(plan(type_)), [text])
    assert error is not None
    assert error.errors[0]["message"] == "is not valid"


def test_a_value_that_may_be_left_out_with_nothing_around_it_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a list around it"):
        plan(OnErrorOmit[int])


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (dict[str, OnErrorOmit[int]], '{"a": "x", "b": 1, "a": 2}'),
        (dict[str, OnErrorOmit[int]], '{"a": 1, "b": 1, "a": "x"}'),
        (Lists, '{"by_name": {"a": "0", "b": "c", "a": "d"}}'),
        (Lists, '{"named": {"a": {"x": 0}, "a": {"x": 2}}}'),
        (dict[int, OnErrorOmit[int]], '{"1": "x", "01": 2}'),
        (Defaults, '{"texts": {"a": "0", "b": "c", "b": "d"}}'),
    ],
)
def test_a_key_whose_value_was_left_out_may_not_come_again(type_: Any, text: str) -> None:
    for size in (1, len(text)):
        _, error = run(
            Decoder(plan(type_)), [text[at : at + size] for at in range(0, len(text), size)]
        )
        assert error is not None
        assert error.errors[0]["message"] == "has a key twice"


def test_a_member_that_is_missing_by_default_is_absent_until_it_is_known() -> None:
    class Item(BaseModel):
        size: int | MISSING = MISSING
        text: str | MISSING = "x"

    assert shown(Item, "{", "}") == [{"text": None}, {"text": "x"}]
    assert shown(Item, '{"size": 1,') == [{"text": None, "size": 1}]
    assert partial_json_schema(plan(Item))["$defs"]["PartialItem"]["required"] == ["text"]
