"""The JSON of a request: what a mode adds to it is made once, as Instructor makes it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from instructor import Mode
from instructor import Provider as InstructorProvider

from app.main import create_app
from app.providers.asking.way import AskedMode, Way
from app.providers.base import CompletionRequest
from app.providers.handlers import described, handlers
from app.providers.model_settings import ModelSettings
from app.providers.openai.request import OpenAIRequests
from app.schemas.asked_model import AskedModel
from app.schemas.dialects import Unsayable
from app.schemas.registry import SchemaError
from app.settings import Settings
from tests.support.schema_files import schema, write

REQUESTS = OpenAIRequests(ModelSettings(name="m", model="m"))
NAMED = {
    "type": "object",
    "title": "Name",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
}
NAME = AskedModel("Name", "A name.", NAMED)
TABLE = AskedModel(
    "Table",
    "A table.",
    {
        "type": "object",
        "title": "Table",
        "properties": {"rows": {"type": "object", "additionalProperties": {"type": "string"}}},
        "required": ["rows"],
    },
)
"""A dict of any keys, which the strict dialect can't say."""

TALKS = [
    [("system", "Be brief."), ("user", "A name?")],
    [("system", "Be brief."), ("user", "A name?"), ("assistant", "no"), ("user", "Again.")],
]
MODES: list[AskedMode] = ["tools", "json_schema", "json", "md_json"]


def talk(said: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in said]


def asked(way: Way, request: AskedModel = NAME, **settings: Any) -> dict[str, Any]:
    given = ModelSettings(name="m", model="m", **settings)
    return OpenAIRequests(given).body(way, CompletionRequest("m", talk(TALKS[0]), request, 9))


@pytest.mark.parametrize("said", TALKS, ids=["first", "again"])
@pytest.mark.parametrize("mode", MODES)
def test_a_request_is_what_instructor_makes_of_the_whole(
    mode: AskedMode, said: list[tuple[str, str]]
) -> None:
    messages = talk(said)
    before = copy.deepcopy(messages)
    made = REQUESTS.body(Way(mode=mode), CompletionRequest("m", messages, NAME))
    handler = handlers(InstructorProvider.OPENAI, Mode[mode.upper()]).request_handler
    whole = handler(described(NAME), {"messages": talk(said)})[1]
    assert {key: made[key] for key in whole} == whole
    assert messages == before


@pytest.mark.parametrize("mode", MODES)
def test_what_a_mode_adds_is_made_once(mode: AskedMode) -> None:
    made = REQUESTS.template(Way(mode=mode), NAME)
    assert REQUESTS.template(Way(mode=mode), NAME) is made
    if mode in ("json", "md_json"):
        assert REQUESTS.template(Way(mode=mode, dialect="plain"), NAME) is made


def test_with_tools_one_call_is_asked_for_and_without_them_nothing_is_said_of_calls() -> None:
    assert asked(Way(mode="tools"))["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in asked(Way(mode="tools", parallel_tool_calls=False))
    for mode in MODES[1:]:
        assert not {"parallel_tool_calls", "tool_choice", "tools"} & asked(Way(mode=mode)).keys()


def test_a_call_may_be_forced_more_or_less() -> None:
    named = {"type": "function", "function": {"name": "Name"}}
    assert asked(Way(mode="tools"))["tool_choice"] == named
    assert asked(Way(mode="tools", tool_choice="required"))["tool_choice"] == "required"
    assert "tool_choice" not in asked(Way(mode="tools", tool_choice="auto"))


def test_the_strict_dialect_asks_the_provider_to_enforce_it() -> None:
    made = asked(Way(mode="json_schema", dialect="strict"))["response_format"]["json_schema"]
    assert made["strict"] is True
    assert made["schema"]["additionalProperties"] is False
    assert "strict" not in asked(Way(mode="json_schema"))["response_format"]["json_schema"]
    (tool,) = asked(Way(mode="tools", dialect="strict"))["tools"]
    assert tool["function"]["strict"] is True


def test_fields_are_sent_as_the_way_says() -> None:
    made = asked(Way(mode="json"))
    assert (made["max_tokens"], made["stream_options"]) == (9, {"include_usage": True})
    made = asked(Way(mode="json", tokens_fields=("max_completion_tokens",), stream_options=False))
    assert made["max_completion_tokens"] == 9
    assert not {"max_tokens", "stream_options"} & made.keys()
    assert (
        not {"max_tokens", "max_completion_tokens"}
        & asked(Way(mode="json", tokens_fields=())).keys()
    )


def test_options_come_last() -> None:
    options = {"tool_choice": "auto", "stream_options": None, "seed": 1}
    made = asked(Way(mode="tools"), options=options)
    assert (made["tool_choice"], made["seed"]) == ("auto", 1)
    assert "stream_options" not in made


def test_what_a_dialect_cannot_say_is_asked_in_the_next_one() -> None:
    strict = Way(mode="json_schema", dialect="strict")
    with pytest.raises(Unsayable):
        asked(strict, TABLE)
    assert REQUESTS.sayable(strict, TABLE) == Way(mode="json_schema")
    assert REQUESTS.sayable(strict, NAME) == strict
    REQUESTS.prepare([TABLE])
    settings = ModelSettings(name="m", model="m", mode="json_schema", dialect="strict")
    with pytest.raises(Unsayable):
        OpenAIRequests(settings).prepare([TABLE])


def test_a_mode_that_is_set_is_the_first_way() -> None:
    for mode in MODES:
        assert (
            OpenAIRequests(ModelSettings(name="m", model="m", mode=mode)).first_way().mode == mode
        )
    assert REQUESTS.first_way().mode == "tools"


def test_a_schema_that_cannot_be_asked_stops_the_start(tmp_path: Path) -> None:
    source = "class Table(BaseModel):\n    rows: dict[str, str]\n"
    write(tmp_path, "table.py", source + schema("Table", "Parameters"))
    create_app(Settings(schemas=(str(tmp_path),)))
    with pytest.raises(SchemaError, match=r"table\.py:\d+: a model can't be asked for"):
        create_app(
            Settings(
                schemas=(str(tmp_path),), instructor_mode="json_schema", schema_dialect="strict"
            )
        )
