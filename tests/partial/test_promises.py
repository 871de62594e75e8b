"""What a partial promises (docs/protocol.md), point by point, on literal streams."""

from __future__ import annotations

import copy
import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import (
    AfterValidator,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    PlainSerializer,
    RootModel,
    computed_field,
    field_validator,
    model_validator,
)
from typing_extensions import NotRequired, TypedDict

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.plan import plan
from app.schema import NotNull, Whole


def shown(type_: Any, *texts: str, key: str | None = None) -> list[Any]:
    """What is shown after each of the texts."""
    decoder = Decoder(plan(type_), key=key)
    values = []
    for text in texts:
        decoder.feed(text)
        values.append(copy.deepcopy(decoder.value))
    return values


class Author(BaseModel):
    name: str
    born: dt.date


class Book(BaseModel):
    title: str
    author: Author
    tags: list[str]
    scores: dict[str, int]
    subtitle: str | None
    notes: list[str] | None
    more: list[str] = []
    other: Author = Author(name="", born=dt.date(2000, 1, 1))


# 1. -----------------------------------------------------------------------------------------


def test_a_container_that_excludes_null_is_there_from_the_start() -> None:
    nothing = {"name": None, "born": None}
    assert shown(Book, "{") == [
        {"title": None, "author": nothing, "tags": [], "scores": {}, "subtitle": None,
         "notes": None, "more": [], "other": nothing}
    ]  # fmt: skip


def test_there_is_nothing_before_the_value_begins() -> None:
    assert shown(Book, "", "Here you are: ", key="items") == [None, None]
    assert shown(list[str], '{"items"', ": [", key="items") == [[], []]
    assert shown(list[str] | None, '{"items"', ": [", key="items") == [None, []]


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int
    name: str


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


def test_a_discriminated_union_is_null_before_its_tag_and_absent_in_a_list() -> None:
    class Home(BaseModel):
        first: Pet
        others: list[Pet]

    assert shown(
        Home, '{"first": {"lives": 9, "name": "Tom", "kind": "ca', 't"', '}, "others": [{"tricks": ["sit"], ',
        '"kind": "dog", "tr',
    ) == [
        {"first": None, "others": []},
        {"first": {"kind": "cat", "lives": 9, "name": "Tom"}, "others": []},
        {"first": {"kind": "cat", "lives": 9, "name": "Tom"}, "others": []},
        {"first": {"kind": "cat", "lives": 9, "name": "Tom"},
         "others": [{"kind": "dog", "tricks": ["sit"]}]},
    ]  # fmt: skip


def test_a_discriminated_union_grows_after_its_tag() -> None:
    texts = '{"items": [{"kind": "cat"', ', "name": "To', 'm", "lives": 9', "}", "]}"
    assert shown(list[Pet], *texts, key="items") == [
        [{"kind": "cat", "lives": None, "name": None}],
        [{"kind": "cat", "lives": None, "name": "To"}],
        [{"kind": "cat", "lives": None, "name": "Tom"}],
        [{"kind": "cat", "lives": 9, "name": "Tom"}],
        [{"kind": "cat", "lives": 9, "name": "Tom"}],
    ]


def test_a_union_in_a_union_needs_both_tags() -> None:
    class Small(BaseModel):
        group: Literal["a"]
        size: Literal["s"]
        text: str

    class Large(BaseModel):
        group: Literal["a"]
        size: Literal["l"]
        text: str

    class Other(BaseModel):
        group: Literal["b"]
        text: str

    sizes = Annotated[Small | Large, Field(discriminator="size")]
    groups = Annotated[sizes | Other, Field(discriminator="group")]
    texts = '{"group": "a", "text": "x', '", "size": "l"', ', "unknown": 1}'
    large = {"group": "a", "size": "l", "text": "x"}
    assert shown(groups, *texts) == [None, large, large]
    assert shown(groups, '{"text": "x", "group": "b"') == [{"group": "b", "text": "x"}]


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (int | str, "[12", 12),
        (tuple[int, str], '[[1, "a"]', [1, "a"]),
        (set[int], "[[1, 1]", [1]),
        (Any, '[{"a": [1]}', {"a": [1]}),
        (Annotated[str, PlainSerializer(len)], '["abc"', 3),
    ],
)
def test_these_come_whole(type_: Any, text: str, value: Any) -> None:
    before = [text[:end] for end in range(2, len(text))]
    for part in before:
        assert shown(list[type_], part) == [[]]
    assert shown(list[type_], text + ",") == [[value]]


