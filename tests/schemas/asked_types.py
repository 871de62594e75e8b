"""Types that have a JSON form, as many as there are: for what a model is asked."""

from __future__ import annotations

import collections
import datetime as dt
import ipaddress
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Len, Lt, MultipleOf
from pydantic import (
    AmqpDsn,
    AnyHttpUrl,
    AnyUrl,
    AnyWebsocketUrl,
    AwareDatetime,
    Base64Bytes,
    Base64Str,
    Base64UrlBytes,
    Base64UrlStr,
    BaseModel,
    ByteSize,
    ClickHouseDsn,
    CockroachDsn,
    ConfigDict,
    Field,
    FileUrl,
    FiniteFloat,
    FtpUrl,
    HttpUrl,
    IPvAnyAddress,
    IPvAnyInterface,
    IPvAnyNetwork,
    Json,
    KafkaDsn,
    MariaDBDsn,
    MongoDsn,
    MySQLDsn,
    NaiveDatetime,
    NatsDsn,
    NegativeFloat,
    NegativeInt,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    PostgresDsn,
    RedisDsn,
    SecretBytes,
    SecretStr,
    SnowflakeDsn,
    Strict,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    WebsocketUrl,
)
from pydantic.networks import UrlConstraints
from pydantic.types import UUID1, UUID3, UUID4, UUID5, UUID6, UUID7, UUID8
from pydantic_core import MultiHostUrl, Url
from typing_extensions import TypedDict


class Colour(Enum):
    RED = "red"
    DEEP_RED = "deep red"


class Level(IntEnum):
    LOW = 1
    HIGH = 12


class Size(StrEnum):
    SMALL = "s"


class Mixed(Enum):
    TEXT = "a"
    NUMBER = 2


class Stripped(BaseModel):
    model_config = ConfigDict(
        str_strip_whitespace=True, str_min_length=2, str_max_length=6, extra="forbid"
    )

    text: str
    own: Annotated[str, Field(min_length=1, max_length=9)]
    by_name: dict[str, str] = {}


class Coded(BaseModel):
    model_config = ConfigDict(val_json_bytes="base64")

    data: bytes
    bounded: Annotated[bytes, Field(min_length=2, max_length=5)]


class InHex(BaseModel):
    model_config = ConfigDict(val_json_bytes="hex")

    data: bytes
    bounded: Annotated[bytes, Field(min_length=1, max_length=3)]


class StrictModel(BaseModel):
    model_config = ConfigDict(strict=True)

    day: dt.date
    moment: dt.datetime
    span: Annotated[dt.timedelta, Ge(dt.timedelta(0))]
    price: Decimal
    part: Fraction
    identity: uuid.UUID
    address: ipaddress.IPv4Address
    link: HttpUrl
    data: bytes
    both: tuple[int, str]
    many: set[int]
    colour: Colour


class Film(TypedDict, total=False):
    title: str
    price: Annotated[Decimal, Ge(0)]


def bounded(kind: Any, *rules: Any) -> Any:
    return Annotated[kind, *rules]


DAY, MOMENT = dt.date(2026, 3, 5), dt.datetime(2026, 3, 5, 12)
AWARE = MOMENT.replace(tzinfo=dt.UTC)

NUMBERS = [
    int, float, bool, Decimal, Fraction, complex, FiniteFloat, PositiveInt, NegativeInt,
    NonNegativeInt, PositiveFloat, NegativeFloat, StrictInt, StrictBool, ByteSize,
    bounded(int, Ge(0), Le(9)), bounded(int, MultipleOf(3), Gt(-7)), bounded(int, Gt(2), Lt(5)),
    bounded(float, Ge(0), Lt(1)), bounded(float, MultipleOf(0.25)),
    bounded(Decimal, Ge(0)), bounded(Decimal, Gt(0)), bounded(Decimal, Lt(0)),
    bounded(Decimal, Ge(Decimal("0.05")), Le(Decimal("19.99"))),
    bounded(Decimal, Gt(Decimal("-3.5")), Lt(Decimal("12.25"))),
    bounded(Decimal, Field(decimal_places=2)), bounded(Decimal, Field(max_digits=5)),
    bounded(Decimal, Field(max_digits=5, decimal_places=2)),
    bounded(Decimal, Field(max_digits=3, decimal_places=3, gt=0)),
    bounded(Decimal, Field(max_digits=4, ge=10, le=250)),
    bounded(Decimal, Field(decimal_places=0, ge=1, le=30)),
    bounded(Decimal, MultipleOf(Decimal("0.05"))), bounded(Decimal, MultipleOf(5), Ge(0)),
    bounded(Decimal, MultipleOf(Decimal("0.01")), Ge(0), Le(1)),
    bounded(Decimal, Field(strict=True)), bounded(Decimal, Field(allow_inf_nan=True)),
    bounded(Decimal, Ge(10**20)), bounded(Fraction, Ge(0), Lt(2)),
]  # fmt: skip

