"""`python -m app check`: which ways a model takes, and what to write for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.demo import DemoServer
from tests.support.command import invoked
from tests.support.process import Ended, ended
from tests.support.upstream import HEAD, Exchange, delta, end, holding, text, upstream

WAYS = [
    *("tools", "tools, not forced", "json_schema, strict", "json_schema", "json", "md_json"),
]
FREE = "INSTRUCTOR_MODE=tools EXTRA_BODY='{\"tool_choice\": null}'"
CITIES = '{"country": "France", "cities": [{"name": "Paris"}]}'


async def checked(*arguments: str, **settings: str) -> tuple[Ended, dict[str, Any]]:
    """How the command ends, and what it says of each way, by name."""
    settings = {"DEMO_TOKENS_PER_SECOND": "0", **settings}
    done = await invoked("check", *arguments, "--json", **settings)
    lines = [json.loads(line) for line in done.out.splitlines()]
    return done, {line["way"]: line for line in lines}


async def test_a_model_that_takes_all_has_settings_for_each_way() -> None:
    done, ways = await checked()
    assert (done.code, done.said) == (0, "")
    assert list(ways) == WAYS
    for way in ways.values():
        assert (way["model"], way["works"], way["answer"]) == ("demo", True, "works")
        assert way["usage"]
        assert way["first_content"] > 0
        assert way["tokens_per_second"] > 0
    assert ways["tools"]["settings"] == "INSTRUCTOR_MODE=tools"
    assert ways["tools, not forced"]["settings"] == FREE
    strict = "INSTRUCTOR_MODE=json_schema SCHEMA_DIALECT=strict"
    assert ways["json_schema, strict"]["settings"] == strict


@pytest.mark.parametrize(
    ("model", "refused", "answer"),
    [
        ("demo-no-json-schema", WAYS[:4], "400 tools"),
        ("demo-no-forced-tool", WAYS[:1], "400"),
        ("demo-no-strict", WAYS[:3], "400 tools"),
    ],
)
async def test_what_a_model_refuses_is_told_by_status_code_and_field(
    model: str, refused: list[str], answer: str
) -> None:
    done, ways = await checked(model)
    assert done.code == 0
    assert [name for name, way in ways.items() if not way["works"]] == refused
    assert ways["tools"]["answer"] == answer
    assert ways["tools"]["settings"] is None


@pytest.mark.parametrize(
    ("model", "setting"),
    [
        ("demo-no-stream-options", "EXTRA_BODY='{\"stream_options\": null}'"),
        ("demo-no-max-tokens", "MAX_TOKENS_FIELD=max_completion_tokens"),
    ],
)
async def test_a_field_that_is_refused_is_left_out_and_is_in_the_settings(
    model: str, setting: str
) -> None:
    done, ways = await checked(model)
    assert done.code == 0
    assert all(way["works"] for way in ways.values())
    assert ways["json"]["settings"] == f"INSTRUCTOR_MODE=json {setting}"
    assert ways["json"]["usage"] == (model != "demo-no-stream-options")


async def test_where_no_way_works_it_ends_with_1() -> None:
    done, ways = await checked("demo-401")
    assert done.code == 1
    assert {way["answer"] for way in ways.values()} == {"401 invalid_api_key"}


async def test_a_table_has_a_line_for_each_way_and_the_settings_below() -> None:
    done = await ended("check", "demo-no-json-schema", DEMO_TOKENS_PER_SECOND="0")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].strip() == "demo-no-json-schema"
    assert lines[1].split("  ")[0].strip() == "way"
    for way in WAYS:
        assert any(line.strip().startswith(way) for line in lines[2:8])
    assert [line.split()[-1] for line in lines[-3:-1]] == [
        "INSTRUCTOR_MODE=json",
        "INSTRUCTOR_MODE=md_json",
    ]


async def test_all_models_of_a_provider_are_asked_and_none_of_its_words_is_told() -> None:
    async def script(exchange: Exchange) -> None:
        if exchange.body["model"] == "broken":
            canary = json.dumps({"error": {"message": "c4n4ry", "code": "c4n 4ry", "param": "n"}})
            head = f"HTTP/1.1 400 No\r\nContent-Length: {len(canary)}\r\n\r\n"
            await exchange.send((head + canary).encode())
            return
        said = text(CITIES) if "tools" in exchange.body else delta(content=CITIES)
        await exchange.send(HEAD + said + end())

    async with upstream(script) as provider:
        done = await invoked(
            *("check", "--json"), OPENAI_BASE_URL=provider.base_url, MODELS="good,broken"
        )
    assert done.code == 1  # of one model nothing works
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [(line["model"], line["works"]) for line in lines] == [
        *[("good", True)] * len(WAYS),
        *[("broken", False)] * len(WAYS),
    ]
    assert not lines[0]["usage"]
    assert "c4n" not in done.out + done.said


async def test_an_answer_that_is_cut_off_is_told() -> None:
    async with upstream(holding(HEAD + delta(content='{"country": "Fr') + end("length"))) as other:
        done = await invoked("check", "--json", OPENAI_BASE_URL=other.base_url, MODEL="m")
    assert done.code == 1
    answers = {json.loads(line)["answer"] for line in done.out.splitlines()}
    assert answers == {"finish length"}


async def test_a_model_that_is_not_there_is_wrong() -> None:
    done = await invoked("check", "nobody")
    assert done.code == 2
    assert done.said.startswith("no such model; there are: demo,")


async def test_a_model_with_anthropics_interface_is_checked_in_its_ways(tmp_path: Path) -> None:
    async with DemoServer(0) as demo:
        file = tmp_path / "models.toml"
        table = (
            f'[models.demo-no-forced-tool]\nprovider = "anthropic"\nbase_url = "{demo.base_url}"'
        )
        file.write_text(table)
        done, ways = await checked(MODELS_FILE=str(file), MODEL="")
    assert (done.code, list(ways)) == (0, [*WAYS[:3], "json"])
    assert ways["tools"]["answer"] == "400"
    free = 'mode = "tools"; options.tool_choice.type = "auto"'
    assert ways["tools, not forced"]["settings"] == free
    assert ways["json"]["settings"] == 'mode = "json"'
