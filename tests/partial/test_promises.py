"""What a partial promises (docs/protocol.md), point by point, on literal streams."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    PlainSerializer,
)
from typing_extensions import TypedDict

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.plan import plan
from app.schema import NotNull, Whole
from tests.partial.streams import shown


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
        Home, '{"first": {"lives": 9, "name": "Tom", "kind": "ca', 't"',
        '}, "others": [{"tricks": ["sit"], ', '"kind": "dog", "tr',
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
        Page, '{"first": {"body": "b', '", "heading": "h', '"}, "others": [{"body": "c"',
        ', "heading": "i',
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
