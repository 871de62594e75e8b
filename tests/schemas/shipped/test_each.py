"""What holds for each schema that ships: its examples, and what its prompt does to a topic."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter

from app.demo.text import write_value
from app.schema import Prompt
from app.schemas.registry import SchemaEntry
from tests.schemas.shipped.reading import HOSTILE, SHIPPED, delimited, escaped, fields


@pytest.fixture(params=list(SHIPPED), ids=lambda entry: str(entry.name))
def entry(request: pytest.FixtureRequest) -> SchemaEntry:
    found: SchemaEntry = request.param
    return found


def prompt(entry: SchemaEntry, topic: str) -> Prompt:
    """The prompt for a topic; whatever else the schema takes is made up."""
    given = {**write_value(entry.parameters_json_schema, "tea", "1"), "topic": topic}
    return entry.schema.prompt(entry.schema.parameters.model_validate(given))


def test_every_example_of_a_field_is_valid(entry: SchemaEntry) -> None:
    for _, info in fields(entry.schema.result):
        annotation: Any = Annotated[info.annotation, info]
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        for example in info.examples or []:
            assert adapter.validate_python(example) is not None


@pytest.mark.parametrize("topic", HOSTILE)
def test_a_topic_stays_between_its_delimiters_and_out_of_the_system_part(
    entry: SchemaEntry, topic: str
) -> None:
    plain, hostile = prompt(entry, "x"), prompt(entry, topic)
    assert hostile.system == plain.system
    before, inside, after = delimited(hostile.user, "topic")
    assert (before, after) == (delimited(plain.user, "topic")[0], delimited(plain.user, "topic")[2])
    assert inside.strip() == escaped(topic)
