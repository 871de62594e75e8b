"""Classes with code of their own: validators, serializers, defaults that are made."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID, uuid4

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from tests.partial.kinds import Colour, Title

_counter = itertools.count()


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