def test_a_dicts_key_appears_with_its_first_value() -> None:
    texts = '{"a', '"', ": ", '"', 'x"', ', "b": 1'
    empty: dict[str, Any] = {}
    assert shown(dict[str, str | int], *texts) == [
        empty,
        empty,
        empty,
        empty,
        {"a": "x"},
        {"a": "x"},
    ]
    assert shown(dict[str, str], *texts[:5]) == [empty, empty, empty, {"a": ""}, {"a": "x"}]


def test_a_dicts_keys_are_shown_as_they_are_written_again() -> None:
    class Colour(Enum):
        RED = "red"

    days = dict[dt.date, dict[int, list[Colour]]]
    assert shown(days, '{"2026-01-01T00:00": {" 01": ["red"') == [{"2026-01-01": {"1": ["red"]}}]


def test_a_default_shows_once_its_object_has_closed() -> None:
    class Idea(BaseModel):
        title: str
        rank: int = 7

    assert shown(list[Idea], '[{"title": "a"', "}") == [
        [{"title": "a", "rank": None}],
        [{"title": "a", "rank": 7}],
    ]


def test_a_member_that_may_be_missing_is_absent_until_it_is_known() -> None:
    class Film(TypedDict):
        title: str
        year: NotRequired[int]

    assert shown(Film, "{", '"year": 19', "99,") == [
        {"title": None}, {"title": None}, {"title": None, "year": 1999},
    ]  # fmt: skip


def test_keys_are_serialization_aliases() -> None:
    class Idea(BaseModel):
        model_config = ConfigDict(serialize_by_alias=False)

        title: Annotated[str, Field(validation_alias="in", serialization_alias="out")]
        both: Annotated[int, Field(alias="Both")]

    assert shown(Idea, '{"in": "a", "Both": 1, ') == [{"out": "a", "Both": 1}]


# 2. -----------------------------------------------------------------------------------------


def test_a_string_grows_and_never_ends_in_half_an_escape() -> None:
    texts = '["a', "\\", "n", "\\u00", "e", "9\\ud8", "3d", "\\", "ude0", "0", '!"]'
    smile = "a\né\U0001f600"
    assert shown(list[str], *texts) == [
        ["a"], ["a"], ["a\n"], ["a\n"], ["a\n"], ["a\né"], ["a\né"], ["a\né"], ["a\né"], [smile],
        [smile + "!"],
    ]  # fmt: skip


# 3. -----------------------------------------------------------------------------------------


class Status(Enum):
    PENDING = "pending"


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (int, "1234", 1234),
        (float, "1.5e3", 1500.0),
        (bool, "true", True),
        (Decimal, '"1.50"', "1.50"),
        (Status, '"pending"', "pending"),
        (Literal["pending", "pend"], '"pending"', "pending"),
        (dt.date, '"2026-02-01"', "2026-02-01"),
        (UUID, '"12345678-1234-5678-1234-567812345678"', "12345678-1234-5678-1234-567812345678"),
        (HttpUrl, '"http://a.b"', "http://a.b/"),
    ],
)
def test_an_atom_is_null_until_it_is_complete_and_valid(type_: Any, text: str, value: Any) -> None:
    class Holder(BaseModel):
        atom: type_

    partials = shown(Holder, '{"atom": ', *text[:-1])
    assert partials == [{"atom": None}] * len(text)
    assert shown(Holder, '{"atom": ' + text + ",") == [{"atom": value}]


@pytest.mark.parametrize("text", ['"abc"', "1.5", "[]", "{}", "true", "null"])
def test_what_is_not_valid_is_never_shown(text: str) -> None:
    class Holder(BaseModel):
        year: Annotated[int, Field(strict=True)]

    with pytest.raises(Invalid):
        shown(Holder, '{"year": ' + text + ",")


# 4. -----------------------------------------------------------------------------------------


