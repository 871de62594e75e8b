"""What an entry tells of its schema: JSON Schemas, and the class that a model is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from app.schemas.registry import load
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
    assert (model.__name__, model.__doc__) == ("Words", "Words.")
    shown = model.model_json_schema()
    assert (shown["type"], shown["description"]) == ("object", "Words.")
    assert list(shown["properties"]) == shown["required"] == ["items"]
    items = shown["properties"]["items"]
    assert (items["minItems"], items["maxItems"]) == (1, 3)
    assert len(model.model_validate({"items": [{"text": "a"}] * 3}).items) == 3  # type: ignore[attr-defined]
    for length in (0, 4):
        with pytest.raises(ValidationError):
            model.model_validate({"items": [{"text": "a"}] * length})


def test_the_class_that_is_asked_for_is_built_once_a_count(folder: Path) -> None:
    entry = load_one(folder, schema())
    models = [entry.response_model(count) for count in range(1, 21)]
    assert len(set(models)) == 20
    assert [entry.response_model(count) for count in range(1, 21)] == models


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
    model = entry.response_model(2)
    assert entry.is_list
    both = model.model_validate({"items": [{"text": "a"}, {"text": "b"}]})
    assert both.model_dump() == {"items": [{"text": "a"}]}
    with pytest.raises(ValidationError, match="twice the same"):
        model.model_validate({"items": [{"text": "a"}] * 2})
    with pytest.raises(ValidationError, match="at most 2 items"):
        model.model_validate({"items": [{"text": "a"}] * 3})


@pytest.mark.parametrize("result", ["Word", "Tree", "Table"])
def test_a_model_with_an_object_at_its_root_is_asked_for_as_it_is(
    folder: Path, result: str
) -> None:
    source = """
class Tree(BaseModel):
    children: list[Tree] = []
class Table(RootModel[dict[str, int]]):
    pass
"""
    entry = load_one(folder, source + schema(result, "Parameters"))
    assert (entry.is_list, entry.root_key, entry.max_count) == (False, None, None)
    assert entry.response_model(None) is entry.response_model(7) is entry.schema.result


@pytest.mark.parametrize("result", ["RootModel[list[Word]]", "Word | int", "dict[str, Word]"])
def test_any_other_root_is_asked_for_as_the_value_of_an_object(folder: Path, result: str) -> None:
    entry = load_one(folder, schema(result, "Parameters"))
    model = entry.response_model(None)
    assert (entry.is_list, entry.root_key) == (False, "value")
    assert list(model.model_json_schema()["properties"]) == ["value"]
    assert entry.response_model(None) is model
    assert issubclass(model, BaseModel)


def test_a_wrapping_class_is_named_after_the_schema_in_camel_case(folder: Path) -> None:
    write(folder, "long_words.py", schema())
    assert load(folder).get("long-words").response_model(1).__name__ == "LongWords"


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
