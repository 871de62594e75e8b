"""Types that come whole, and strings: each with JSON values, most of which are valid."""

from __future__ import annotations

import datetime as dt
import enum
import ipaddress
import math
import pathlib
import re
import uuid
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal

from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AnyUrl,
    AwareDatetime,
    Base64Bytes,
    BeforeValidator,
    ByteSize,
    Field,
    HttpUrl,
    Json,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    StringConstraints,
    WrapSerializer,
    WrapValidator,
)
from typing_extensions import TypeAliasType

from app.schema import Whole


@dataclass(frozen=True)
class Kind:
    """type: an annotation; values: JSON values; hashable: may be in a set, or be a key."""

    type: Any
    values: st.SearchStrategy[Any]
    hashable: bool = False


class Colour(enum.Enum):
    RED = "red"
    DEEP_RED = "deep red"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 12


class Size(enum.StrEnum):
    SMALL = "s"
    LARGE = "l"


JsonLike = TypeAliasType(
    "JsonLike", "dict[str, JsonLike] | list[JsonLike] | str | int | float | bool | None"
)
Title = TypeAliasType("Title", Annotated[str, Field(max_length=12)])

texts = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ["", " ", "a\u0000b", '"\\/', "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
     "\u2028", "data: x\n\nevent: done", "null", "[", "}"]
)  # fmt: skip
whole_numbers = st.integers(-20, 20) | st.integers(-(10**30), 10**30)
small = st.integers(-3, 13)
floats = st.floats(allow_nan=False, allow_infinity=False) | small
anything = st.recursive(
    st.none() | st.booleans() | small | floats | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
words = st.sampled_from(["a", "ab", " Ab ", "b", "B", "abc", "", "x y"])
dates = st.dates().map(str)
moments = st.datetimes(timezones=st.none() | st.just(dt.UTC)).map(dt.datetime.isoformat)
digits = st.decimals(-1000, 1000, places=2, allow_nan=False).map(str)


def shout(value: Any) -> Any:
    """Run twice, it would show."""
    return f"{value}!"


def twice(value: Any) -> Any:
    return value * 2


def wrapped(value: Any, handler: Any) -> Any:
    return handler(value)


AnObject = Annotated[int, WrapSerializer(lambda v, h: {"n": h(v)})]
UNFIT_FOR_KEYS: list[Any] = [AnObject, Json, Json[list[int]]]

STRINGS = [
    Kind(str, texts, True),
    Kind(Title, words, True),
    Kind(Annotated[str, StringConstraints(min_length=1, max_length=3)], words, True),
    Kind(Annotated[str, StringConstraints(pattern="^[aA ]")], words, True),
    Kind(Annotated[str, StringConstraints(strip_whitespace=True, max_length=2)], words, True),
    Kind(Annotated[str, StringConstraints(to_lower=True)], words | texts, True),
    Kind(Annotated[str, StringConstraints(to_upper=True)], words | texts, True),
    Kind(Annotated[str, AfterValidator(shout)], words, True),
    Kind(Annotated[str, AfterValidator(len)], words, True),
]

WHOLES = [
    Kind(Annotated[str, Whole], texts, True),
    Kind(Annotated[str, BeforeValidator(shout)], words | small, True),
    Kind(Annotated[str, WrapValidator(wrapped)], words, True),
    Kind(Annotated[str, PlainValidator(shout)], words, True),
    Kind(Annotated[str, PlainSerializer(len)], words, True),
    Kind(Annotated[str, PlainSerializer(len, when_used="unless-none")], words, True),
    Kind(Annotated[str | None, PlainSerializer(str, when_used="json-unless-none")], words),
    Kind(AnObject, small, True),
    Kind(Annotated[int, PlainSerializer(str, return_type=str, when_used="json")], small, True),
    Kind(Annotated[str, StringConstraints(strict=True)], words, True),
    Kind(int, whole_numbers, True),
    Kind(Annotated[int, Field(ge=0, le=9)], small, True),
    Kind(Annotated[int, Field(multiple_of=3)], small, True),
    Kind(Annotated[int, AfterValidator(twice)], small, True),
    Kind(float, floats | whole_numbers),
    Kind(float, floats | st.sampled_from(["NaN", "-Infinity", math.inf])),
    Kind(Any, anything | st.just(-math.inf)),
    Kind(bool, st.booleans()),
    Kind(Decimal, digits | floats | whole_numbers, True),
    Kind(Annotated[Decimal, Field(max_digits=5, decimal_places=1)], digits, True),
    Kind(Fraction, st.sampled_from(["1/3", "2", 5]), True),
    Kind(None, st.none()),
    Kind(Any, anything),
    Kind(object, anything),
    Kind(JsonLike, anything),
    Kind(Colour, st.sampled_from(["red", "deep red"]), True),
    Kind(Level, st.sampled_from([1, 12]), True),
    Kind(Size, st.sampled_from(["s", "l", "x"]), True),
    Kind(Literal["pending", "pend"], st.sampled_from(["pending", "pend", "pendin"]), True),
    Kind(Literal["a", 1, True, None], st.sampled_from(["a", 1, True, None, 2])),
    Kind(Literal[Colour.RED], st.just("red"), True),
    Kind(dt.date, dates, True),
    Kind(dt.datetime, moments | dates | small, True),
    Kind(AwareDatetime, moments, True),
    Kind(dt.time, st.times().map(str), True),
    Kind(dt.timedelta, st.sampled_from(["P1DT2H", "-PT0.5S", 90, 1.5]), True),
    Kind(uuid.UUID, st.uuids().map(str), True),
    Kind(HttpUrl, st.sampled_from(["https://example.org", "http://a.b/c?d=e#f", "ftp://x"])),
    Kind(AnyUrl, st.sampled_from(["https://example.org", "mailto:a@b.c"])),
    Kind(bytes, texts, True),
    Kind(Base64Bytes, st.sampled_from(["aGk=", "", "!"]), True),
    Kind(Json, st.sampled_from(['{"a": [1, 2]}', "3", "x"])),
    Kind(Json[list[int]], st.sampled_from(["[1, 2]", "[]", '["a"]'])),
    Kind(SecretStr, words, True),
    Kind(ipaddress.IPv4Address, st.sampled_from(["10.0.0.1", "::1"]), True),
    Kind(re.Pattern, st.sampled_from(["a+", "("])),
    Kind(ByteSize, st.sampled_from(["1KB", "3 MiB", 12]), True),
    Kind(pathlib.PurePosixPath, words, True),
    Kind(int | str, small | words, True),
    Kind(Annotated[float | Literal["x"] | bool, Field(union_mode="left_to_right")], floats),
]
