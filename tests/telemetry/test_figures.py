"""What the metrics tell while streams wait, run, are kept and go on with another model."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.telemetry.instruments import Instruments
from tests.support.client import reading
from tests.support.connection import asked
from tests.support.http_client import http_client
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, Exchange, end, status, text, upstream

TEXT = '{"items": [{"title": "Figs", "blurb": "Sweet."}]}'
STREAM = "/ideas?topic=figs&count=1&interval_ms=0"


def told(service: Service, *names: str) -> dict[str, float]:
    """The series of these metrics, with their values."""
    lines = service.app.state.telemetry.exposition().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line[0] != "#")
    return {series: float(value) for series, value in pairs if series.split("{")[0] in names}


RUNNING = (
    *("streams_active", "slots_taken", "calls_waiting", "readers"),
    *("provider_connections", "kept_streams"),
)


def running_now(service: Service) -> list[float]:
    """The gauges, in the order of their names above."""
    found = told(service, *RUNNING)
    return [found.get(name, found.get(f'{name}{{model="m"}}', 0)) for name in RUNNING]


async def test_gauges_follow_what_waits_runs_reads_and_is_kept() -> None:
    path = f"{STREAM}&resumable=true"
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, max_streams=1, queue_seconds=60) as service,
        http_client(base_url=service.url, timeout=60) as client,
    ):
        assert running_now(service) == [0, 0, 0, 0, 0, 0]
        async with reading(service.url + path) as reader:
            exchange = await provider.next()
            await exchange.send(HEAD, text(TEXT[:30]))
            await reader.until("data: ")
            assert running_now(service) == [1, 1, 0, 1, 1, 0]
            other = asyncio.create_task(client.get(path))
            await eventually(lambda: running_now(service) == [1, 1, 1, 1, 1, 0])
            await exchange.send(text(TEXT[30:]), end())
            await reader.rest()
            await (await provider.next()).send(HEAD, text(TEXT), end())
            assert "event: done" in (await other).text
        await eventually(lambda: running_now(service) == [0, 0, 0, 0, 0, 2])
        assert told(service, "kept_bytes")["kept_bytes"] > 2 * len(TEXT)
        waits = told(service, "slot_wait_seconds_count", "slot_wait_seconds_sum")
        assert waits["slot_wait_seconds_count"] == 2
        assert waits["slot_wait_seconds_sum"] > 0


async def test_messages_and_their_bytes_are_counted_by_view() -> None:
    async with running() as service:
        expected: dict[str, float] = {}
        for view in ("snapshot", "delta", "items"):
            answer = await asked(f"{service.url}{STREAM}&view={view}")
            label = f'{{view="{view}"}}'
            expected[f"messages_sent_total{label}"] = answer.text.count("\n\n")
            expected[f"message_bytes_sent_total{label}"] = len(answer.content)
        names = ("messages_sent_total", "message_bytes_sent_total")
        await eventually(lambda: told(service, *names) == expected)


async def test_a_fallback_is_counted_for_the_model_that_has_failed(tmp_path: Path) -> None:
    async def script(exchange: Exchange) -> None:
        answer = HEAD + text(TEXT) + end("stop", (7, 9))
        await exchange.send(status(503) if exchange.body["model"] == "a" else answer)

    models = tmp_path / "models.toml"
    async with upstream(script) as provider:
        url = f'base_url = "{provider.base_url}"'
        models.write_text(f'[models.a]\n{url}\nfallbacks = ["b"]\n[models.b]\n{url}\n')
        async with running(models_file=str(models), model="", open_timeout=60) as service:
            assert "event: done" in (await asked(service.url + STREAM)).text
            await eventually(lambda: not len(service.streams))
            assert told(service, "model_fallbacks_total", "stream_attempts_total") == {
                'model_fallbacks_total{code="provider_unavailable",model="a"}': 1,
                'stream_attempts_total{code="provider_unavailable",model="a",schema="ideas"}': 1,
                'stream_attempts_total{code="done",model="b",schema="ideas"}': 1,
            }
            tokens = told(service, "gen_ai_client_token_usage_sum")
    of_b = [value for series, value in tokens.items() if 'gen_ai_request_model="b"' in series]
    assert of_b == [7, 9]


SECONDS = [0.01 * 2**power for power in range(14)]
CONVENTIONS: dict[str, list[float]] = {
    "gen_ai_client_token_usage": [4**power for power in range(14)],
    "gen_ai_client_operation_duration_seconds": SECONDS,
    "gen_ai_client_operation_time_to_first_chunk_seconds": SECONDS,
    "gen_ai_client_operation_time_per_output_chunk_seconds": SECONDS,
}
"""The bounds of the buckets, by
https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-metrics.md
"""


def test_buckets_are_those_of_the_conventions() -> None:
    of = Instruments()
    metrics = (of.tokens, of.operation, of.first_chunk, of.per_chunk)
    for name, metric in zip(CONVENTIONS, metrics, strict=True):
        metric.labels(*of.labels[name]).observe(1)
    found = {
        metric.name: [
            float(sample.labels["le"])
            for sample in metric.samples
            if sample.labels.get("le", "+Inf") != "+Inf"
        ]
        for metric in of.registry.collect()
        if metric.name in CONVENTIONS
    }
    assert found == {name: pytest.approx(bounds) for name, bounds in CONVENTIONS.items()}
