"""When an object closes, its validators and serializers may change what was shown in it, once."""

from __future__ import annotations

import datetime as dt
import json
from enum import Enum
from typing import Annotated, Any, NotRequired
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from pydantic import (
    AfterValidator,
    AliasPath,
    Base64Bytes,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    RootModel,
    TypeAdapter,
    computed_field,
    field_validator,
    model_validator,
)
from typing_extensions import TypedDict

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.json_schema import partial_json_schema
from app.partial.plan import plan
from tests.partial.streams import shown


class Author(BaseModel):
    name: str
    born: dt.date


class Status(Enum):
    PENDING = "pending"


def test_a_changed_string_is_replaced_with_its_object_when_that_closes() -> None:
    class Idea(BaseModel):
        title: Annotated[str, AfterValidator(lambda v: v + "!")]
        tags: list[Annotated[str, Field(min_length=1)]]

    decoder = Decoder(plan(list[Idea]))
    decoder.feed('[{"title": "a", "tags": ["x"]')
    assert decoder.value == [{"title": "a", "tags": ["x"]}]
    (replaced,) = decoder.feed("}")
    assert (replaced.path, replaced.value) == ((0,), {"title": "a!", "tags": ["x"]})


def test_changed_elements_are_replaced_with_their_list_when_it_closes() -> None:
    trimmed = list[Annotated[str, AfterValidator(str.strip)]]
    assert shown(trimmed, '[" a "', "]") == [[" a "], ["a"]]
    assert shown(dict[str, Annotated[str, AfterValidator(str.strip)]], '{"k": " a "', "}") == [
        {"k": " a "}, {"k": "a"},
    ]  # fmt: skip
    root = Annotated[str, AfterValidator(str.strip)]
    assert shown(root, '{"items": " a "', "}", key="items") == [" a ", "a"]


def test_a_container_that_becomes_something_else_is_replaced() -> None:
    counted = Annotated[list[str], AfterValidator(len)]
    named = Annotated[Author, AfterValidator(lambda v: v.name)]
    assert shown(list[counted], '[["a", "b"', "]", ', ["c"]]') == [[["a", "b"]], [2], [2, 1]]
    assert shown(dict[str, named], '{"x": {"name": "n", "born": "2026-01-01"', "}") == [
        {"x": {"name": "n", "born": "2026-01-01"}}, {"x": "n"},
    ]  # fmt: skip
    decoder = Decoder(plan(list[counted]))
    (whole,) = decoder.feed('[["a"], ["b", "c"]]')
    assert (whole.path, whole.value) == ((), [1, 2])


def test_validators_run_exactly_once() -> None:
    calls: list[str] = []

    def count(name: str) -> Any:
        return AfterValidator(lambda v: calls.append(name) or v)

    class Inner(BaseModel):
        text: Annotated[str, count("inner text")]

        @model_validator(mode="after")
        def check(self) -> Inner:
            calls.append("inner")
            return self

    class Outer(BaseModel):
        inner: Annotated[Inner, count("inner in outer")]
        many: Annotated[list[Inner], count("many")]
        text: Annotated[str, count("text")]
        look_back: int = 3

        @field_validator("look_back", "text")
        @classmethod
        def look(cls, value: Any, info: Any) -> Any:
            calls.append(f"{info.field_name} after {sorted(info.data)} {info.mode}")
            return value

    shown(Outer, '{"inner": {"text": "a"}, "many": [{"text": "b"}], "text": "c", "look_back": 1}')
    assert sorted(calls) == [
        "inner", "inner", "inner in outer", "inner text", "inner text",
        "look_back after ['inner', 'many', 'text'] json", "many", "text",
        "text after ['inner', 'many'] json",
    ]  # fmt: skip


def test_a_field_of_validators_that_see_the_input_comes_whole() -> None:
    class Idea(BaseModel):
        words: Annotated[
            list[str], BeforeValidator(lambda v: v.split() if isinstance(v, str) else v)
        ]

    assert shown(Idea, '{"words": "a ', 'b"') == [{"words": []}, {"words": ["a", "b"]}]
    assert shown(Idea, '{"words": ["a", ', '"b"]') == [{"words": []}, {"words": ["a", "b"]}]


def test_strict_fields_of_validators_that_ask_for_info_take_json() -> None:
    class Item(BaseModel):
        model_config = ConfigDict(strict=True)

        name: str
        identity: UUID
        status: Status

        @field_validator("identity", "status", mode="before")
        @classmethod
        def look(cls, value: Any, info: Any) -> Any:
            assert isinstance(value, str)
            assert info.mode == "json"
            return value

    identity = "12345678-1234-5678-1234-567812345678"
    text = f'{{"name": "a", "identity": "{identity}", "status": "pending"'
    assert shown(Item, text, "}") == [
        {"name": "a", "identity": None, "status": None},
        {"name": "a", "identity": identity, "status": "pending"},
    ]


def test_a_validator_of_elements_that_asks_for_info_sees_the_fields_before() -> None:
    class Idea(BaseModel):
        name: str
        tags: list[Annotated[str, AfterValidator(lambda v, info: f"{info.data['name']}/{v}")]]

    assert shown(Idea, '{"name": "n", "tags": ["a"]', "}") == [
        {"name": "n", "tags": []}, {"name": "n", "tags": ["n/a"]},
    ]  # fmt: skip


