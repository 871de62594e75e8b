"""What a schema's own code raises is an invalid value, and its words stay here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    PlainValidator,
    Tag,
    WrapSerializer,
    WrapValidator,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from app.partial.decoder import Decoder
from app.partial.plan import plan
from tests.partial.texts import run

SECRET = "the words of an exception"
RAISED = [ZeroDivisionError, TypeError, KeyError, RecursionError, OSError, ValueError]


class Raise:
    """Raises what a test has asked for."""

    kind: type[Exception] = ZeroDivisionError


def broken(_: object) -> Any:
    raise Raise.kind(SECRET)


def wrapped(value: object, _: object) -> Any:
    return broken(value)


class Computed(BaseModel):
    a: int

    @computed_field
    def b(self) -> int:
        return int(broken(None))


class ComputedAlias(BaseModel):
    a: int

    @computed_field(alias="c", return_type=list[int])
    @property
    def b(self) -> list[int]:
        return list(broken(None))


class AfterModel(BaseModel):
    a: int

    @model_validator(mode="after")
    def check(self) -> AfterModel:
        broken(None)
        return self


class BeforeModel(BaseModel):
    a: int

    @model_validator(mode="before")
    @classmethod
    def check(cls, value: Any) -> Any:
        return broken(value)


class AsksForOthers(BaseModel):
    a: int

    @field_validator("a")
    @classmethod
    def check(cls, value: int, info: Any) -> int:
        return int(broken(value))


class PostInit(BaseModel):
    a: int

    def model_post_init(self, _: Any) -> None:
        broken(None)


@dataclass
class Initiated:
    a: int

    def __post_init__(self) -> None:
        broken(None)


class FieldWritten(BaseModel):
    a: int

    @field_serializer("a")
    def write(self, value: int) -> int:
        return int(broken(value))


class ModelWritten(BaseModel):
    a: int

    @model_serializer
    def write(self) -> dict[str, int]:
        return dict(broken(None))


class Factory(BaseModel):
    a: int
    b: int = Field(default_factory=lambda: broken(None))


class FactoryOfOthers(BaseModel):
    a: int
    b: int = Field(default_factory=broken)


class ExcludedIf(BaseModel):
    a: Annotated[int, Field(exclude_if=broken)]


class ValidatedDefault(BaseModel):
    a: int
    b: Annotated[int, AfterValidator(broken)] = Field(1, validate_default=True)


class One(BaseModel):
    a: int


Chosen = Annotated[
    Annotated[One, Tag("one")] | Annotated[Computed, Tag("two")], Discriminator(broken)
]
Key = Annotated[str, AfterValidator(broken)]
WrittenKey = Annotated[int, PlainSerializer(broken)]

OBJECTS = [
    Computed, ComputedAlias, AfterModel, BeforeModel, AsksForOthers, PostInit, Initiated,
    FieldWritten, ModelWritten, Factory, FactoryOfOthers, ExcludedIf, ValidatedDefault,
]  # fmt: skip
MARKS: list[Any] = [
    AfterValidator(broken),
    BeforeValidator(broken),
    PlainValidator(broken),
    WrapValidator(wrapped),
    PlainSerializer(broken),
    WrapSerializer(wrapped),
]
CASES: list[tuple[Any, str]] = [
    *((type_, '{"a": 1}') for type_ in OBJECTS),
    *((Annotated[int, mark], "1") for mark in MARKS),
    *((Annotated[str, mark], '"x"') for mark in MARKS),
    *((Annotated[list[int], mark], "[1]") for mark in MARKS),
    *((Annotated[dict[str, int], mark], '{"a": 1}') for mark in MARKS),
    (dict[Key, int], '{"a": 1}'),
    (dict[WrittenKey, int], '{"1": 1}'),
    (
        Annotated[
            Annotated[One, Tag("one")] | Annotated[Computed, Tag("two")], Discriminator(broken)
        ],
        '{"a": 1}',
    ),
]


@pytest.mark.parametrize("raised", RAISED, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(("type_", "text"), CASES)
def test_what_it_raises_is_an_invalid_value(
    type_: Any, text: str, raised: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Raise, "kind", raised)
    for place, around in ((type_, "%s"), (list[type_], "[%s]"), (dict[str, type_], '{"k": %s}')):
        decoder = Decoder(plan(place))
        _, error = run(decoder, [around % text])
        assert error is not None
        assert not decoder.done
        assert all(SECRET not in flaw["message"] for flaw in error.errors)
        assert raised is ValueError or SECRET not in error.feedback


def test_the_proof_of_a_whole_answer_may_raise_as_well() -> None:
    calls: list[int] = []

    def once(value: int) -> int:
        calls.append(value)
        return value if len(calls) == 1 else int(broken(value))

    decoder = Decoder(plan(list[Annotated[int, AfterValidator(once)]]))
    _, error = run(decoder, ["[1]"])
    assert error is not None
    assert error.errors == [{"path": "", "message": "is not valid"}]
    assert not decoder.done
