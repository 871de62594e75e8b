"""What Python can hold and JSON can't: NaN, infinities, bytes that are no text, equal keys."""

from __future__ import annotations

import datetime as dt
import json
from collections import OrderedDict, deque
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Any

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    RootModel,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    computed_field,
)

from app.partial.decoder import Decoder
from app.partial.plan import plan
from tests.partial.texts import run


def outcome(type_: Any, text: str) -> Any:
    """What is shown in the end, or the message."""
    decoder = Decoder(plan(type_))
    _, error = run(decoder, [text])
    return error.errors[0]["message"] if error else decoder.value


class Ratio(BaseModel):
    of: int

    @computed_field
    def ratio(self) -> float:
        return 1 / self.of if self.of else float("inf")


class Default(BaseModel):
    text: Annotated[str, AfterValidator(str.strip)]
    size: float = float("nan")


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (list[float], '["NaN"]'),
        (list[float], '["-Infinity"]'),
        (list[float], "[1e400]"),
        (list[Any], "[-1e999]"),
        (list[Any], '[{"a": [1e400]}]'),
        (dict[str, JsonValue], '{"a": {"b": 1e400}}'),
        (list[tuple[float, int]], '[["inf", 1]]'),
        (list[float | str], "[1e400]"),
        (list[tuple[Any, int]], "[[1e400, 1]]"),
        (list[set[Any]], "[[1e400]]"),
        (dict[str, list[float]], '{"a": [1, "nan"]}'),
        (Ratio, '{"of": 0}'),
        (Default, '{"text": "a"}'),
        (Open, '{"a": 1e400}'),
        (list[Annotated[int, PlainSerializer(lambda v: v * float("inf"))]], "[1]"),
        (list[Annotated[str, AfterValidator(lambda v: "\ud800")]], '["a"]'),
    ],
)
def test_a_value_that_json_has_no_form_for_is_invalid(type_: Any, text: str) -> None:
    assert outcome(type_, text) == "can't be written as JSON"


class Told(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="strings", extra="allow")

    size: float
    sizes: list[float] = []
    pair: tuple[float, float] = (0, float("inf"))
    any: Any = None
    either: float | list[Any] = 0
    inner: Told | None = None


class Roots(RootModel[list[float]]):
    model_config = ConfigDict(ser_json_inf_nan="strings")


def test_a_configuration_that_gives_them_a_form_is_followed() -> None:
    assert outcome(Told, '{"size": "NaN", "sizes": [1, 1e400, "-inf"]}') == {
        "size": "NaN", "sizes": [1, "Infinity", "-Infinity"], "pair": [0, "Infinity"],
        "any": None, "either": 0, "inner": None,
    }  # fmt: skip
    numbers = '"any": {"a": 1e400}, "either": [-1e400]'
    text = f'{{"size": 1, {numbers}, "extra": [1e400], "inner": {{"size": 2, {numbers}}}}}'
    assert outcome(Told, text) == json.loads(Told.model_validate_json(text).model_dump_json())
    assert outcome(list[Told], f"[{text}]") == "can't be written as JSON"  # `list` has no config
    assert outcome(Roots, '["NaN"]') == ["NaN"]
    assert outcome(list[Decimal], '["1e400"]') == ["1E+400"]


def test_constants_are_no_form() -> None:
    class Constants(BaseModel):
        model_config = ConfigDict(ser_json_inf_nan="constants")

        size: float

    assert outcome(Constants, '{"size": "NaN"}') == "can't be written as JSON"


def test_bytes_that_are_no_text_are_invalid() -> None:
    class Data(BaseModel):
        model_config = ConfigDict(val_json_bytes="base64")

        data: bytes

    assert outcome(Data, '{"data": "aGk="}') == {"data": "hi"}
    assert outcome(Data, '{"data": "/w=="}') == "can't be written as JSON"


class Level(IntEnum):
    LOW = 1


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (dict[int, str], '{"1": "a", "01": "b"}'),
        (dict[int, list[str]], '{"1": ["a"], "+1": ["b"]}'),
        (dict[Level, int], '{"1": 1, "01": 1}'),
        (dict[Decimal, int], '{"1.0": 1, "1.00": 2}'),
        (dict[Annotated[str, StringConstraints(to_lower=True)], int], '{"a": 1, "A": 2}'),
        (dict[SecretStr, int], '{"a": 1, "b": 2}'),
        (OrderedDict[dt.date, int], '{"2026-01-01": 1, "2026-01-01T00:00": 2}'),
    ],
)
def test_two_keys_that_come_to_the_same_are_one_key_twice(type_: Any, text: str) -> None:
    assert outcome(type_, text) == "has a key twice"


@pytest.mark.parametrize("type_", [RootModel[dt.timedelta], dt.timedelta])
@pytest.mark.parametrize("form", ["float", "iso8601"])
def test_a_root_is_written_as_its_config_says(type_: Any, form: Any) -> None:
    class Root(RootModel[type_]):
        model_config = ConfigDict(ser_json_timedelta=form)

    decoder = Decoder(plan(Root), key="value")
    decoder.feed('{"value": "PT1S"}')
    assert decoder.value == TypeAdapter(Root).dump_python(decoder.result, mode="json")


def test_numbers_in_bounds_are_as_they_were() -> None:
    assert outcome(list[Annotated[float, Field(le=2)]], "[1e-400, -0.0, 2]") == [0, 0, 2]


def unchanged(value: Any) -> Any:
    return value


Passed = Annotated[Any, PlainSerializer(unchanged)]
Shown = Annotated[str, AfterValidator(lambda key: key + "!")]


class Held(BaseModel):
    value: Passed = None


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (Held, '{"value": %s}'),
        (Held | list[str], '{"value": %s}'),
        (tuple[Passed, None], "[%s, null]"),
        (dict[Shown, Held | int], '{"a": {"value": %s}}'),
        (Annotated[dict[int, Held], BeforeValidator(unchanged)], '{"01": {"value": %s}}'),
        (Annotated[deque[Passed], BeforeValidator(unchanged)], "[%s]"),
    ],
)
def test_a_number_that_a_serializer_passes_on_inside_a_value_has_no_form(
    type_: Any, text: str
) -> None:
    assert outcome(type_, text % "-1e400") == "can't be written as JSON"
    expected = TypeAdapter(type_).validate_json(text % "null")
    assert outcome(type_, text % "null") == TypeAdapter(type_).dump_python(expected, mode="json")