def test_validators_are_told_that_they_are_given_json_wherever_they_stand() -> None:
    modes: list[str] = []

    def note(value: Any, info: Any) -> Any:
        modes.append(info.mode)
        return value

    after = AfterValidator(note)

    class Item(BaseModel):
        text: Annotated[str, after]
        texts: list[Annotated[str, after]]

        @model_validator(mode="after")
        def check(self, info: Any) -> Item:
            return note(self, info)

    class Root(RootModel[list[Annotated[int, after]]]):
        @model_validator(mode="after")
        def check(self, info: Any) -> Root:
            return note(self, info)

    item = '{"text": "a", "texts": ["b"]}'
    for type_, text in (
        (Item, item),
        (Annotated[list[Item], after], f"[{item}]"),
        (dict[str, Annotated[Item | None, after]], f'{{"a": {item}, "b": null}}'),
        (Annotated[dict[Annotated[str, after], Annotated[list[int], after]], after], '{"a": [1]}'),
        (list[Annotated[str, after]], '["a"]'),
        (Root, "[1]"),
    ):
        modes.clear()
        decoder = Decoder(plan(type_))
        decoder.feed(text)
        assert decoder.result == TypeAdapter(type_).validate_json(text)
        assert len(modes) > 1
        assert set(modes) == {"json"}


def test_null_is_taken_around_validators_that_ask_for_info() -> None:
    look = AfterValidator(lambda value, info: value)

    class Holder(BaseModel):
        number: Annotated[int, look] | None
        size: ByteSize | None
        data: Base64Bytes | None = None
        author: Annotated[Author, look] | None = Author(name="", born=dt.date(2026, 1, 1))
        tags: Annotated[list[str], look] | None = None
        either: Annotated[Author | None, look] = None

    nulls = dict.fromkeys(Holder.model_fields)
    text = "{" + ", ".join(f'"{name}": null' for name in nulls) + "}"
    validator = Draft202012Validator(partial_json_schema(plan(Holder)))
    for partial in shown(Holder, *text):
        assert partial == nulls
        validator.validate(partial)
    author = '{"name": "a", "born": "2026-01-01"}'
    *_, last = shown(Holder, f'{{"number": 1, "size": "1KB", "author": {author}, "tags": ["a"]}}')
    assert last == {
        **nulls, "number": 1, "size": 1000, "tags": ["a"],
        "author": {"name": "a", "born": "2026-01-01"},
    }  # fmt: skip


def test_aliases_that_lead_inside_another_value() -> None:
    class Person(BaseModel):
        first: Annotated[str, Field(validation_alias=AliasPath("names", 0))]
        names: list[str]

    assert shown(Person, '{"names": ["a", "b"]', "}") == [
        {"first": None, "names": []}, {"first": "a", "names": ["a", "b"]},
    ]  # fmt: skip


def test_a_field_under_two_of_its_names_is_what_pydantic_takes() -> None:
    class Idea(BaseModel):
        model_config = ConfigDict(validate_by_name=True)

        title: Annotated[str, Field(alias="Title")]

    for text in ('{"title": "a", "Title": "b"', '{"Title": "b", "title": "a"'):
        *_, last = shown(Idea, text, "}")
        assert last == {"Title": Idea.model_validate_json(text + "}").title}


def test_computed_fields_and_extra_keys_are_shown_at_the_close() -> None:
    class Idea(BaseModel):
        model_config = ConfigDict(extra="allow")

        a: int

        @computed_field
        def double(self) -> int:
            return self.a * 2

    assert shown(Idea, '{"a": 1, "b": [2]', "}") == [
        {"a": 1, "double": None}, {"a": 1, "b": [2], "double": 2},
    ]  # fmt: skip


def test_excluded_fields_are_validated_and_never_shown() -> None:
    class Idea(BaseModel):
        a: int
        secret: Annotated[list[int], Field(exclude=True)]
        blank: Annotated[str, Field(exclude_if=lambda v: not v)]

    assert shown(Idea, '{"secret": [1, ', '2], "a": 1, "blank": "x"', "}") == [
        {"a": None}, {"a": 1}, {"a": 1, "blank": "x"},
    ]  # fmt: skip
    with pytest.raises(Invalid) as caught:
        shown(Idea, '{"secret": ["x"]')
    assert caught.value.errors == [{"path": "", "message": "must be a whole number"}]


def test_an_unknown_key_that_is_forbidden_fails_at_once() -> None:
    class Idea(BaseModel):
        model_config = ConfigDict(extra="forbid")

        a: int

    with pytest.raises(Invalid) as caught:
        shown(list[Idea], '[{"secret": ')
    assert caught.value.errors == [{"path": "/0", "message": "has an unknown key"}]
    assert "secret" in caught.value.feedback


@pytest.mark.parametrize("keep", [False, True])
def test_an_object_that_changes_as_it_closes_keeps_the_order_of_what_was_shown(keep: bool) -> None:
    class Film(TypedDict):
        title: str
        cast: NotRequired[list[str]]
        year: NotRequired[int]

    class Loose(BaseModel):
        model_config = ConfigDict(extra="allow")

        films: list[Film]
        film: Film

    film = '{"year": 1, "title": "x", "cast": []}'
    decoder = Decoder(plan(Loose, keep=keep))
    decoder.feed(f'{{"extra": 1, "film": {film}, "films": [{film}]')
    before = json.dumps(decoder.value)
    (operation,) = decoder.feed("}")
    assert operation.path == ()
    assert json.dumps(decoder.value) == before[:-1] + ', "extra": 1}'


def test_root_models_stream_as_what_they_hold() -> None:
    class Names(RootModel[list[str]]):
        @model_validator(mode="after")
        def sort(self) -> Names:
            self.root.sort()
            return self

    class Outer(RootModel[Names]):
        pass

    decoder = Decoder(plan(Outer))
    decoder.feed('["b", "a')
    assert decoder.value == ["b", "a"]
    decoder.feed('"]')
    assert decoder.value == ["a", "b"]
    assert decoder.result == Outer(Names(["a", "b"]))
