"""From types to nodes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    RootModel,
    Strict,
    StringConstraints,
    create_model,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.errors import PydanticSchemaGenerationError
from typing_extensions import TypeAliasType

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.node import Dict, Leaf, List, Model, Node, String, Tagged
from app.partial.plan import plan
from app.schema import NotNull, Whole
from tests.partial.shapes import Film

T = TypeVar("T")


class Inner(BaseModel):
    text: str


class Seeing(BaseModel):
    text: str

    @model_validator(mode="before")
    @classmethod
    def see(cls, data: Any) -> Any:
        return data


class Written(BaseModel):
    text: str

    @model_serializer
    def write(self) -> str:
        return self.text


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]
    friends: list[Annotated[Cat | Dog, Field(discriminator="kind")]]


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]
after = AfterValidator(lambda v: v)
before = BeforeValidator(lambda v: v)


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        (str, String),
        (str | None, String),
        (Annotated[str, after], String),
        (Annotated[str, StringConstraints(strip_whitespace=True)], String),
        (Annotated[str, before], Leaf),
        (Annotated[str, Whole], Leaf),
        (Annotated[str, PlainSerializer(len)], Leaf),
        (int, Leaf),
        (list[int], List),
        (list[int] | None, List),
        (Sequence[int], List),
        (Iterable[int], List),
        (Annotated[list[int], after], List),
        (Annotated[list[int], before], Leaf),
        (deque[int], List),
        (deque[int] | None, List),
        (OrderedDict[str, int], Dict),
        (defaultdict[str, list[int]], Dict),
        (Counter[str], Dict),
        (Annotated[defaultdict[str, int], before], Leaf),
        (Annotated[defaultdict[str, int], PlainSerializer(repr)], Leaf),
        (Annotated[deque[int], PlainSerializer(repr)], Leaf),
        (Annotated[OrderedDict[str, int], PlainSerializer(repr)], Leaf),
        (tuple[int, ...], Leaf),
        (set[int], Leaf),
        (dict[str, int], Dict),
        (dict[int, int], Dict),
        (Inner, Model),
        (Inner | None, Model),
        (Annotated[Inner, after], Model),
        (Annotated[Inner, Whole], Leaf),
        (Seeing, Leaf),
        (Written, Leaf),
        (Annotated[Inner, PlainSerializer(repr)], Leaf),
        (Pet, Tagged),
        (Pet | None, Tagged),
        (Annotated[Pet, after], Leaf),
        (Cat | Inner, Leaf),
    ],
)
def test_a_type_streams_as(type_: Any, kind: type[Node]) -> None:
    assert type(plan(type_)) is kind


def test_the_shape_of_what_comes_whole_is_there_from_the_start() -> None:
    root = plan(Seeing)
    assert isinstance(root, Leaf)
    assert isinstance(root.shape, Model)


def test_a_recursive_type_leads_back_to_itself() -> None:
    class Tree(BaseModel):
        name: str
        children: list[Tree]

    Tree.model_rebuild(_types_namespace={"Tree": Tree})
    root = plan(Tree)
    assert isinstance(root, Model)
    assert isinstance(root.keys["children"].node, List)
    assert root.keys["children"].node.item is root


def test_a_union_that_holds_itself_leads_back_to_itself() -> None:
    root = plan(Pet)
    assert isinstance(root, Tagged)
    dog = root.choices["dog"]
    assert isinstance(dog, Model)
    friends = dog.keys["friends"].node
    assert isinstance(friends, List)
    assert isinstance(friends.item, Tagged)
    assert friends.item.choices["dog"] is dog


def test_a_type_without_a_schema_is_refused() -> None:
    class Odd:
        pass

    with pytest.raises(PydanticSchemaGenerationError):
        plan(Odd)


def test_generics_have_nodes_of_their_own() -> None:
    class Pair(BaseModel, Generic[T]):
        left: T
        right: T

    root = plan(dict[str, list[Pair[int]] | Pair[str]])
    assert isinstance(root, Dict)
    assert type(root.item) is Leaf
    strings = plan(Pair[str])
    assert isinstance(strings, Model)
    assert type(strings.keys["left"].node) is String


def test_a_mark_on_a_field_leaves_the_class_as_it_is() -> None:
    class Holder(BaseModel):
        whole: Annotated[Inner, Whole]
        grows: Inner
        first: Annotated[Inner, NotNull]

    root = plan(Holder)
    assert isinstance(root, Model)
    assert [type(field.node) for field in root.fields] == [Leaf, Model, Model]
    assert [field.not_null for field in root.fields] == [False, False, True]


def test_a_mark_on_a_recursive_class_leaves_the_others_as_they_are() -> None:
    class Tree(BaseModel):
        name: str
        left: Tree | None = None
        right: Annotated[Tree | None, Whole] = None

    Tree.model_rebuild(_types_namespace={"Tree": Tree, "Annotated": Annotated, "Whole": Whole})
    root = plan(Tree)
    assert isinstance(root, Model)
    assert root.keys["left"].node.nullable
    assert [type(field.node) for field in root.fields] == [String, Model, Leaf]


class Holding(BaseModel):
    text: str


@dataclasses.dataclass
class HoldingToo:
    text: str


class HoldingMore(RootModel[dict[str, str]]):
    pass


ListAlias = TypeAliasType("ListAlias", list[str])


@pytest.mark.parametrize("type_", [Holding, HoldingToo, HoldingMore, ListAlias, Film, Pet, str])
@pytest.mark.parametrize(
    "around",
    [
        lambda marked: (marked, ...),
        lambda marked: (Annotated[marked, Strict()], ...),
        lambda marked: (Annotated[marked, Field(min_length=1)], ...),
        lambda marked: (Annotated[Annotated[marked, Strict()], Field(title="T")], ...),
        lambda marked: (marked | None, Field(None, strict=True)),
        lambda marked: (Annotated[marked | None, Strict()], None),
        lambda marked: (TypeAliasType("Marked", marked), ...),
        lambda marked: (Annotated[TypeAliasType("Marked", marked), Strict()], ...),
        lambda marked: (TypeAliasType("Marked", marked) | None, Field(None, strict=True)),
        lambda marked: (TypeAliasType("Marked", marked | None), None),
    ],
)
def test_a_mark_is_not_lost_in_what_is_around_it(type_: Any, around: Any) -> None:
    try:
        create_model("Made", a=around(type_))
    except (TypeError, RuntimeError):  # Pydantic doesn't take that around it, marked or not
        return
    whole, not_null = (
        create_model("Made", plain=(type_, ...), a=around(marked), b=around(marked))
        for marked in (Annotated[type_, Whole], Annotated[type_, NotNull])
    )
    root = plan(whole)
    assert isinstance(root, Model)
    grows, *others = root.fields
    assert type(grows.node) is not Leaf
    assert [type(field.node) for field in others] == [Leaf, Leaf]
    root = plan(not_null)
    assert isinstance(root, Model)
    assert [field.not_null for field in root.fields] == [False, True, True]


def test_marks_do_not_mix_and_leave_the_published_schema_as_it_is() -> None:
    def model(*types: Any) -> Any:
        fields: dict[str, Any] = {f"f{at}": (type_, ...) for at, type_ in enumerate(types)}
        return create_model("Made", **fields)

    marked = model(
        Annotated[Holding, Whole],
        Annotated[Holding, Whole, NotNull],
        Holding,
        Annotated[Holding, NotNull],
    )
    root = plan(marked)
    assert isinstance(root, Model)
    found = [(type(field.node), field.not_null) for field in root.fields]
    assert found == [(Leaf, False), (Leaf, True), (Model, False), (Model, True)]
    plain = model(Holding, Holding, Holding, Holding)
    assert marked.model_json_schema(mode="serialization") == plain.model_json_schema(
        mode="serialization"
    )


def test_a_class_whose_building_is_put_off_is_planned() -> None:
    class Later(BaseModel):
        model_config = ConfigDict(defer_build=True)

        text: str

    for type_ in (Later, list[Later], Later | None):
        Later.model_rebuild(force=True)
        assert plan(type_)
    once = create_model("Once", __config__=ConfigDict(defer_build=True), text=(str, ...))
    assert isinstance(plan(once), Model)


def test_queues_and_such_are_made_of_what_has_grown() -> None:
    class Held(BaseModel):
        model_config = ConfigDict(strict=True)

        queue: Annotated[deque[int], Field(max_length=2)]
        ordered: OrderedDict[str, list[int]]
        lists: defaultdict[str, list[int]]
        counted: Counter[str]

    decoder = Decoder(plan(Held))
    decoder.feed("{")
    assert decoder.value == {"queue": [], "ordered": {}, "lists": {}, "counted": {}}
    decoder.feed('"queue": [1, 2], "ordered": {"a": [1')
    assert decoder.value["ordered"] == {"a": []}
    decoder.feed('], "b": [2]}, "lists": {"a": [3]}, "counted": {"a": 4}}')
    made = decoder.result
    assert made == Held.model_validate_json(json.dumps(decoder.value))
    assert [type(value) for _, value in made] == [deque, OrderedDict, defaultdict, Counter]
    assert made.lists["new"] == []
    with pytest.raises(Invalid) as caught:
        Decoder(plan(Held)).feed('{"queue": [1, 2, 3')
    assert caught.value.errors == [{"path": "/queue", "message": "must have at most 2 items"}]


def test_fields_whose_names_are_those_of_parts_of_a_core_schema() -> None:
    class Leaf_(BaseModel):
        text: str

    class Odd(BaseModel):
        default: list[Leaf_]
        config: Leaf_
        metadata: Odd | None = None
        type: str = "x"

    Odd.model_rebuild(_types_namespace={"Leaf_": Leaf_, "Odd": Odd})
    decoder = Decoder(plan(Odd))
    decoder.feed('{"default": [{"text": "a"}], "config": {"text": "b"}, "type": "y"}')
    assert decoder.done


# Pydantic's own validator of a class must not step in for the one that closes it: it would
# run the validators of its fields once more.


def test_a_class_with_validators_is_closed_without_running_those_of_its_fields() -> None:
    class Shouting(BaseModel):
        text: str

        @field_validator("text")
        @classmethod
        def shout(cls, value: str) -> str:
            return value + "!"

        @model_validator(mode="after")
        def check(self) -> Shouting:
            return self

    for type_ in (Shouting, Shouting | None, Annotated[Shouting, after], list[Shouting]):
        decoder = Decoder(plan(type_))
        decoder.feed('[{"text": "a"}]' if type_ == list[Shouting] else '{"text": "a"}')
        assert decoder.value in ({"text": "a!"}, [{"text": "a!"}])


def test_defaults_are_made_once_each() -> None:
    made: list[int] = []
    model = create_model(
        "Made", number=(int, Field(default_factory=lambda: made.append(1) or len(made)))
    )
    decoder = Decoder(plan(list[model]))
    decoder.feed("[{}, {}]")
    assert decoder.value == [{"number": 1}, {"number": 2}]
    assert [each.number for each in decoder.result] == [1, 2]


def test_an_iterable_is_a_list_that_can_be_read_again() -> None:
    class Idea(BaseModel):
        tags: Iterable[int]

    decoder = Decoder(plan(Idea))
    decoder.feed('{"tags": [1, 2')
    assert decoder.value == {"tags": [1]}
    decoder.feed("]}")
    assert decoder.value == {"tags": [1, 2]}
    assert [decoder.result.model_dump(warnings=False) for _ in range(2)] == [{"tags": [1, 2]}] * 2


def test_what_is_set_and_what_is_not_is_known() -> None:
    class Idea(BaseModel):
        a: str
        b: str = "b"

    decoder = Decoder(plan(Idea))
    decoder.feed('{"a": "x"}')
    assert decoder.result.model_fields_set == {"a"}


def test_configs_apply_to_what_they_are_of() -> None:
    class Inside(BaseModel):
        text: str

    class Outside(BaseModel):
        model_config = ConfigDict(
            str_strip_whitespace=True, str_max_length=3, ser_json_timedelta="float"
        )

        text: str
        inside: Inside
        keys: dict[str, int]
        span: dt.timedelta
        price: Decimal

    decoder = Decoder(plan(Outside))
    decoder.feed('{"text": " abc ", "inside": {"text": " abc "}, "keys": {" a ": 1}, ')
    decoder.feed('"span": "PT1S", "price": 1}')
    assert decoder.value == {
        "text": "abc", "inside": {"text": " abc "}, "keys": {"a": 1}, "span": 1.0, "price": "1",
    }  # fmt: skip
