"""The names that a field may have in the text: aliases, tags under an alias, two at once."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    TypeAdapter,
    ValidationError,
    create_model,
)
from pydantic.alias_generators import to_camel, to_pascal

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.plan import plan
from tests.partial.streams import shown
from tests.partial.texts import run


class Aliased(BaseModel):
    kind: Literal["a"] = Field(alias="type")
    text: str


class AliasedToo(BaseModel):
    kind: Literal["b"] = Field(alias="type")
    items: list[str]


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    the_kind: Literal["a"]
    text: str


class CamelToo(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    the_kind: Literal["b"]


class Pascal(BaseModel):
    model_config = ConfigDict(alias_generator=to_pascal)

    kind: Literal["a"]
    text: str


class PascalToo(BaseModel):
    model_config = ConfigDict(alias_generator=to_pascal)

    kind: Literal["b"]


ByAlias = Annotated[Aliased | AliasedToo, Field(discriminator="kind")]
ByCamel = Annotated[Camel | CamelToo, Field(discriminator="the_kind")]
ByPascal = Annotated[Pascal | PascalToo, Field(discriminator="kind")]


class Root(RootModel[ByAlias]):
    pass


class RootOfRoot(RootModel[Root]):
    pass


class Tree(RootModel[Annotated["Branch | Aliased", Field(discriminator="kind")]]):
    pass


class Branch(BaseModel):
    kind: Literal["branch"] = Field(alias="type")
    of: list[Tree]


Tree.model_rebuild()


@pytest.mark.parametrize(
    ("type_", "key", "out"),
    [
        (ByAlias, "type", "type"),
        (ByCamel, "theKind", "theKind"),
        (ByCamel, "the_kind", "theKind"),
        (ByPascal, "Kind", "Kind"),
        (Root, "type", "type"),
        (RootOfRoot, "type", "type"),
    ],
)
def test_a_union_grows_after_its_tag_whatever_that_is_called(
    type_: Any, key: str, out: str
) -> None:
    text_key = "Text" if type_ == ByPascal else "text"
    texts = f'{{"{key}": "a"', f', "{text_key}": "x', "y", '"}'
    assert shown(type_, *texts) == [
        {out: "a", text_key: None},
        {out: "a", text_key: "x"},
        {out: "a", text_key: "xy"},
        {out: "a", text_key: "xy"},
    ]


def test_what_grew_in_root_models_is_made_by_them() -> None:
    decoder = Decoder(plan(RootOfRoot))
    decoder.feed('{"type": "b", "items": ["x"]}')
    assert decoder.result == RootOfRoot(Root(AliasedToo(type="b", items=["x"])))


def test_a_root_model_of_a_union_that_holds_itself_grows() -> None:
    texts = '{"type": "branch", "of": [{"type": "branch", "of": [{"type": "a"', ', "text": "x', '"'
    leaf = {"type": "a", "text": "x"}
    *_, last = shown(Tree, *texts)
    assert last == {"type": "branch", "of": [{"type": "branch", "of": [leaf]}]}


def test_a_tag_under_the_name_that_loses_does_not_count() -> None:
    decoder = Decoder(plan(ByAlias))
    decoder.feed('{"type": "a", "text": "x", "kind": "b"}')  # Pydantic looks at `kind` first
    with pytest.raises(Invalid):
        decoder.finish()


class Named(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    number: int = Field(alias="n")


class Holding(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    numbers: list[int] = Field(alias="list", default=[])
    named: Named | None = Field(alias="model", default=None)
    table: dict[str, int] = Field(alias="dict", default={})


class Chosen(BaseModel):
    number: int = Field(validation_alias=AliasChoices("first", "second", "third"))


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (Named, '{"n": 1, "number": "x"}'),
        (Named, '{"number": "x", "n": 1}'),
        (Named, '{"number": [{"a": 2}], "n": 1}'),
        (Holding, '{"numbers": ["x"], "list": [1]}'),
        (Holding, '{"named": {}, "model": {"n": 1}}'),
        (Holding, '{"table": {"a": "x"}, "dict": {"a": 1}}'),
        (Holding, '{"dict": {"a": 1}, "table": {"a": "x"}}'),
        (Chosen, '{"third": "x", "second": "y", "first": 1}'),
        (Chosen, '{"second": 1, "third": "x"}'),
    ],
)
def test_the_losing_one_of_a_fields_names_is_not_validated(type_: Any, text: str) -> None:
    for cut in (1, 5, 100):
        decoder = Decoder(plan(type_))
        _, error = run(decoder, [text[at : at + cut] for at in range(0, len(text), cut)])
        assert error is None
        assert decoder.result == type_.model_validate_json(text)


@pytest.mark.parametrize("text", ['{"number": "x"}', '{"number": "x", "n": "y"}'])
def test_without_a_better_name_it_is(text: str) -> None:
    _, error = run(Decoder(plan(Named)), [text])
    assert error is not None
    for holding in ('{"numbers": ["x"]}', '{"named": {}}', '{"table": {"a": "x"}}'):
        _, error = run(Decoder(plan(Holding)), [holding])
        assert error is not None


class Swapped(BaseModel):
    title: str = Field(validation_alias=AliasChoices("title", "name"))
    name: str = Field(validation_alias=AliasChoices("name", "title"), max_length=3)


class Same(BaseModel):
    short: str = Field(validation_alias="text", max_length=3)
    long: list[str] | str = Field(validation_alias="text")
    other: str = "x"


class Crossed(BaseModel):
    names: list[str] = Field(validation_alias=AliasChoices("many", "names"))
    first: str = Field(validation_alias=AliasPath("names", 0))


@pytest.mark.parametrize("extra", ["ignore", "allow", "forbid"])
@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (Swapped, '{"title": "abc"}'),
        (Swapped, '{"title": "abcd"}'),
        (Swapped, '{"title": "abcd", "name": "e"}'),
        (Swapped, '{"name": "e", "title": "abcd"}'),
        (Swapped, '{"name": "abcd", "title": "e"}'),
        (Same, '{"text": "abc", "other": "y"}'),
        (Same, '{"text": "abcd"}'),
        (Same, '{"text": ["a"]}'),
        (Same, '{"first": "a", "text": "c"}'),
        (Crossed, '{"many": ["a"], "names": ["b"]}'),
        (Crossed, '{"names": ["b"], "many": ["a"]}'),
        (Crossed, '{"names": ["b"]}'),
    ],
)
def test_a_key_that_two_fields_read_is_each_ones(type_: Any, text: str, extra: Any) -> None:
    model = create_model("Made", __base__=type_)
    model.model_config = ConfigDict(extra=extra)
    model.model_rebuild(force=True)
    try:
        expected = model.model_validate_json(text).model_dump(by_alias=True)
    except ValidationError:
        expected = None
    for cut in (1, 100):
        decoder = Decoder(plan(model))
        _, error = run(decoder, [text[at : at + cut] for at in range(0, len(text), cut)])
        assert (error is None) is (expected is not None)
        assert decoder.done is (expected is not None)
        if expected is not None:
            assert decoder.value == expected


def test_two_fields_that_are_written_under_one_key_are_refused() -> None:
    class Twice(BaseModel):
        a: str = Field(alias="x")
        b: str = Field(serialization_alias="x")

    with pytest.raises(ValueError, match="Twice has two fields that are written as 'x'"):
        plan(list[Twice])


class Extras(BaseModel):
    model_config = ConfigDict(extra="allow", populate_by_name=True)

    text: Annotated[str, AfterValidator(lambda value, info: value)] = Field(alias="t")
    number: int = Field(1, alias="n")
    shout: Annotated[str, AfterValidator(str.upper)] = Field("", alias="s")
    many: list[int] = Field([], alias="m")
    inner: Extras | None = Field(None, alias="i")


@pytest.mark.parametrize(
    "text",
    [
        '{"t": "a", "text": "b"}',
        '{"text": "b", "t": "a"}',
        '{"t": "a", "text": {"x": [1]}}',
        '{"t": "a", "n": 1, "number": "x"}',
        '{"t": "a", "number": "x", "n": 1}',
        '{"text": "b"}',
        '{"t": "a", "number": "2", "n": 1}',
        '{"t": "a", "n": 1, "number": "2"}',
        '{"t": "a", "number": "2"}',
        '{"t": "a", "shout": " b ", "s": "c"}',
        '{"t": "a", "many": ["1", 2.0], "m": [3]}',
        '{"t": "a", "many": ["1", 2.0]}',
        '{"t": "a", "inner": {"number": "1", "n": "2", "t": "x", "y": 1}, "i": null}',
        '{"t": "a", "inner": {"number": "1", "n": "2", "t": "x", "y": 1}}',
    ],
)
def test_the_losing_name_is_an_extra_key_with_its_own_value(text: str) -> None:
    for cut in (1, 100):
        decoder = Decoder(plan(Extras))
        _, error = run(decoder, [text[at : at + cut] for at in range(0, len(text), cut)])
        assert error is None
        assert decoder.value == TypeAdapter(Extras).validate_json(text).model_dump(by_alias=True)


@pytest.mark.parametrize("names", list(permutations(["best", "second", "last"])))
@pytest.mark.parametrize("value", ["text", ["a", "b"]])
def test_of_three_names_all_but_the_best_are_extra_keys_in_any_order(
    names: tuple[str, ...], value: Any
) -> None:
    class Thrice(BaseModel):
        model_config = ConfigDict(extra="allow", populate_by_name=True)

        last: str | list[str] = Field(
            validation_alias=AliasChoices("best", "second"), serialization_alias="shown"
        )
        more: str | None = None

    class Grown(Thrice):
        last: type(value) = Field(  # type: ignore[valid-type]
            validation_alias=AliasChoices("best", "second"), serialization_alias="shown"
        )

    text = json.dumps(dict.fromkeys(names, value))
    for type_ in (Thrice, Grown):
        for size in (1, len(text)):
            decoder = Decoder(plan(type_))
            _, error = run(decoder, [text[at : at + size] for at in range(0, len(text), size)])
            assert error is None
            expected = TypeAdapter(type_).validate_json(text)
            assert decoder.value == expected.model_dump(by_alias=True)


@pytest.mark.parametrize(
    "text", ['{"t": "a", "text": 1}', '{"text": "b", "t": "a"}', '{"t": "a", "n": 1}']
)
def test_an_extra_key_that_a_field_is_written_under_is_a_key_twice(text: str) -> None:
    class Odd(BaseModel):
        model_config = ConfigDict(extra="allow", populate_by_name=True)

        text: str = Field(validation_alias="t")
        number: int = Field(1, validation_alias="m", serialization_alias="n")

    _, error = run(Decoder(plan(Odd)), [text])
    assert error is not None
    assert error.errors[0]["message"] == "has a key twice"


def test_the_losing_name_is_forbidden_where_extra_keys_are() -> None:
    class Forbidding(BaseModel):
        model_config = ConfigDict(extra="forbid", populate_by_name=True)

        text: str = Field(alias="t")

    for text in ('{"t": "a", "text": "b"}', '{"text": "b", "t": "a"}'):
        _, error = run(Decoder(plan(Forbidding)), [text])
        assert error is not None
