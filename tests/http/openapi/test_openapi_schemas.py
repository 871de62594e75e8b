"""The OpenAPI document of schemas that are not ours: names that meet, types that don't fit."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from app.schemas.registry import Registry, load
from tests.http.openapi.openapi_document import (
    COMING_BACK,
    Json,
    answer,
    body,
    of,
    operations,
    parameters,
    resolved,
)
from tests.support import schema_files


def write(folder: Path, **sources: str) -> Registry:
    for name, source in sources.items():
        schema_files.write(folder, f"{name}.py", source)
    return load(folder)


def test_the_same_definition_is_shared_and_another_of_its_name_is_kept_apart(
    tmp_path: Path,
) -> None:
    other = "\nclass Word(BaseModel):\n    number: int\n" + schema_files.schema()
    registry = write(tmp_path, a=schema_files.schema(), b=schema_files.schema(), c=other)
    schemas = of(registry)["components"]["schemas"]
    assert list(schemas["Word"]["properties"]) == ["text"]
    assert list(schemas["Word_2"]["properties"]) == ["number"]
    assert "Word_3" not in schemas
    items = {name: schemas[f"{name}Result"]["items"]["$ref"] for name in "ABC"}
    assert items["A"] == items["B"] == "#/components/schemas/Word"
    assert items["C"] == "#/components/schemas/Word_2"


def test_a_definition_is_another_where_one_that_it_leads_to_is(tmp_path: Path) -> None:
    holder = "\nclass Holder(BaseModel):\n    words: list[Word]\n"
    end = schema_files.schema("Holder", "Parameters")
    other = "\nclass Word(BaseModel):\n    number: int\n"
    schemas = of(write(tmp_path, a=holder + end, b=other + holder + end))["components"]["schemas"]
    words = {
        name: schemas[name]["properties"]["words"]["items"]["$ref"]
        for name in ("AResult", "BResult")
    }
    assert words == {
        "AResult": "#/components/schemas/Word",
        "BResult": "#/components/schemas/Word_2",
    }


def test_a_schema_whose_name_begins_as_a_route_of_the_service_needs_a_key(tmp_path: Path) -> None:
    names = ("metrics_plan", "schemas_of_law", "readyz2")
    registry = write(tmp_path, **dict.fromkeys(names, schema_files.schema()))
    found = operations(of(registry, keyed=True))
    for name in registry.names:
        assert found["POST", f"/{name}"]["security"], name


def test_parameters_may_hold_parameters_of_their_own_kind(tmp_path: Path) -> None:
    source = "\nclass Place(Parameters):\n    inside: 'Place | None' = None\n"
    registry = write(tmp_path, places=source + schema_files.schema("Word", "Place"))
    assert set(registry.get("places").parameters_json_schema["properties"]) == {"topic", "inside"}
    document = of(registry)
    asked = resolved(document, body(document, "/places")["schema"])
    assert set(asked["properties"]) == {"topic", "inside"}


def test_a_model_may_have_the_name_of_one_of_ours_or_of_a_keyword(tmp_path: Path) -> None:
    source = dedent("""
    class Problem(BaseModel):
        default: "Problem | None" = None
        examples: list[Word]
        mapping: dict[str, Word]
        ref: str = Field(alias="$ref", serialization_alias="$ref")
    """) + schema_files.schema("Problem", "Parameters")
    schemas = of(write(tmp_path, problems=source))["components"]["schemas"]
    assert "request_id" in schemas["Problem"]["properties"]
    theirs = schemas["Problem_2"]["properties"]
    assert theirs["default"]["anyOf"][0] == {"$ref": "#/components/schemas/Problem_2"}
    assert theirs["examples"]["items"] == {"$ref": "#/components/schemas/Word"}
    assert theirs["mapping"]["additionalProperties"] == {"$ref": "#/components/schemas/Word"}
    assert theirs["$ref"]["type"] == "string"


def test_a_component_has_its_name_for_a_title(tmp_path: Path) -> None:
    source = dedent("""
    class Titled(BaseModel):
        model_config = ConfigDict(title="Word")
        words: list[Word]
    """) + schema_files.schema("Titled", "Parameters")
    schemas = of(write(tmp_path, titles=source, words=schema_files.schema()))["components"][
        "schemas"
    ]
    assert {name: schema["title"] for name, schema in schemas.items()} == {n: n for n in schemas}


def test_what_generators_of_clients_stumble_over_is_said_in_another_way(tmp_path: Path) -> None:
    source = dedent("""
    class Odd(BaseModel):
        nothing: None = None
        nothings: list[None]
        maybe: str | None
        mixed: Literal["a", 1, "b", None]
        one: Literal["a", "b"]
        anything: Any
        type: str
    """) + schema_files.schema("Odd", "Parameters")
    document = of(write(tmp_path, odd="\nfrom typing import Any\n" + source))
    schemas = document["components"]["schemas"]
    found = schemas["OddResult"]["properties"]
    assert found["nothing"] == {"const": None, "default": None, "title": "Nothing"}
    assert found["nothings"]["items"] == {"const": None}
    assert found["maybe"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
    assert found["mixed"]["anyOf"] == [{"enum": ["a", "b"]}, {"enum": [1]}, {"type": "null"}]
    assert found["one"]["enum"] == ["a", "b"]
    assert found["type"]["type"] == "string"
    assert "anyOf" not in schemas["PartialOdd"]["properties"]["anything"]
    ping = schemas["PingLine"]["properties"]
    assert ping["data"] == {"const": None}


def test_the_mapping_of_a_discriminator_follows_its_definitions(tmp_path: Path) -> None:
    source = dedent("""
    class Cat(BaseModel):
        kind: Literal["cat"]
    class Dog(BaseModel):
        kind: Literal["dog"]
    class Pet(BaseModel):
        animal: Annotated[Cat | Dog, Field(discriminator="kind")]
    """) + schema_files.schema("Pet", "Parameters")
    schemas = of(write(tmp_path, pets=source))["components"]["schemas"]
    assert schemas["PetsResult"]["properties"]["animal"]["discriminator"]["mapping"] == {
        "cat": "#/components/schemas/Cat",
        "dog": "#/components/schemas/Dog",
    }


def test_names_that_become_the_same_are_told_apart(tmp_path: Path) -> None:
    document = of(write(tmp_path, **{"a_1": schema_files.schema(), "a1": schema_files.schema()}))
    ids = {operation["operationId"] for operation in operations(document).values()}
    assert {"post_a_1", "post_a1"} <= ids
    schemas = document["components"]["schemas"]
    assert schemas["A1Request"]["properties"]["schema"]["const"] == "a1"
    assert schemas["A1Request_2"]["properties"]["schema"]["const"] == "a-1"


def test_what_is_no_scalar_is_left_out_of_a_query_string(tmp_path: Path) -> None:
    source = dedent("""
    from enum import Enum
    class Size(Enum):
        SMALL = "small"
        LARGE = "large"
    class Given(ListParameters):
        size: Size = Size.SMALL
        limit: int | float | None = None
        tags: list[str] = []
        word: Word | None = None
    """) + schema_files.schema(parameters="Given")
    document = of(write(tmp_path, words=source))
    found = parameters(document, "GET", "/words")
    assert list(found) == ["topic", "count", "size", "limit", *COMING_BACK]
    assert found["size"]["schema"] == {"$ref": "#/components/schemas/Size", "default": "small"}
    assert found["limit"]["schema"]["anyOf"] == [{"type": "integer"}, {"type": "number"}]
    posted = resolved(document, body(document, "/words")["schema"])["properties"]
    assert list(posted) == ["topic", "count", "size", "limit", "tags", "word"]


def test_there_is_no_get_where_a_query_string_cannot_hold_what_is_required(
    tmp_path: Path,
) -> None:
    source = dedent("""
    class Given(ListParameters):
        words: list[Word]
    """) + schema_files.schema(parameters="Given")
    assert list(of(write(tmp_path, words=source))["paths"]["/words"]) == ["post"]


def test_a_schema_that_the_demo_model_cannot_answer_has_no_example(tmp_path: Path) -> None:
    source = dedent("""
    def never(value: str) -> str:
        raise ZeroDivisionError
    class Odd(BaseModel):
        text: Annotated[str, AfterValidator(never)]
    """) + schema_files.schema("list[Odd]")
    document = of(write(tmp_path, odd=source))
    assert answer(document, "POST", "/odd")["examples"] == {}
    assert answer(document, "POST", "/odd")["schema"]["x-event-data"]["message"]


LISTS = """
def sized(words: list[Word]) -> list[Word]:
    return words