STRINGS = [
    str, StrictStr, SecretStr, SecretBytes, bytes, Base64Bytes, Base64Str, Base64UrlBytes,
    Base64UrlStr, bounded(str, Len(2, 5)), bounded(bytes, Len(1, 4)), bounded(bytes, Len(3)),
    Annotated[str, StringConstraints(pattern="^[a-z]{2,4}$")],
    Annotated[str, StringConstraints(pattern="^[aA]+[0-9]?$", max_length=5)],
    Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)],
    Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)],
    Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=7)],
    Annotated[str, StringConstraints(to_lower=True, min_length=1)],
    Annotated[str, StringConstraints(to_upper=True, max_length=3)],
    Colour, Level, Size, Mixed, Literal["a", "b"], Literal["a", 1, True, None],
    Json, Json[list[int]], Json[Film], Stripped, Coded, InHex,
]  # fmt: skip

MOMENTS = [
    dt.date, dt.datetime, dt.time, dt.timedelta, AwareDatetime, NaiveDatetime,
    bounded(dt.date, Ge(DAY)), bounded(dt.date, Lt(DAY)),
    bounded(dt.date, Gt(DAY), Le(DAY.replace(year=2031))),
    bounded(dt.date, Ge(DAY), Le(DAY.replace(day=9))),
    bounded(dt.datetime, Ge(MOMENT)), bounded(dt.datetime, Gt(AWARE), Lt(AWARE.replace(year=2027))),
    bounded(dt.time, Ge(dt.time(9, 30)), Le(dt.time(17))), bounded(dt.time, Gt(dt.time(23))),
    bounded(dt.timedelta, Ge(dt.timedelta(0))),
    bounded(dt.timedelta, Gt(dt.timedelta(minutes=5)), Le(dt.timedelta(days=2))),
    bounded(dt.date, Strict()), bounded(dt.timedelta, Strict()), StrictModel,
]  # fmt: skip

ADDRESSES = [
    uuid.UUID, UUID1, UUID3, UUID4, UUID5, UUID6, UUID7, UUID8,
    AnyUrl, AnyHttpUrl, HttpUrl, FileUrl, FtpUrl, WebsocketUrl, AnyWebsocketUrl, Url, MultiHostUrl,
    AmqpDsn, ClickHouseDsn, CockroachDsn, KafkaDsn, MariaDBDsn, MongoDsn, MySQLDsn, NatsDsn,
    PostgresDsn, RedisDsn, SnowflakeDsn,
    Annotated[AnyUrl, UrlConstraints(allowed_schemes=["https", "git+ssh"], max_length=90)],
    ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network,
    ipaddress.IPv4Interface, ipaddress.IPv6Interface, IPvAnyAddress, IPvAnyInterface, IPvAnyNetwork,
]  # fmt: skip

CONTAINERS = [
    list[int], list[Decimal], bounded(list[str], Len(1, 3)), tuple[int, str], tuple[int, ...],
    set[int], bounded(set[Colour], Len(1)), frozenset[str], collections.deque[int],
    Sequence[dt.date], Iterable[int], Mapping[str, int], dict[str, Any], dict[str, Decimal],
    dict[int, str], dict[Annotated[int, Ge(3), Le(120)], int], dict[float, int], dict[bool, int],
    dict[Decimal, int], dict[Colour, int], dict[Level, int], dict[Size, int], dict[dt.date, int],
    dict[uuid.UUID, int], dict[Literal["a", "b"], int], dict[Literal[1, 2], int],
    dict[int | None, int], dict[HttpUrl, int], dict[tuple[int, int], int],
    dict[Annotated[str, StringConstraints(pattern="^[a-z]{1,3}$")], int],
    dict[Annotated[str, Field(min_length=2, max_length=4)], list[Decimal]],
    bounded(dict[str, int], Len(1, 2)), collections.Counter[str], collections.OrderedDict[str, int],
    collections.defaultdict[str, list[int]], Film, int | str, Decimal | None, dt.date | Decimal,
    Any, None, list[Any],
]  # fmt: skip

TYPES = [*NUMBERS, *STRINGS, *MOMENTS, *ADDRESSES, *CONTAINERS]
