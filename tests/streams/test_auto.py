"""`auto` over real HTTP: providers that refuse a part of each request, and how they are asked."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.demo import refusals
from app.demo.refusals import REFUSING
from tests.support.client import read, refused
from tests.support.service import running
from tests.support.upstream import HEAD, Exchange, delta, end, text, upstream

FIGS = '{"title":"Figs","blurb":"Sweet."}'
ANSWER = f'{{"items": [{FIGS}]}}'
IDEAS = "/ideas?topic=figs&count=2&interval_ms=0"
DONE = f"event: done\ndata: [{FIGS}]\n\n"
SETTINGS = {
    "demo-no-tools": "INSTRUCTOR_MODE=json_schema SCHEMA_DIALECT=strict",
    "demo-no-forced-tool": "INSTRUCTOR_MODE=tools EXTRA_BODY='{\"tool_choice\": null}'",
    "demo-no-parallel-tool-calls": (
        "INSTRUCTOR_MODE=tools EXTRA_BODY='{\"parallel_tool_calls\": null}'"
    ),
    "demo-no-strict": "INSTRUCTOR_MODE=json_schema",
    "demo-no-json-schema": "INSTRUCTOR_MODE=json",
    "demo-no-stream-options": "INSTRUCTOR_MODE=tools EXTRA_BODY='{\"stream_options\": null}'",
    "demo-no-max-tokens": "INSTRUCTOR_MODE=tools MAX_TOKENS_FIELD=max_completion_tokens",
}
"""What the log says for each of these models. What `$ref` leads to is the dialects' own matter."""

Script = Callable[[Exchange], Awaitable[None]]


def refusal(status: int, body: Any) -> bytes:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} No\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    return head.encode() + data


async def answer(exchange: Exchange) -> None:
    """A whole answer, where the request wants it."""
    said = text(ANSWER) if "tools" in exchange.body else delta(content=ANSWER)
    await exchange.send(HEAD + said + end())


def refusing(model: str) -> Script:
    """A provider that refuses as this model of the demo does, and answers any other request."""

    async def script(exchange: Exchange) -> None:
        if found := refusals.refused(model, exchange.body):
            await exchange.send(refusal(found.status, found.answer))
        else:
            await answer(exchange)

    return script


@pytest.mark.parametrize("model", REFUSING)
async def test_the_first_call_finds_the_way_and_the_second_goes_straight(model: str) -> None:
    async with (
        upstream(refusing(model)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        with capture_logs() as logs:
            first = await read(service.url + IDEAS)
            tries = len(provider.exchanges)
            second = await read(service.url + IDEAS)
        assert first.endswith(DONE)
        assert second.endswith(DONE)
        assert "event: restart" not in first
        assert 2 <= tries <= 4
        assert len(provider.exchanges) == tries + 1
        assert provider.exchanges[-1].body == provider.exchanges[-2].body
        told = [line["event"] for line in logs if "these settings save" in line["event"]]
        assert len(told) == 1
        assert told[0].startswith("m does not take requests as they are first made; ")
        if model in SETTINGS:
            assert told[0].endswith(f": {SETTINGS[model]}")


@pytest.mark.parametrize("model", REFUSING)
async def test_calls_that_come_at_once_go_the_detour_once(model: str) -> None:
    """Each may be refused once, before any of them knows. One then finds out for all."""
    calls = 5
    async with (
        upstream(refusing(model)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        with capture_logs() as logs:
            ends = await asyncio.gather(*(read(service.url + IDEAS) for _ in range(calls)))
        assert [end.endswith(DONE) for end in ends] == [True] * calls
        bodies = Counter(
            json.dumps(exchange.body | {"messages": None}) for exchange in provider.exchanges
        )
        first, *between, last = bodies.values()
        assert first <= calls
        assert between == [1] * len(between)
        assert last == calls
        assert sum("these settings save" in line["event"] for line in logs) == 1


async def test_each_model_is_known_by_itself() -> None:
    async def script(exchange: Exchange) -> None:
        if exchange.body["model"] == "old":
            await refusing("demo-no-tools")(exchange)
        else:
            await answer(exchange)

    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url, models=("new", "old"), model="new") as service,
    ):
        for model in ("old", "new", "old"):
            assert (await read(f"{service.url}{IDEAS}&model={model}")).endswith(DONE)
        asked = [(it.body["model"], "tools" in it.body) for it in provider.exchanges]
        assert asked == [("old", True), ("old", False), ("new", True), ("old", False)]


async def test_a_call_tries_four_times_and_the_next_one_goes_on_from_there() -> None:
    fields = ("stream_options", "parallel_tool_calls", "max_tokens", "tools")

    async def script(exchange: Exchange) -> None:
        for field in fields:
            if field in exchange.body:
                message = f"Unrecognized request argument supplied: {field}"
                await exchange.send(refusal(400, {"error": {"message": message}}))
                return
        await answer(exchange)

    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url, max_attempts=1) as service,
    ):
        assert (await refused(service.url + IDEAS)).json()["code"] == "provider_rejected"
        assert len(provider.exchanges) == 4
        assert (await read(service.url + IDEAS)).endswith(DONE)
        assert len(provider.exchanges) == 5


