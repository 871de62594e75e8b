"""What the demo model writes: valid for any schema that Pydantic emits, about its topic."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    UUID4,
    AnyUrl,
    Base64Bytes,
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    HttpUrl,
    Json,
    JsonValue,
    PastDate,
    PositiveFloat,
    RootModel,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    create_model,
)
from typing_extensions import TypedDict

from app.demo.names import FIRST, LAST, PLACES
from app.demo.spoil import NOTHING, spoil
from app.demo.text import TooDeep, tokens, write_prose, write_value
from app.demo.topic import Topic, alike

T = TypeVar("T")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 3


class Node(BaseModel):
    name: str
    children: list[Node] = Field(default_factory=list)
    parent: Node | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=1, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    friend: Pet | None = None
    tricks: list[str] = Field(min_length=1, max_length=3)


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Sum(BaseModel):
    op: Literal["sum"]
    left: Sum | Leaf
    right: Sum | Leaf


class Leaf(BaseModel):
    op: Literal["leaf"]
    value: int


class Ping(BaseModel):
    pong: Pong | None


class Pong(BaseModel):
    pings: dict[str, Ping]
    also: tuple[Ping, ...] = ()


class Point(NamedTuple):
    x: int
    y: float


class Options(TypedDict, total=False):
    loud: bool
    speed: int


@dataclass
class Size:
    width: int
    unit: Literal["cm", "in"]


class Page(BaseModel, Generic[T]):
    entries: list[T]
    total: int = Field(ge=0)


class Aliased(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    first_name: str = Field(alias="firstName", min_length=2, max_length=12)


class Idea(BaseModel):
    title: str = Field(examples=["Roasted chickpeas", "Apple slices with tahini"])
    blurb: str = Field(max_length=140, examples=["Crunchy, and ready in half an hour."])


class Recipe(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Lemon soup", "ingredients": ["1 lemon"]}]}
    )
    name: str
    prep_time_minutes: int = Field(ge=1)
    ingredients: list[str] = Field(min_length=1)
    published: date | None = None


kinds: dict[str, Any] = {
    "string": str,
    "short": Annotated[str, StringConstraints(max_length=3)],
    "long": Annotated[str, StringConstraints(min_length=300, max_length=320)],
    "exact": Annotated[str, StringConstraints(min_length=7, max_length=7)],
    "stripped": Annotated[str, StringConstraints(strip_whitespace=True, min_length=20)],
    "empty": Annotated[str, StringConstraints(max_length=0)],
    "slug": Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z0-9]+)*$")],
    "sku": Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}-\d{4}$")],
    "colour code": Annotated[str, StringConstraints(pattern=r"^#(?:[0-9a-f]{3}){1,2}$")],
    "negated": Annotated[str, StringConstraints(pattern=r"^[^\d\s]{4,}$", min_length=12)],
    "integer": int,
    "bounded": Annotated[int, Field(ge=-5, lt=-1)],
    "large": Annotated[int, Field(ge=10**20)],
    "stepped": Annotated[int, Field(multiple_of=700, gt=1400)],
    "float": float,
    "narrow": Annotated[float, Field(gt=0, lt=0.001)],
    "fraction": Annotated[float, Field(multiple_of=0.25, ge=0, le=1)],
    "positive": PositiveFloat,
    "decimal": Decimal,
    "money": Annotated[Decimal, Field(max_digits=6, decimal_places=2, gt=0)],
    "boolean": bool,
    "enum": Colour,
    "int enum": Level,
    "literal": Literal["a", 1, None],
    "optional": int | None,
    "union": int | str | list[str],
    "date": date,
    "past date": PastDate,
    "date-time": datetime,
    "time": time,
    "duration": timedelta,
    "url": HttpUrl,
    "any url": AnyUrl,
    "uuid": UUID,
    "uuid4": UUID4,
    "ipv4": IPv4Address,
    "ipv6": IPv6Address,
    "network": IPv4Network,
    "bytes": bytes,
    "base64": Base64Bytes,
    "size in bytes": ByteSize,
    "secret": SecretStr,
    "json string": Json[list[int]],
    "anything": Any,
    "json": JsonValue,
    "list": Annotated[list[int], Field(min_length=7)],
    "few booleans": Annotated[list[bool], Field(min_length=4, max_length=4)],
    "set": Annotated[set[int], Field(min_length=2)],
    "set of enums": set[Colour],
    "frozen set": frozenset[str],
    "pair": tuple[int, str],
    "many": tuple[date, ...],
    "named tuple": Point,
    "dictionary": dict[str, Decimal],
    "bounded dictionary": Annotated[dict[str, int], Field(min_length=5, max_length=6)],
    "dictionary of enums": dict[Colour, int],
    "dictionary of dates": dict[date, list[int]],
    "dictionary of slugs": dict[Annotated[str, StringConstraints(pattern="^[a-z]+$")], int],
    "typed dictionary": Options,
    "dataclass": Size,
    "tree": Node,
    "pet": Pet,
    "pets": list[Pet],
    "expression": Sum,
    "mutual": Ping,
    "page": Page[Idea],
    "aliased": Aliased,
    "root": RootModel[list[Recipe]],
    "recipe": Recipe,
}
models: dict[str, type[BaseModel]] = {
    name: create_model(f"M{i}", first=(str, ...), value=(kind, ...))
    for i, (name, kind) in enumerate(kinds.items())
}
topics = st.text(max_size=80) | st.sampled_from(
    ["healthy snacks", "x" * 500, "{topic} %s {0}", "1984", "\x00\n\u2028", "🚀🚀", "<b>&amp;"]
)


def ideas(count: int) -> type[BaseModel]:
    return create_model(
        "Ideas", items=(Annotated[list[Idea], Field(min_length=1, max_length=count)], ...)
    )


@pytest.mark.parametrize("name", models)
@given(topic=topics, seed=st.integers(0, 2**32))
@settings(max_examples=12, deadline=None)
def test_an_answer_is_valid_for_whatever_pydantic_emits(name: str, topic: str, seed: int) -> None:
    model = models[name]
    value = write_value(model.model_json_schema(), topic, str(seed))
    model.model_validate_json(json.dumps(value))


@pytest.mark.parametrize("name", models)
def test_an_answer_by_alias_and_in_the_shape_of_the_root_is_valid(name: str) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(kinds[name])
    value = write_value(adapter.json_schema(), "tea", "seed")
    adapter.validate_json(json.dumps(value))


@given(topic=topics, seed=st.text(max_size=5), count=st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_a_list_has_as_many_elements_as_it_may_have_and_no_two_alike(
    topic: str, seed: str, count: int
) -> None:
    items = write_value(ideas(count).model_json_schema(), topic, seed)["items"]
    assert len(items) == count
    assert len({item["title"] for item in items}) == count


def test_the_same_topic_and_seed_give_the_same_answer_and_others_another() -> None:
    schema = ideas(5).model_json_schema()
    assert write_value(schema, "tea", "1") == write_value(schema, "tea", "1")
    assert write_value(schema, "tea", "1") != write_value(schema, "tea", "2")
    assert write_value(schema, "tea", "1") != write_value(schema, "jazz", "1")


def test_an_answer_is_about_the_topic_in_the_words_of_the_examples() -> None:
    text = json.dumps(write_value(ideas(10).model_json_schema(), "garden parties", "1")).lower()
    assert "garden parties" in text
    assert "chickpeas" in text
    assert "tahini" in text


def test_the_examples_of_a_model_are_drawn_on() -> None:
    recipe = write_value(Recipe.model_json_schema(), "soups", "1")
    assert "emon soup" in recipe["name"]
    assert recipe["ingredients"][0] == "1 lemon"


def test_an_example_that_the_schema_forbids_is_not_used() -> None:
    schema = {"type": "string", "examples": ["much too long"], "maxLength": 5}
    assert len(write_value(schema, "tea", "1")) <= 5


def test_every_property_is_written_and_recursion_ends_by_leaving_out() -> None:
    tree = write_value(Node.model_json_schema(), "families", "3")
    assert {"name", "children", "parent"} == tree.keys()
    assert len(json.dumps(tree)) < 20_000


def test_a_schema_without_a_finite_value_is_refused() -> None:
    endless = {"type": "object", "properties": {"more": {"$ref": "#"}}, "required": ["more"]}
    with pytest.raises(TooDeep):
        write_value(endless, "tea", "1")


@pytest.mark.parametrize("schema", [{}, True, None, {"type": ["null", "integer"]}, {"items": {}}])
def test_a_loose_schema_is_answered_too(schema: object) -> None:
    json.dumps(write_value(schema, "tea", "1"))


@pytest.mark.parametrize("name", models)
def test_a_spoiled_answer_is_invalid_and_its_first_field_is_not(name: str) -> None:
    model = models[name]
    schema = model.model_json_schema()
    for seed in range(8):
        value = write_value(schema, "tea", str(seed))
        spoiled = spoil(schema, value)
        with pytest.raises(ValidationError):
            model.model_validate_json(json.dumps(spoiled))
        if name not in ("anything", "json"):
            assert spoiled["first"] == value["first"]


def test_a_spoiled_list_has_a_good_element_and_then_a_string_over_its_bound() -> None:
    model = ideas(4)
    value = write_value(model.model_json_schema(), "tea", "1")
    spoiled = spoil(model.model_json_schema(), value)
    with pytest.raises(ValidationError) as caught:
        model.model_validate(spoiled)
    assert [(e["loc"], e["type"]) for e in caught.value.errors()] == [
        (("items", 1, "blurb"), "string_too_long")
    ]


def test_where_nothing_but_presence_is_required_a_field_is_missing() -> None:
    schema = {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "b"]}
    assert spoil(schema, {"a": 1, "b": 2}) == {"a": 1}


def test_what_allows_everything_can_not_be_spoiled() -> None:
    assert spoil({}, {"a": 1}) is NOTHING


@given(st.text())
def test_the_tokens_are_the_text(text: str) -> None:
    assert "".join(tokens(text)) == text


def test_tokens_are_of_about_four_characters_and_cut_escapes_and_numbers() -> None:
    text = json.dumps(write_value(ideas(10).model_json_schema(), "tea", "1"))
    assert 3 <= len(text) / len(tokens(text)) <= 5
    assert tokens(r'{"year": 2024, "said": "a \"b\"\n"}')[3:5] == [" ", "202"]
    assert max(map(len, tokens(text))) <= 7


def test_without_a_schema_it_writes_prose_about_the_topic() -> None:
    assert "garden parties" in write_prose("garden parties", "1").lower()
    assert write_prose("tea", "1") == write_prose("tea", "1")


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5}, 4),
        ({"type": "integer", "minimum": 1000, "maximum": 1000}, 1000),
        ({"type": "number", "multipleOf": 0.1, "exclusiveMinimum": 0.2, "maximum": 0.3}, 0.3),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001}, 0.0005),
        (
            {"type": "integer", "multipleOf": 700, "exclusiveMaximum": -1400, "minimum": -2100},
            -2100,
        ),
    ],
)
def test_a_number_is_within_its_bounds_exactly(schema: dict[str, Any], value: float) -> None:
    assert {write_value(schema, "tea", str(seed)) for seed in range(20)} == {value}


class Address(BaseModel):
    street: str
    city: str
    zip_code: str
    country: str


class Customer(BaseModel):
    name: str
    email: str
    address: Address


class Visit(BaseModel):
    number: int
    venue: str
    start: date
    end: date


class Snack(BaseModel):
    name: str = Field(examples=["Trail mix", "Rice cakes"])
    calories: int = Field(examples=[220, 150])
    why: str = Field(examples=["Nuts keep you going.", "Light, and crisp enough to be fun."])


def many(kind: type[BaseModel], count: int) -> list[dict[str, Any]]:
    items = (Annotated[list[kind], Field(min_length=count, max_length=count)], ...)  # type: ignore[valid-type]
    schema = create_model("Many", items=items).model_json_schema()
    found: list[dict[str, Any]] = write_value(schema, "tea", "1")["items"]
    return found


def test_a_street_is_a_street_of_its_city_and_a_name_a_name() -> None:
    known = {row[:3]: row[4] for row in PLACES}
    customers = many(Customer, 12)
    for customer in customers:
        first, last = customer["name"].split(" ")
        assert (first in FIRST, last in LAST) == (True, True)
        assert customer["email"].split(".")[0][0] == first[0].lower()
        street, city, code, country = customer["address"].values()
        assert known[street, city, code] == country
    assert len({customer["name"] for customer in customers}) == 12


def test_elements_are_counted_and_end_after_they_begin() -> None:
    visits = many(Visit, 5)
    assert [visit["number"] for visit in visits] == [1, 2, 3, 4, 5]
    assert all(visit["start"] < visit["end"] for visit in visits)


def test_the_examples_of_fields_belong_together_and_then_titles_vary() -> None:
    snacks = many(Snack, 6)
    calories = {"Trail mix": 220, "Rice cakes": 150}
    assert {snack["name"]: snack["calories"] for snack in snacks[:2]} == calories
    assert len({snack["name"] for snack in snacks}) == len({snack["why"] for snack in snacks}) == 6
    assert all("tea" in snack["why"] for snack in snacks)


@pytest.mark.parametrize(
    ("tag", "word", "is_alike"),
    [
        ("cook", "cooking", True),
        ("friend", "friendships", True),
        ("bake", "baking", True),
        ("run", "running", True),
        ("berry", "berries", True),
        ("team", "tea", False),
        ("plan", "planets", False),
        ("love", "lovelace", False),
        ("art", "artificial", False),
    ],
)
def test_words_of_one_stem_are_alike(tag: str, word: str, is_alike: bool) -> None:
    assert alike(tag, word) == alike(word, tag) == is_alike


def test_a_topic_that_is_no_phrase_leads_and_is_this_afterwards() -> None:
    said = write_prose("how do I fix a bike?", "1")
    assert said.count("How do I fix a bike? ") == said.count("ike?") > 1
    assert "this" in write_prose("tea", "1")


@pytest.mark.parametrize(
    ("given", "text", "opening"),
    [
        ("Healthy snacks", "healthy snacks", "Healthy snacks"),
        ("Italy in spring", "“Italy in spring”", "Italy in spring"),
        ("give me some ideas for a party", "a party", "A party"),
        ("10 tips for rainy days", "rainy days", "Rainy days"),
        ("make friends", "“make friends”", "Make friends"),
        ("help desk", "“help desk”", "Help desk"),
        ("wedding", "“wedding”", "Wedding"),
        ("weddings", "weddings", "Weddings"),
        ("wedding cake", "“wedding cake”", "Wedding cake"),
        ("baking bread", "baking bread", "Baking bread"),
        ("the sky is blue", "“the sky is blue”", "The sky is blue"),
        ("people who are late", "“people who are late”", "People who are late"),
        ("best pizza in Naples", "the best pizza in Naples", "Best pizza in Naples"),
        ("IT security", "“IT security”", "IT security"),
        ("iPhone repair", "“iPhone repair”", "iPhone repair"),
        ("...", "the subject", "The subject"),
        ("How do I fix a bike?", "“How do I fix a bike?”", "How do I fix a bike?"),
        ("why is the sky blue", "“why is the sky blue?”", "Why is the sky blue?"),
        ("learn piano", "“learn piano”", "Learn piano"),
        ("paint the fence", "“paint the fence”", "Paint the fence"),
        ("日本の朝食", "“日本の朝食”", "日本の朝食"),
        (
            "the history of a village from its beginnings until the fall of it",
            "the history of a village from its beginnings until the fall",
            None,
        ),
        ("", "the subject", "The subject"),
    ],
)
def test_a_topic_is_put_into_sentences(given: str, text: str, opening: str | None) -> None:
    topic = Topic(given)
    assert topic.text == text
    assert opening is None or topic.opening == opening