def test_an_object_that_closes_and_is_not_valid_is_the_end() -> None:
    with pytest.raises(Invalid) as caught:
        shown(list[Author], '[{"name": "a"}')
    assert caught.value.errors == [{"path": "/0/born", "message": "is required"}]


# 5. -----------------------------------------------------------------------------------------


def test_a_whole_field_is_withheld_until_complete() -> None:
    class Link(BaseModel):
        text: Annotated[str, Whole]
        tags: Annotated[list[str], Whole]
        author: Annotated[Author, Whole]

    texts = (
        '{"text": "ab',
        '", "tags": ["a"',
        '], "author": {"name": "x", ',
        '"born": "2026-01-01"}',
    )
    author = {"name": "x", "born": "2026-01-01"}
    assert shown(Link, *texts) == [
        {"text": None, "tags": None, "author": None},
        {"text": "ab", "tags": None, "author": None},
        {"text": "ab", "tags": ["a"], "author": None},
        {"text": "ab", "tags": ["a"], "author": author},
    ]


class Section(BaseModel):
    body: str
    heading: Annotated[str, NotNull]


def test_an_object_is_not_shown_before_its_not_null_field() -> None:
    class Page(BaseModel):
        first: Section
        others: list[Section]

    first = {"body": "b", "heading": "h"}
    assert shown(
        Page, '{"first": {"body": "b', '", "heading": "h', '"}, "others": [{"body": "c"', ', "heading": "i'
    ) == [
        {"first": None, "others": []},
        {"first": first, "others": []},
        {"first": first, "others": []},
        {"first": first, "others": [{"body": "c", "heading": "i"}]},
    ]  # fmt: skip


def test_a_not_null_field_that_is_null_is_known() -> None:
    class Item(BaseModel):
        kind: Annotated[str | None, NotNull]
        text: str

    assert shown(list[Item], '[{"text": "a", ', '"kind": null', ",") == [
        [], [], [{"kind": None, "text": "a"}],
    ]  # fmt: skip


def test_a_not_null_field_with_a_default_shows_its_object_at_its_close() -> None:
    class Item(BaseModel):
        kind: Annotated[str, NotNull] = "x"

    assert shown(list[Item], "[{", "}") == [[], [{"kind": "x"}]]


def test_not_null_at_the_root_in_a_choice_in_a_dict_and_two_deep() -> None:
    class Choice(Section):
        kind: Literal["choice"]

    class Chapter(BaseModel):
        section: Annotated[Section, NotNull]
        number: int

    section = {"body": "b", "heading": "h"}
    body, heading = '{"body": "b", ', '"heading": "h"'
    assert shown(Section, body, heading) == [None, section]
    assert shown(dict[str, Section], '{"a": ' + body, heading) == [{}, {"a": section}]
    choices = Annotated[Choice | Cat, Field(discriminator="kind")]
    texts = '[{"kind": "choice", "body": "b"', ', "heading": "h"'
    assert shown(list[choices], *texts) == [[], [{**section, "kind": "choice"}]]
    assert shown(list[Chapter], '[{"number": 1, "section": ' + body, heading) == [
        [], [{"section": section, "number": 1}],
    ]  # fmt: skip
    assert shown(list[Chapter], '[{"section": ' + body + heading + "}", ', "number": 1') == [
        [{"section": section, "number": None}], [{"section": section, "number": None}],
    ]  # fmt: skip


def test_hidden_frames_that_show_and_close_in_one_feed() -> None:
    decoder = Decoder(plan(list[Section]))
    decoder.feed('[{"body": "a", "heading": "b"}, {"body": "c')
    assert decoder.value == [{"body": "a", "heading": "b"}]
    (added,) = decoder.feed('", "heading": "d"}, {"heading": "e"')[:1]
    assert (added.path, added.value) == ((1,), {"body": "c", "heading": "d"})


# At its close, an object's validators and serializers may change what was shown inside it ------


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
    assert shown(Annotated[str, AfterValidator(str.strip)], '{"items": " a "', "}", key="items") == [
        " a ", "a",
    ]  # fmt: skip


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


def test_a_validator_that_fails_in_another_way_is_nobodys_answer() -> None:
    def broken(value: str) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        shown(list[Annotated[str, AfterValidator(broken)]], '["a"')


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
