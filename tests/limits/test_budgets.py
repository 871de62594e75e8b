"""Budgets that hold: what a stream will use is reserved at its start, and settled at its end."""

from __future__ import annotations

import asyncio
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from app.limits.estimates import Estimates
from app.limits.quota import Quota, Used
from app.providers.base import Tokens
from app.settings import Settings
from app.streams.figures import AttemptFigures, Figures
from tests.limits.test_limits import ANSWER, PROMPT, REQUEST, STREAM, WHOLE, get, is_empty, serving
from tests.support.bare import Client
from tests.support.callers import CRON, KEYED, WEB, bearer, code
from tests.support.client import read
from tests.support.http_client import http_client
from tests.support.process import SECONDS
from tests.support.service import eventually, running
from tests.support.upstream import Exchange, Upstream, by_hand, end, event, saying, upstream

EXPECTED = Estimates().of(REQUEST)
"""What is reserved for a stream, as long as nothing is known of its schema's answers."""

CALLS = 200
"""How many come at once."""


async def test_streams_that_begin_at_once_cannot_all_have_the_same_rest() -> None:
    """Each uses 460 tokens of 2,000, but that is known only at its end."""
    go = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await go.wait()
        await exchange.send(ANSWER, end("stop", (60, 400)))

    async with (
        serving(script, caller_tokens_per_day=2000) as (service, provider),
        http_client(base_url=service.url, headers=bearer(WEB), timeout=SECONDS) as client,
    ):
        go.set()
        assert code(await get(service)) == (200, "")  # now it is known what is typical
        await eventually(lambda: is_empty(service))
        go.clear()
        calls = [asyncio.create_task(client.get(STREAM)) for _ in range(CALLS)]
        begun = ceil((2000 - 460) / (EXPECTED.input_tokens + 400))
        await eventually(lambda: sum(call.done() for call in calls) == CALLS - begun, SECONDS)
        assert len(provider.exchanges) == 1 + begun
        go.set()
        answers = [code(await call) for call in calls]
        assert sorted(answers) == [(200, "")] * begun + [(429, "rate_limited")] * (CALLS - begun)
        await eventually(lambda: is_empty(service))
        left = 2000 - (1 + begun) * 460  # what was reserved, and not used, was given back
        while code(await get(service)) == (200, ""):
            await eventually(lambda: is_empty(service))
            left -= 460
        assert -460 < left <= 0
        assert code(await get(service, CRON)) == (200, "")


async def test_who_leaves_before_the_provider_has_answered_has_asked_it_all_the_same() -> None:
    prompt = sum(len(message["content"]) for message in PROMPT) // 4
    async with serving(by_hand, caller_tokens_per_day=3 * prompt) as (service, provider):
        for _ in range(3):
            client = Client(service.url + STREAM, X_API_Key=WEB)
            await provider.next()
            client.leave()
            await eventually(lambda: is_empty(service))
        assert code(await get(service)) == (429, "rate_limited")
        assert len(provider.exchanges) == 3


@pytest.mark.parametrize("told", [(-10_000, -50_000), (0, 0), None])
async def test_counts_that_are_none_give_nothing_back(told: Any) -> None:
    usage = {"prompt_tokens": told[0], "completion_tokens": told[1]} if told else None
    answer = ANSWER + event({"choices": [], "usage": usage}) + end()
    async with serving(saying(answer), caller_tokens_per_day=1) as (service, _):
        assert code(await get(service)) == (200, "")
        await eventually(lambda: is_empty(service))
        assert code(await get(service)) == (429, "rate_limited")


async def test_what_the_provider_has_refused_gives_all_of_it_back() -> None:
    refused = b"HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with serving(saying(refused), caller_tokens_per_day=1) as (service, _):
        for _ in range(3):
            assert (await get(service)).status_code == 502
            await eventually(lambda: is_empty(service))


def priced(folder: Path, provider: Upstream) -> str:
    """A file of models with one whose tokens cost: $1 a million of input, $10 of output."""
    (file := folder / "models.toml").write_text(
        f"[models.m]\nbase_url = '{provider.base_url}'\nmode = 'tools'\n"
        "prices = { input = 1, output = 10, cached_input = 0.5, cache_write = 2 }\n"
    )
    return str(file)