class Whole(BaseModel):
    words: list[Word]
"""


def views(document: Json, method: str, path: str) -> list[str]:
    found: list[str] = parameters(document, method, path)["view"]["schema"]["enum"]
    return found


def test_items_are_described_where_a_list_has_no_validator_of_its_own(tmp_path: Path) -> None:
    document = of(
        write(
            tmp_path,
            plain=LISTS + schema_files.schema(),
            checked=LISTS + schema_files.schema("Annotated[list[Word], AfterValidator(sized)]"),
            whole=LISTS + schema_files.schema("Whole", "Parameters"),
        )
    )
    for name, has_items in (("plain", True), ("checked", False), ("whole", False)):
        for method in ("GET", "POST"):
            assert ("items" in views(document, method, f"/{name}")) is has_items
            described = answer(document, method, f"/{name}")
            assert ("item" in described["schema"]["x-event-data"]) is has_items
            assert ("items" in described["examples"]) is has_items
            assert "delta" in described["examples"]
            lines = answer(document, method, f"/{name}", "application/x-ndjson")
            assert ("item" in lines["examples"]) is has_items
    for method, path in (("POST", "/streams"), ("GET", "/streams/{id}")):
        assert "items" in views(document, method, path)
        data = answer(document, method, path)["schema"]["x-event-data"]
        assert data["item"] == {"$ref": "#/components/schemas/Word"}


def test_where_no_schema_has_items_no_call_does(tmp_path: Path) -> None:
    source = LISTS + schema_files.schema("Whole", "Parameters")
    document = of(write(tmp_path, whole=source))
    for method, path in (("POST", "/whole"), ("POST", "/streams"), ("GET", "/streams/{id}")):
        assert "items" not in views(document, method, path)
        assert "item" not in answer(document, method, path)["schema"]["x-event-data"]
