"""Classes with code of their own: what can't be generated from a few choices."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypeVar
from uuid import UUID, uuid4

from hypothesis import strategies as st
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    RootModel,
    Tag,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic import dataclasses as pydantic_dataclasses
from typing_extensions import TypedDict

from app.schema import NotNull, Whole
from tests.partial.kinds import Colour, Kind, Title, dates, small, texts, words

T = TypeVar("T")
_counter = itertools.count()


def maybe(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object that may lack any of its members."""
    return st.fixed_dictionaries({}, optional=members)


class Node(BaseModel):
    name: str
    children: list[Node] = []
    parent: Node | None = None


class Even(BaseModel):
    left: str
    odd: Odd | None


class Odd(BaseModel):
    right: int
    evens: dict[str, Even]


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    day: dt.date
    price: Decimal
    colour: Colour
    inner: tuple[int, str]
    day_after: dt.date = dt.date(2026, 1, 1)

    @field_validator("day_after", mode="before")
    @classmethod
    def pass_on(cls, value: Any, info: Any) -> Any:
        return value


class Shouting(BaseModel):
    """Validators that show when they run twice."""

    first: str
    second: str
    tags: list[str]
    third: Title = "c"

    @field_validator("first")
    @classmethod
    def shout(cls, value: str) -> str:
        return value + "!"

    @field_validator("second")
    @classmethod
    def look_back(cls, value: str, info: Any) -> str:
        return f"{value}<{info.data.get('first')}"

    @field_validator("tags")
    @classmethod
    def add(cls, value: list[str], info: Any) -> list[str]:
        return [*value, str(len(info.data)), info.field_name]

    @model_validator(mode="after")
    def shout_louder(self) -> Shouting:
        self.third += "?"
        return self


class Before(BaseModel):
    a: str
    b: list[int]

    @model_validator(mode="before")
    @classmethod
    def rename(cls, data: Any) -> Any:
        return {**data, "a": data["x"]} if isinstance(data, dict) and "x" in data else data


class Wrapped(BaseModel):
    a: str
    inner: Shouting

    @model_validator(mode="wrap")
    @classmethod
    def around(cls, data: Any, handler: Any, info: Any) -> Any:
        made = handler(data)
        made.a += "."
        return made

    @field_validator("inner", mode="wrap")
    @classmethod
    def inside(cls, value: Any, handler: Any, info: Any) -> Any:
        made = handler(value)
        made.first += made.first + str(info.data.get("a"))
        return made


class Generated(BaseModel):
    """Defaults that are never the same."""

    text: str
    identity: UUID = Field(default_factory=uuid4)
    number: int = Field(default_factory=lambda: next(_counter))
    of: str = Field(default_factory=lambda data: data["text"] + "#", validate_default=True)
    checked: Annotated[str, Field(validate_default=True)] = "x"

    @field_validator("checked", "of")
    @classmethod
    def shout(cls, value: str) -> str:
        return value + "!"


class Computed(BaseModel):
    model_config = ConfigDict(extra="allow")

    price: Decimal
    amount: int = 1

    @computed_field
    @property
    def total(self) -> Decimal:
        return self.price * self.amount

    @computed_field(alias="isCheap")
    @property
    def cheap(self) -> bool:
        return self.total < 10


