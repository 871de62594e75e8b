"""What an entry tells of its schema: JSON Schemas, and the class that a model is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.value import plain
from app.schemas.registry import SchemaEntry, load
from tests.support.schema_files import load_one, schema, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "schemas"
    folder.mkdir()
    return folder


def test_a_list_is_asked_for_as_items_of_an_object_bounded_by_count(folder: Path) -> None:
    entry = load_one(folder, schema())
    model = entry.response_model(3)
    assert (entry.is_list, entry.root_key, entry.max_count) == (True, "items", 20)
    assert (model.name, model.description) == ("Words", "Words.")
    shown = model.json_schema
    assert (shown["type"], shown["title"], shown["description"]) == ("object", "Words", "Words.")
    assert list(shown["properties"]) == shown["required"] == ["items"]
    items = shown["properties"]["items"]
    assert (items["minItems"], items["maxItems"]) == (1, 3)
    assert list(shown["$defs"]) == ["Word"]


def test_what_is_asked_for_is_built_once_a_count(folder: Path) -> None:
    entry = load_one(folder, schema())
    models = [entry.response_model(count) for count in range(1, 21)]
    assert len(set(models)) == 20
    assert [entry.response_model(count) for count in range(1, 21)] == models
    assert list(entry.response_models) == models


@pytest.mark.parametrize("count", [None, 0, 21])
def test_a_list_is_not_asked_for_without_a_count_in_its_range(
    folder: Path, count: int | None
) -> None:
    entry = load_one(folder, schema())
    with pytest.raises(ValueError, match="words: count must be from 1 to 20"):
        entry.response_model(count)


def test_the_validators_of_a_list_are_kept_and_see_a_list_in_its_bounds(folder: Path) -> None:
    source = """
def unique(words: list[Word]) -> list[Word]:
    assert len({w.text for w in words}) == len(words), "twice the same"
    return words[:1]
"""
    entry = load_one(folder, source + schema("Annotated[list[Word], AfterValidator(unique)]"))
    assert entry.is_list
    assert decoded(entry, '{"items": [{"text": "a"}, {"text": "b"}]}') == [{"text": "a"}]
    assert decoded(entry, '{"items": [{"text": "a"}, {"text": "b"}, {"text": "b"}]}') == [
        {"text": "a"}
    ]
    with pytest.raises(Invalid):
        decoded(entry, '{"items": [{"text": "a"}, {"text": "a"}]}')


def decoded(entry: SchemaEntry, text: str) -> Any:
    """The value of an answer to a call for at most two elements."""
    decoder = Decoder(entry.plan, key=entry.root_key, bound=2)
    decoder.feed(text)
    decoder.finish()
    return plain(decoder.value)


@pytest.mark.parametrize("result", ["Word", "Tree", "Table", "Pair[int]", "Chain[int]", "Sole"])
def test_a_model_with_an_object_at_its_root_is_asked_for_as_it_is(
    folder: Path, result: str
) -> None:
    source = """
from typing import Generic, TypeVar
T = TypeVar("T")
class Tree(BaseModel):
    children: list[Tree] = []
class Table(RootModel[dict[str, int]]):
    pass
class Pair(BaseModel, Generic[T]):
    left: T
class Chain(BaseModel, Generic[T]):
    next: Chain[T] | None = None
class Sole(BaseModel):
    "The only one."
    name: str
    def __init_subclass__(cls, **_: object) -> None:
        raise TypeError("there is no other")
"""
    entry = load_one(folder, source + schema(result, "Parameters"))
    assert (entry.is_list, entry.root_key, entry.max_count) == (False, None, None)
    model = entry.response_model(None)
    assert entry.response_model(7) is model
    assert (model.name, model.json_schema["type"]) == ("Words", "object")
    assert model.description == ("The only one." if result == "Sole" else "Words.")


@pytest.mark.parametrize("result", ["RootModel[list[Word]]", "Word | int", "dict[str, Word]"])
def test_any_other_root_is_asked_for_as_the_value_of_an_object(folder: Path, result: str) -> None:
    entry = load_one(folder, schema(result, "Parameters"))
    model = entry.response_model(None)
    assert (entry.is_list, entry.root_key) == (False, "value")
    assert list(model.json_schema["properties"]) == model.json_schema["required"] == ["value"]
    assert entry.response_model(None) is model


@pytest.mark.parametrize(
    ("file", "name"),
    [("long_words.py", "LongWords"), ("w1.py", "W1"), (f"{'very_' * 20}long.py", "Very" * 16)],
)
def test_what_is_asked_for_is_named_after_the_schema_in_camel_case(
    folder: Path, file: str, name: str
) -> None:
    write(folder, file, "class Wörter(Word):\n    pass\n" + schema("Wörter", "Parameters"))
    (entry,) = load(folder)
    assert entry.response_model(None).name == name


def test_the_json_schemas_speak_of_serialized_keys_and_the_bound(folder: Path) -> None:
    source = """
class Named(BaseModel):
    text: Annotated[str, Field(validation_alias='in', serialization_alias='out')] = ''
"""
    entry = load_one(folder, source + schema("list[Named]"))
    result = entry.result_json_schema
    assert (result["type"], result["minItems"], result["maxItems"]) == ("array", 1, 20)
    assert list(result["$defs"]["Named"]["properties"]) == ["out"]
    assert list(entry.parameters_json_schema["properties"]) == ["topic", "count"]
    assert entry.result_json_schema is result
