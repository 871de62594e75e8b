"""Classes of all shapes: aliases, generics, roots, typed dicts, dataclasses, unions, marks."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypeVar

from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    RootModel,
    Tag,
    field_validator,
    model_validator,
)
from pydantic import dataclasses as pydantic_dataclasses
from typing_extensions import TypedDict

from app.schema import NotNull, Whole
from tests.partial.classes import Node, Shouting
from tests.partial.kinds import Colour

T = TypeVar("T")


class Aliased(BaseModel):
    model_config = ConfigDict(alias_generator=str.upper, validate_by_name=True)

    a: str
    b: Annotated[list[str], Field(alias="bees")]
    c: Annotated[int, Field(validation_alias=AliasChoices("c1", "c2"), serialization_alias="see")]


class ByPath(BaseModel):
    first: Annotated[str, Field(validation_alias=AliasPath("names", 0))]
    last: Annotated[str, Field(validation_alias=AliasChoices("last", AliasPath("names", 1)))]
    names: list[str] = []


class Pair(BaseModel, Generic[T]):
    left: T
    right: list[T]


class Names(RootModel[list[str]]):
    pass


class Trimmed(RootModel[Annotated[str, Field(max_length=9)]]):
    @model_validator(mode="after")
    def shout(self) -> Trimmed:
        self.root += "!"
        return self


class Scores(RootModel[dict[Colour, int]]):
    pass


class Outer(RootModel[Names]):
    pass


class OfModel(RootModel[Shouting]):
    pass


class Film(TypedDict):
    title: str
    cast: NotRequired[list[str]]
    year: NotRequired[int | None]


class Loose(TypedDict, total=False):
    a: str
    b: Film


class Point(NamedTuple):
    x: int
    y: str = "y"


@dataclasses.dataclass
class Plain:
    name: str
    many: list[int] = dataclasses.field(default_factory=list)
    fixed: int = dataclasses.field(default=3, init=False)


@pydantic_dataclasses.dataclass(config=ConfigDict(strict=True))
class Checked:
    day: dt.date
    start: dataclasses.InitVar[int]
    inner: Plain
    stop: int = 0

    def __post_init__(self, start: int) -> None:
        self.stop = self.stop + start


@pydantic_dataclasses.dataclass
class Listed:
    name: str
    at: list[str]

    @field_validator("at")
    @classmethod
    def add(cls, value: list[str], info: Any) -> list[str]:
        return [*value, str(info.data)]


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int
    name: Annotated[str, Field(alias="catName")]


class Dog(BaseModel):
    kind: Literal["dog", "hound"]
    friends: list[Pet]


class Fish(BaseModel):
    kind: Literal[Colour.RED]
    scales: str = "many"

    @model_validator(mode="after")
    def shout(self) -> Fish:
        self.scales += "!"
        return self


Pet = Annotated[Cat | Dog | Fish, Field(discriminator="kind")]


class Car(BaseModel):
    kind: Annotated[Literal["car"], Field(alias="type")]
    wheels: int


class Boat(BaseModel):
    kind: Annotated[Literal["boat"], Field(alias="type")]
    sails: list[str]


Vehicle = Annotated[Car | Boat, Field(discriminator="kind")]


class Small(BaseModel):
    group: Literal["a"]
    kind: Literal["x"]
    text: str


class Large(BaseModel):
    group: Literal["a"]
    kind: Literal["y"]
    text: str


class Other(BaseModel):
    group: Literal["b"]
    text: Annotated[str, NotNull]


Grouped = Annotated[
    Annotated[Small | Large, Field(discriminator="kind")] | Other, Field(discriminator="group")
]


def _by_shape(value: Any) -> str:
    members = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return "cat" if "lives" in members else "dog"


Called = Annotated[
    Annotated[Cat, Tag("cat")] | Annotated[Dog, Tag("dog")], Discriminator(_by_shape)
]


class Marked(BaseModel):
    before: str
    key: Annotated[str, NotNull]
    whole: Annotated[list[str], Whole]
    kind: Annotated[Literal["a", "b"] | None, NotNull]
    inner: Annotated[Node, NotNull] | None = None


class Configured(BaseModel):
    model_config = ConfigDict(
        ser_json_bytes="base64",
        val_json_bytes="base64",
        ser_json_timedelta="float",
        str_strip_whitespace=True,
        str_to_lower=True,
        use_enum_values=True,
        coerce_numbers_to_str=True,
        validate_default=True,
        extra="forbid",
    )

    data: bytes
    span: dt.timedelta
    text: str
    colour: Colour = Colour.RED
    later: str = " DEFAULT "


class Abstract(BaseModel):
    items: Sequence[int]
    pairs: Mapping[str, str]
    queue: deque[int]
    optional: Annotated[list[str] | None, Field(max_length=2)]
