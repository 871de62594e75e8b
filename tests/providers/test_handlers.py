"""Instructor's handlers make each request of a name, a description and a JSON Schema alone."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from instructor import Mode
from instructor import Provider as InstructorProvider

from app.providers.handlers import described, handlers
from app.schemas.asked_model import AskedModel

OPENAI = [Mode.TOOLS, Mode.JSON_SCHEMA, Mode.JSON, Mode.MD_JSON]
ANTHROPIC = [Mode.TOOLS, Mode.JSON]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Tree",
    "description": "Args:\n    children: more of them",
    "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
    "$defs": {"Tree": {"type": "object"}},
}
FREE: dict[str, Any] = {"type": "object", "title": "Tree", "description": "Args:\n    x: y"}


def made(asked: AskedModel, provider: InstructorProvider, mode: Mode) -> Any:
    arguments = {"messages": [{"role": "user", "content": "A tree?"}], "stream": True}
    return handlers(provider, mode).request_handler(described(asked), arguments)[1]


@pytest.mark.parametrize("schema", [SCHEMA, FREE], ids=["tree", "free"])
@pytest.mark.parametrize(
    ("provider", "mode"),
    [(InstructorProvider.OPENAI, mode) for mode in OPENAI]
    + [(InstructorProvider.ANTHROPIC, mode) for mode in ANTHROPIC],
)
def test_what_is_asked_goes_into_the_request_and_is_not_changed(
    schema: dict[str, Any], provider: InstructorProvider, mode: Mode
) -> None:
    asked = AskedModel("Tree", schema["description"], copy.deepcopy(schema))
    body = made(asked, provider, mode)
    assert asked.json_schema == schema
    assert "Tree" in str(body)
    for key in schema.get("properties", ()):
        assert key in str(body)


def test_a_tool_has_the_name_and_the_description() -> None:
    asked = AskedModel("Tree", SCHEMA["description"], SCHEMA)
    (tool,) = made(asked, InstructorProvider.OPENAI, Mode.TOOLS)["tools"]
    assert tool["function"]["name"] == "Tree"
    assert tool["function"]["description"] == SCHEMA["description"]
    assert tool["function"]["parameters"]["$defs"] == SCHEMA["$defs"]
    (tool,) = made(asked, InstructorProvider.ANTHROPIC, Mode.TOOLS)["tools"]
    assert (tool["name"], tool["description"]) == ("Tree", SCHEMA["description"])
    assert tool["input_schema"] == SCHEMA