async def test_a_caller_has_so_many_dollars_in_a_day(tmp_path: Path) -> None:
    """A stream costs 100 millionths for its input, and 4,000 for its output."""
    answer = ANSWER + end("stop", (100, 400))
    async with (
        upstream(saying(answer)) as provider,
        running(
            models_file=priced(tmp_path, provider),
            model="",
            caller_usd_per_day=0.0082,
            caller_metrics=True,
            **KEYED,
        ) as service,
    ):
        for expected in ((200, ""), (200, ""), (429, "rate_limited")):
            refusal = await get(service)
            assert code(refusal) == expected
            await eventually(lambda: is_empty(service))
        assert "dollars in a day" in refusal.json()["detail"]
        assert code(await get(service, CRON)) == (200, "")
        await eventually(lambda: is_empty(service))
        metrics = service.app.state.telemetry.exposition().decode()
    for caller, cost in (("web", 0.0082), ("cron", 0.0041)):
        labels = f'caller="{caller}",estimated="false",model="m",schema="ideas"'
        assert f"cost_usd_total{{{labels}}} {cost}" in metrics
    assert 'limits_refused_total{limit="usd_per_day"} 1.0' in metrics


async def test_what_a_stream_has_cost_is_told_where_the_provider_tells_its_tokens(
    tmp_path: Path,
) -> None:
    told = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 10},
    }
    answers = (ANSWER + event({"choices": [], "usage": told}) + end(), WHOLE)
    async with (
        upstream(saying(*answers)) as provider,
        running(models_file=priced(tmp_path, provider), model="") as service,
    ):
        first, second = [await read(service.url + STREAM) for _ in range(2)]
        metrics = service.app.state.telemetry.exposition().decode()
    usage = '{"input_tokens":100,"output_tokens":20,"attempts":1,"cost_usd":0.00029}'
    assert f"event: usage\ndata: {usage}\n" in first
    assert "event: usage" not in second
    prompt = sum(len(message["content"]) for message in PROMPT)
    body = len('{"items": [{"title": "Figs", "blurb": "Sweet."}]}')
    given, written = prompt // 4, (prompt + body) // 4 - prompt // 4
    costs = {"false": 0.00029, "true": (given + 10 * written) / 1e6}
    for estimated, cost in costs.items():
        labels = f'caller="",estimated="{estimated}",model="m",schema="ideas"'
        assert f"cost_usd_total{{{labels}}} {cost}" in metrics


async def test_a_reservation_of_yesterday_gives_nothing_to_today(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quota = Quota(Settings(caller_tokens_per_day=100))
    began = await quota.begin("web", Used(60))
    monkeypatch.setattr("app.limits.budget.LEAST_SECONDS", 2 * 86_400)
    quota.settle(began, Used(10))
    await quota.aclose()
    await quota.begin("web", Used(40))
    with pytest.raises(Exception, match="tokens in a day"):
        await quota.check("web")


def test_an_estimate_has_the_prompt_the_schema_and_a_typical_answer() -> None:
    estimates = Estimates()
    prompt = sum(len(message["content"]) for message in PROMPT)
    first = estimates.of(REQUEST)
    assert first.input_tokens > prompt // 4
    assert first.output_tokens == REQUEST.entry.schema.max_tokens
    for written in (100, 200):
        tried = AttemptFigures("m", "openai", 0, 0, tokens=Tokens(9, written))
        estimates.learn("ideas", Figures(started=0, tried=[tried]))
    assert estimates.of(REQUEST) == Tokens(first.input_tokens, 110)


async def test_dollars_are_not_promised_where_a_price_is_not_known() -> None:
    for models in ({}, {"openai_base_url": "http://127.0.0.1:9/v1"}):
        with pytest.raises(Exception, match="CALLER_USD_PER_DAY: expected the prices"):
            async with running(caller_usd_per_day=1, **models):
                pass