class Extras(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[str, dt.date] = Field(init=False)

    name: str


class Serialized(BaseModel):
    day: dt.date
    name: str
    maybe: str | None
    many: list[str]
    hidden: Annotated[str, Field(exclude=True)] = ""
    blank: Annotated[str, Field(exclude_if=lambda v: v == "")] = ""

    @field_serializer("day")
    def year(self, value: dt.date) -> int:
        return value.year

    @field_serializer("name")
    def full(self, value: str) -> str:
        return f"{value} of {self.day}"

    @field_serializer("maybe", when_used="json-unless-none")
    def quoted(self, value: str) -> str:
        return f"'{value}'"

    @field_serializer("many", mode="wrap")
    def joined(self, value: list[str], handler: Any) -> list[str]:
        return [*handler(value), "end"]


class Rewritten(BaseModel):
    a: str
    b: int = 0

    @model_serializer
    def pair(self) -> list[Any]:
        return [self.a, self.b]


class Adorned(BaseModel):
    a: str
    inner: list[int]

    @model_serializer(mode="wrap")
    def adorn(self, handler: Any) -> dict[str, Any]:
        return {**handler(self), "more": len(self.inner)}


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
    stream: Iterable[str]
    queue: deque[int]
    optional: Annotated[list[str] | None, Field(max_length=2)]


nodes = st.recursive(
    st.fixed_dictionaries({"name": texts}),
    lambda inner: st.fixed_dictionaries(
        {"name": texts}, optional={"children": st.lists(inner, max_size=3), "parent": inner}
    ),
    max_leaves=5,
)
shoutings = st.fixed_dictionaries(
    {"first": words, "second": words, "tags": st.lists(words, max_size=2)},
    optional={"third": words},
)
names = st.lists(texts, max_size=3)
cats = st.fixed_dictionaries({"kind": st.just("cat"), "lives": small, "catName": texts})
fish = st.fixed_dictionaries({"kind": st.just("red")}, optional={"scales": texts})
pets = st.recursive(
    cats | fish,
    lambda inner: st.fixed_dictionaries(
        {"kind": st.sampled_from(["dog", "hound"]), "friends": st.lists(inner, max_size=2)}
    ),
    max_leaves=3,
)
plains = st.fixed_dictionaries({"name": texts}, optional={"many": st.lists(small, max_size=2)})
generated = st.fixed_dictionaries(
    {"text": words}, optional={"identity": st.uuids().map(str), "checked": words, "of": words}
)
aliased = st.fixed_dictionaries({"A": texts, "bees": names, "c2": small}) | maybe(
    a=texts, A=texts, bees=names, c1=small, c2=small, C=small, c=small
)


def _evens(inner: Any) -> Any:
    odd = st.fixed_dictionaries(
        {"right": small, "evens": st.dictionaries(texts, inner, max_size=2)}
    )
    return st.fixed_dictionaries({"left": texts, "odd": st.none() | odd})


ZOO = [
    Kind(Node, nodes),
    Kind(Even, st.recursive(_evens(st.nothing()), _evens, max_leaves=3)),
    Kind(
        Strict,
        st.fixed_dictionaries(
            {"day": dates, "price": st.sampled_from([1, "2.50"]), "colour": st.just("red"),
             "inner": st.just([1, "a"])},
            optional={"day_after": dates},
        ),
    ),
    Kind(Shouting, shoutings),
    Kind(Before, st.fixed_dictionaries({"x": texts, "b": st.lists(small, max_size=3)})),
    Kind(Wrapped, st.fixed_dictionaries({"a": texts, "inner": shoutings})),
    Kind(Generated, generated),
    Kind(
        Computed,
        st.fixed_dictionaries({"price": small}, optional={"amount": small, "more": names, "total": small}),
    ),
    Kind(Extras, st.fixed_dictionaries({"name": texts}, optional={"begin": dates, "end": dates | small})),
    Kind(
        Serialized,
        st.fixed_dictionaries(
            {"day": dates, "name": texts, "maybe": st.none() | texts, "many": names},
            optional={"hidden": texts, "blank": texts},
        ),
    ),
    Kind(Rewritten, st.fixed_dictionaries({"a": texts}, optional={"b": small})),
    Kind(Adorned, st.fixed_dictionaries({"a": texts, "inner": st.lists(small, max_size=3)})),
    Kind(Aliased, aliased),
    Kind(ByPath, maybe(names=names, last=texts) | st.fixed_dictionaries({"names": st.just(["a", "b"])})),
    Kind(Pair[int], st.fixed_dictionaries({"left": small, "right": st.lists(small, max_size=3)})),
    Kind(
        Pair[Pair[str]],
        st.fixed_dictionaries(
            {"left": st.fixed_dictionaries({"left": texts, "right": names}), "right": st.just([])}
        ),
    ),
    Kind(Names, names),
    Kind(Trimmed, texts),
    Kind(Scores, st.dictionaries(st.sampled_from(["red", "deep red"]), small)),
    Kind(Outer, names),
    Kind(OfModel, shoutings),
    Kind(Film, st.fixed_dictionaries({"title": texts}, optional={"cast": names, "year": st.none() | small})),
    Kind(Loose, maybe(a=texts, b=st.fixed_dictionaries({"title": texts}, optional={"cast": names}))),
    Kind(Point, st.sampled_from([[1, "a"], [1], {"x": 2}])),
    Kind(Plain, plains),
    Kind(Checked, st.fixed_dictionaries({"day": dates, "start": small, "inner": plains}, optional={"stop": small})),
    Kind(Listed, st.fixed_dictionaries({"name": texts, "at": names})),
    Kind(Pet, pets),
    Kind(Cat | Fish, cats | fish),
    Kind(
        Vehicle,
        st.fixed_dictionaries({"type": st.just("car"), "wheels": small})
        | st.fixed_dictionaries({"type": st.just("boat"), "sails": names}),
    ),
    Kind(
        Grouped,
        st.fixed_dictionaries({"group": st.just("a"), "kind": st.sampled_from(["x", "y"]), "text": texts})
        | st.fixed_dictionaries({"group": st.just("b"), "text": texts}),
    ),
    Kind(Called, cats),
    Kind(
        Marked,
        st.fixed_dictionaries(
            {"before": texts, "key": texts, "whole": names, "kind": st.sampled_from(["a", "b", None])},
            optional={"inner": nodes},
        ),
    ),
    Kind(
        Configured,
        st.fixed_dictionaries(
            {"data": st.sampled_from(["aGk=", ""]), "span": st.sampled_from([1.5, "PT2S"]), "text": words | small},
            optional={"colour": st.just("red"), "later": words},
        ),
    ),
    Kind(
        Abstract,
        st.fixed_dictionaries(
            {"items": st.lists(small, max_size=2), "pairs": st.dictionaries(texts, texts, max_size=2),
             "stream": names, "queue": st.lists(small, max_size=2), "optional": st.none() | names}
        ),
    ),
]  # fmt: skip