OTHERS = {
    "key": (400, {"error": {"message": "Incorrect API key for tools", "code": "invalid_api_key"}}),
    "model": (400, {"error": {"message": "The model `tools` does not exist", "param": "model"}}),
    "option": (400, {"error": {"message": "Unsupported parameter", "param": "temperature"}}),
    "unsaid": (400, {}),
    "forbidden": (403, {"error": {"message": "tools are not allowed", "param": "tools"}}),
}


@pytest.mark.parametrize(("status", "body"), OTHERS.values(), ids=OTHERS)
async def test_a_refusal_for_another_reason_is_not_tried_again(status: int, body: Any) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(refusal(status, body))

    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        for calls in (1, 2):
            assert (await refused(service.url + IDEAS)).json()["code"] == "provider_rejected"
            assert len(provider.exchanges) == calls
        first, second = provider.exchanges
        assert first.body == second.body


@pytest.mark.parametrize("mode", ["tools", "json_schema"])
async def test_a_mode_that_is_set_is_asked_as_it_is(mode: str) -> None:
    async with (
        upstream(refusing("demo-no-json-schema")) as provider,
        running(openai_base_url=provider.base_url, instructor_mode=mode) as service,
    ):
        assert (await refused(service.url + IDEAS)).json()["code"] == "provider_rejected"
        assert len(provider.exchanges) == 1


async def test_a_try_is_no_attempt() -> None:
    """The answer in the way that was found is invalid: it is the first attempt that fails."""
    answers = [HEAD + delta(content="no") + end(), HEAD + delta(content=ANSWER) + end()]

    async def script(exchange: Exchange) -> None:
        if found := refusals.refused("demo-no-json-schema", exchange.body):
            await exchange.send(refusal(found.status, found.answer))
        else:
            await exchange.send(answers.pop(0))

    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url, max_attempts=2) as service,
    ):
        stream = await read(service.url + IDEAS)
        assert stream.startswith('event: restart\ndata: {"attempt":2,')
        assert stream.endswith(DONE)


async def test_a_provider_that_leaves_the_choice_may_answer_without_a_call() -> None:
    """Where the call is not forced, tools are still asked for."""
    async with (
        upstream(refusing("demo-no-forced-tool")) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        await read(service.url + IDEAS)
        last = provider.exchanges[-1].body
        assert "tool_choice" not in last
        assert last["tools"]


async def test_a_slow_finder_holds_up_nobody_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call that finds out gets no answer: another one asks by itself after a while."""
    monkeypatch.setattr("app.providers.asking.negotiation.FINDING_SECONDS", 0.05)
    stuck = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        if "tools" in exchange.body:
            await refusing("demo-no-tools")(exchange)
        elif not stuck.is_set():
            stuck.set()
            await exchange.closed.wait()
        else:
            await answer(exchange)

    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url, open_timeout=60) as service,
    ):
        waiting = asyncio.create_task(read(service.url + IDEAS))
        await asyncio.wait_for(stuck.wait(), 5)
        assert (await read(service.url + IDEAS)).endswith(DONE)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert (await read(service.url + IDEAS)).endswith(DONE)


async def content(exchange: Exchange) -> None:
    """A server that takes tools, and lets its model write what it likes but to a schema."""
    if "tools" in exchange.body:
        await exchange.send(HEAD + delta(content="Figs are sweet.") + end())
    else:
        await answer(exchange)


async def test_a_model_that_ignores_the_tool_is_asked_by_a_schema_next() -> None:
    async with (
        upstream(content) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        first = await read(service.url + IDEAS)
        second = await read(service.url + IDEAS)
        asked = ["tools" if "tools" in each.body else "schema" for each in provider.exchanges]
    assert first.count("event: restart") == 1
    assert first.endswith(DONE)
    assert second.endswith(DONE)
    assert "event: restart" not in second
    assert asked == ["tools", "schema", "schema"]


async def test_whoever_sets_the_mode_tools_is_obeyed_though_no_call_comes() -> None:
    async with (
        upstream(content) as provider,
        running(openai_base_url=provider.base_url, instructor_mode="tools") as service,
    ):
        assert '"code":"output_invalid"' in await read(service.url + IDEAS)
        assert all("tools" in each.body for each in provider.exchanges)
