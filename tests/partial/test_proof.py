"""Where the parts may come to something else than the whole, Pydantic has the last word."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import deque
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    OnErrorOmit,
    model_validator,
)
from typing_extensions import TypedDict

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.plan import plan


class Plain(BaseModel):
    title: Annotated[str, Field(max_length=9, alias="Title")]
    day: dt.date | None = None
    inner: list[Plain] = []
    config: dict[str, int] = {}


class Film(TypedDict, total=False):
    default: str


@dataclasses.dataclass
class Data:
    name: str


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Checked(BaseModel):
    title: str

    @model_validator(mode="after")
    def check(self) -> Checked:
        return self


class One(BaseModel):
    kind: Literal["one"] = Field(alias="type")
    text: str = ""


class Two(BaseModel):
    kind: Literal["two"] = Field(alias="type")


Either = Annotated[One | Two, Field(discriminator="kind")]
"""Pydantic looks at `kind` before `type`: only the whole text tells whether it is there."""


class Swapped(BaseModel):
    """Either field reads the other's key where its own is missing."""

    title: str = Field(validation_alias=AliasChoices("title", "name"))
    name: str = Field(validation_alias=AliasChoices("name", "title"), max_length=3)


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    count: int


class ByName(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    a: int = Field(alias="A")


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Inside(BaseModel):
    first: str = Field(validation_alias=AliasPath("names", 0))


class Holder(TypedDict):
    default: Checked


@pytest.mark.parametrize(
    "type_",
    [
        Plain,
        list[Plain],
        Film,
        Data,
        Annotated[Cat | Dog, Field(discriminator="kind")],
        dict[str, tuple[int, set[str] | None]],
        Annotated[list[str], Field(min_length=1)],
    ],
)
def test_these_are_proved_to_come_to_the_same_in_parts(type_: Any) -> None:
    assert plan(type_).proof is None


@pytest.mark.parametrize(
    "type_",
    [
        Swapped,
        list[Either],
        Checked,
        dict[str, Checked],
        Holder,
        Strict,
        ByName,
        Open,
        Inside,
        Annotated[str, AfterValidator(str.strip)],
        list[OnErrorOmit[int]],
        deque[int],
        Sequence[int],
        HttpUrl,
    ],
)
def test_these_are_not(type_: Any) -> None:
    assert plan(type_).proof is not None


def decoder(type_: Any, text: str, *, key: str | None = None, bound: int | None = None) -> Decoder:
    made = Decoder(plan(type_), key=key, bound=bound)
    for character in text:
        made.feed(character)
    return made


@pytest.mark.parametrize("around", ["{}", "```json\n{}\n```", "\ufeffHere, 1 \u00e9: {} Well?"])
def test_what_pydantic_refuses_is_never_done(around: str) -> None:
    good = around.replace("{}", '{"type": "one", "text": "a"}')
    bad = around.replace("{}", '{"type": "one", "kind": "two"}')
    valid = decoder(Either, good)
    valid.finish()
    assert valid.done
    assert valid.value == {"type": "one", "text": "a"}
    invalid = decoder(Either, bad)
    with pytest.raises(Invalid) as caught:
        invalid.finish()
    assert not invalid.done
    assert caught.value.errors == [{"path": "", "message": "must be 'two'"}]
    assert "two/type" in caught.value.feedback


def test_it_is_the_same_in_the_object_that_an_answer_is_wrapped_in() -> None:
    text = '{"before": [1], "items": [{"type": "two"}, {"type": "one"%s}], "after": "]}"}'
    valid = decoder(list[Either], text % "", key="items", bound=5)
    valid.finish()
    assert valid.done
    with pytest.raises(Invalid):
        decoder(list[Either], text % ', "kind": 1', key="items", bound=5).finish()


@pytest.mark.parametrize("key", ["items", None])
@pytest.mark.parametrize("more", [",{", ' , {"type": "too many"', ',\n\t{"type": "one"}]} etc.'])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_list_that_has_all_its_elements_is_proved_without_the_next(
    key: str | None, more: str, size: int
) -> None:
    for last, is_valid in (
        ("", True),
        (', "text": "\\u00e9\\ud83d\\ude00\u00e9]}"', True),
        (', "kind": "two"', False),
    ):
        text = '{"items": ' if key else ""
        text += f'[{{"type": "one", "text": "a]}}"}}, {{"type": "one"{last}}}{more}'
        made = Decoder(plan(list[Either]), key=key, bound=2)
        cut = [text[at : at + size] for at in range(0, len(text), size)]
        if is_valid:
            for piece in cut:
                made.feed(piece)
            made.finish()
            assert made.stopped
            assert made.done
        else:
            with pytest.raises(Invalid):
                [made.feed(piece) for piece in cut]
            assert not made.done


def test_the_value_stays_the_one_that_was_shown() -> None:
    calls: list[str] = []

    def count(value: str) -> str:
        calls.append(value)
        return f"{value}{len(calls)}"

    class Counted(BaseModel):
        text: Annotated[str, AfterValidator(count)]

    made = decoder(Counted, '{"text": "a"}')
    before = made.value, made.result
    made.finish()
    made.finish()
    assert (made.value, made.result) == before == ({"text": "a1"}, made.result)
    assert calls == ["a", "a"]  # for the value, and for the proof


def test_a_text_that_needs_no_proof_is_not_kept() -> None:
    made = decoder(Plain, '{"Title": "a"')
    assert made.kept == 0
    assert decoder(Swapped, '{"title": "é"').kept == len('{"title": "é"'.encode())
