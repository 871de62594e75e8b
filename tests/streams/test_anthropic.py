"""Streams of models that have Anthropic's interface, from a file of models to `done`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.demo import SECRET, DemoServer
from tests.support.client import read
from tests.support.demo import OUTCOMES, SILENT
from tests.support.http_client import http_client
from tests.support.messages import called, end, failed, said, start, thought
from tests.support.service import running
from tests.support.upstream import HEAD, Upstream, saying, upstream

IDEAS = "/ideas?topic=figs&count=3&interval_ms=0"
FIGS, TEA = {"title": "Figs", "blurb": "Sweet."}, {"title": "Tea", "blurb": "Hot."}
MODELS = """
[models.{model}]
provider = "anthropic"
base_url = "{url}"
mode = "{mode}"
deadlines = {{ first_content = 2, gap = {gap} }}
"""


def described(
    tmp_path: Path, url: str, model: str = "claude", mode: str = "auto", gap: float = 20
) -> str:
    """The name of a file with one model."""
    file = tmp_path / "models.toml"
    file.write_text(MODELS.format(model=model, url=url, mode=mode, gap=gap))
    return str(file)


async def streamed(tmp_path: Path, other: Upstream, mode: str = "auto") -> str:
    """What the service says of an answer of this provider's."""
    file = described(tmp_path, other.base_url, mode=mode)
    async with running(models_file=file, model="") as service:
        return await read(service.url + IDEAS)


def last(said: str) -> tuple[str, object]:
    """The last event of a stream, and its data."""
    event, data, *_ = said.strip().split("\n\n")[-1].split("\n")
    return event.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def test_the_elements_of_several_calls_are_one_list(tmp_path: Path) -> None:
    calls = [called([json.dumps({"items": [it]})], i) for i, it in enumerate((FIGS, TEA))]
    async with upstream(saying(HEAD + start() + b"".join(calls) + end("tool_use"))) as other:
        assert last(await streamed(tmp_path, other)) == ("done", [FIGS, TEA])


async def test_usage_is_told_with_what_the_cache_has_to_do_with(tmp_path: Path) -> None:
    begun = start(input_tokens=1, cache_read_input_tokens=100, output_tokens=1)
    answer = thought("Hm.") + called([json.dumps({"items": [FIGS]})], 1)
    async with upstream(saying(HEAD + begun + answer + end(output_tokens=30))) as other:
        told = await streamed(tmp_path, other)
    assert '"input_tokens":101,"output_tokens":30' in told
    assert last(told) == ("done", [FIGS])


async def test_a_busy_provider_is_asked_again_though_the_answer_has_begun(tmp_path: Path) -> None:
    value = json.dumps({"items": [FIGS]})
    broken = HEAD + start() + called([value[:20]]) + failed("overloaded_error")
    async with upstream(saying(broken, HEAD + start() + called([value]) + end())) as other:
        told = await streamed(tmp_path, other)
        assert len(other.exchanges) == 2
    assert "event: restart" in told
    assert last(told) == ("done", [FIGS])
    assert "canary" not in told


async def test_an_invalid_answer_is_told_in_turns(tmp_path: Path) -> None:
    wrong = json.dumps({"items": [FIGS | {"title": 5}]})
    right = json.dumps({"items": [FIGS]})
    answers = [HEAD + start() + said([it]) + end() for it in (wrong, right)]
    async with upstream(saying(*answers)) as other:
        assert last(await streamed(tmp_path, other, "json")) == ("done", [FIGS])
        roles = [message["role"] for message in other.exchanges[1].body["messages"]]
    assert roles == ["user", "assistant", "user"]


@pytest.mark.parametrize("mode", ["tools", "json_schema", "json"])
async def test_the_demo_model_answers_by_this_interface_too(tmp_path: Path, mode: str) -> None:
    async with DemoServer(0) as demo:
        file = described(tmp_path, demo.base_url, "demo", mode)
        async with running(models_file=file, model="") as service:
            event, value = last(await read(service.url + IDEAS))
    assert event == "done"
    assert isinstance(value, list)
    assert 1 <= len(value) <= 3


@pytest.mark.parametrize("model", OUTCOMES)
async def test_each_fault_of_the_demo_has_its_outcome_by_this_interface_too(
    tmp_path: Path, model: str
) -> None:
    async with DemoServer(0) as demo:
        gap = 0.3 if model in SILENT else 20
        file = described(tmp_path, demo.base_url, model, gap=gap)
        async with (
            running(models_file=file, model="") as service,
            http_client(timeout=30) as client,
        ):
            response = await client.get(service.url + IDEAS, headers={"Accept": "application/json"})
    told = response.json()
    outcome = "done" if response.status_code == 200 else told["code"]
    assert outcome == OUTCOMES[model]
    assert SECRET not in response.text
