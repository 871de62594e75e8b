"""The schema of partials, on examples; what holds of any type is in test_properties.py."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Annotated, Any, Generic, Literal, NotRequired, TypeVar

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, computed_field
from typing_extensions import TypedDict

from app.partial.json_schema import ResultJsonSchema, partial_json_schema
from app.partial.plan import plan
from app.schema import NotNull, Whole
from tests.partial.streams import shown


def schema_of(type_: Any) -> dict[str, Any]:
    schema = partial_json_schema(plan(type_))
    Draft202012Validator.check_schema(schema)
    return schema


def test_it_is_the_results_shape_in_which_leaves_may_be_null() -> None:
    class Idea(BaseModel):
        title: Annotated[str, Field(max_length=9, pattern="^a", description="Short.")]
        day: dt.date
        tags: Annotated[list[str], Field(min_length=1)]
        notes: list[int] | None
        scores: dict[str, int]

    assert schema_of(list[Idea]) == {
        "type": "array",
        "items": {"$ref": "#/$defs/PartialIdea"},
        "$defs": {
            "PartialIdea": {
                "type": "object",
                "title": "Idea",
                "properties": {
                    "title": {"type": ["string", "null"]},
                    "day": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "notes": {
                        "anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]
                    },
                    "scores": {"type": "object", "additionalProperties": {"type": "integer"}},
                },
                "additionalProperties": False,
                "required": ["title", "day", "tags", "notes", "scores"],
            }
        },
    }


def test_bytes_have_no_length_as_the_string_that_stands_for_them_has_another() -> None:
    class Data(BaseModel):
        model_config = ConfigDict(ser_json_bytes="base64")

        data: Annotated[bytes, Field(min_length=1, max_length=3)]

    (partial,) = shown(Data, '{"data": "hi"}')
    assert partial == {"data": "aGk="}
    result = TypeAdapter(Data).json_schema(mode="serialization", schema_generator=ResultJsonSchema)
    for schema in (schema_of(Data), result):
        Draft202012Validator(schema).validate(partial)
    asked = TypeAdapter(Data).json_schema(schema_generator=ResultJsonSchema)
    assert asked["properties"]["data"]["maxLength"] == 3


def test_two_classes_of_one_name_have_definitions_of_their_own() -> None:
    def made(type_: Any) -> Any:
        class Item(BaseModel):
            value: type_

        return Item

    class Holder(BaseModel):
        a: made(int)  # type: ignore[valid-type]
        b: made(str)  # type: ignore[valid-type]

    schema = schema_of(Holder)
    assert set(schema["$defs"]) == {"PartialHolder", "PartialItem", "PartialItem2"}


def test_a_class_that_holds_itself_refers_to_itself() -> None:
    class Tree(BaseModel):
        children: list[Tree]
        parent: Tree | None

    Tree.model_rebuild(_types_namespace={"Tree": Tree})
    properties = schema_of(Tree)["$defs"]["PartialTree"]["properties"]
    assert properties["children"]["items"] == {"$ref": "#/$defs/PartialTree"}
    assert properties["parent"]["anyOf"] == [{"$ref": "#/$defs/PartialTree"}, {"type": "null"}]


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]
    name: Annotated[str, NotNull]


def test_what_is_hidden_at_first_may_be_null_and_is_not_null_in_a_list() -> None:
    class Home(BaseModel):
        pet: Annotated[Cat | Dog, Field(discriminator="kind")]
        pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]]
        dog: Dog
        whole: Annotated[list[int], Whole]

    properties = schema_of(Home)["$defs"]["PartialHome"]["properties"]
    pets = [{"$ref": "#/$defs/PartialCat"}, {"$ref": "#/$defs/PartialDog"}]
    assert properties["pet"] == {"anyOf": [*pets, {"type": "null"}]}
    assert properties["pets"]["items"] == {"anyOf": pets}
    assert properties["dog"] == {"anyOf": [pets[1], {"type": "null"}]}
    assert {"type": "null"} in properties["whole"]["anyOf"]


def test_a_member_that_is_not_null_has_no_null_unless_its_type_has() -> None:
    class Row(BaseModel):
        key: Annotated[int, NotNull]
        name: Annotated[str, NotNull, Field(description="Of the row.")]
        note: Annotated[str | None, NotNull]
        other: str
        more: str | None

    properties = schema_of(list[Row])["$defs"]["PartialRow"]["properties"]
    assert properties["key"]["type"] == "integer"
    assert properties["name"]["type"] == "string"
    assert properties["note"]["type"] == ["string", "null"]
    assert properties["other"]["type"] == ["string", "null"]
    assert properties["more"] == properties["other"]  # its null is said once
    Draft202012Validator(schema_of(list[Row])).validate(
        [{"key": 1, "name": "", "note": None, "other": None, "more": None}]
    )


def test_members_that_may_be_missing_and_unknown_ones() -> None:
    class Film(TypedDict):
        title: str
        year: NotRequired[int]

    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")

        hidden: Annotated[int, Field(exclude=True)]
        a: int

        @computed_field
        def b(self) -> str:
            return ""

    film = schema_of(Film)["$defs"]["PartialFilm"]
    assert film["required"] == ["title"]
    assert film["properties"]["year"] == {"type": "integer"}
    open_ended = schema_of(Open)["$defs"]["PartialOpen"]
    assert "additionalProperties" not in open_ended
    assert open_ended["required"] == ["a", "b"]
    assert open_ended["properties"]["b"]["type"] == ["string", "null"]


def test_leaves_are_written_as_their_config_says() -> None:
    class Timed(BaseModel):
        model_config = ConfigDict(ser_json_timedelta="float")

        span: dt.timedelta

    properties = schema_of(Timed)["$defs"]["PartialTimed"]["properties"]
    assert properties["span"] == {"type": ["number", "null"]}


T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    item: T
    inner: Box[T] | None = None


@pytest.mark.parametrize("type_", [Box[int], list[Box[dict[str, int]]], Box[Box[str]]])
def test_the_names_of_generics_fit_into_a_uri(type_: Any) -> None:
    text = json.dumps(schema_of(type_))
    for reference in re.findall(r'"\$ref": "([^"]*)"', text):
        assert re.fullmatch(r"#/\$defs/[A-Za-z0-9._-]+", reference)
    partials = shown(Box[int], '{"item": 1, "inner": {"item": 2', "}}")
    validator = Draft202012Validator(schema_of(Box[int]))
    for partial in partials:
        validator.validate(partial)


def test_generics_whose_names_would_be_the_same_have_schemas_of_their_own() -> None:
    class Box_int_(BaseModel):
        text: str

    class Both(BaseModel):
        box: Box[int]
        other: Box_int_

    schema = schema_of(Both)
    references = [
        schema["$defs"]["PartialBoth"]["properties"][key]["$ref"] for key in ("box", "other")
    ]
    assert references == ["#/$defs/PartialBox_int_", "#/$defs/PartialBox_int_2"]


class Inside(BaseModel):
    size: float


class Told(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="strings")

    size: float
    sizes: list[float] = []
    pair: tuple[float, Inside] | None = None


def test_a_number_may_be_a_string_where_the_config_says_so() -> None:
    result = TypeAdapter(Told).json_schema(mode="serialization", schema_generator=ResultJsonSchema)
    value = {"size": "NaN", "sizes": [1, "-Infinity"], "pair": ["Infinity", {"size": 1}]}
    for schema in (result, schema_of(Told)):
        validator = Draft202012Validator(schema)
        validator.validate(value)
        assert not validator.is_valid({**value, "size": "nan"})
        assert not validator.is_valid({**value, "pair": [1, {"size": "NaN"}]})
    assert TypeAdapter(Told).json_schema(
        mode="validation", schema_generator=ResultJsonSchema
    ) == TypeAdapter(Told).json_schema(mode="validation")
