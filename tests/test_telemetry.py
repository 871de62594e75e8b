"""Logs and metrics: what is told of each stream, and what is never told."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.support.client import read, refused
from tests.support.process import ROOT, Process, process
from tests.support.service import eventually, running
from tests.support.upstream import (
    HEAD,
    Exchange,
    Upstream,
    delta,
    end,
    event,
    refusal,
    saying,
    status,
    text,
    upstream,
)

IDEAS = "/ideas?topic=figs&count=1&interval_ms=0"
ANSWER = '{"items": [{"title": "Figs", "blurb": "Sweet."}]}'
FIELDS = {
    "id",
    "request_id",
    "schema",
    "schema_version",
    "model",
    "models",
    "attempts",
    "outcome",
    "content_bytes",
    "messages",
    "first_content_ms",
    "duration_ms",
    "overhead_ms",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "event",
    "level",
    "logger",
    "timestamp",
}


@asynccontextmanager
async def logging_(script: Any, **environment: str) -> AsyncIterator[tuple[Process, Upstream]]:
    async with (
        upstream(script) as provider,
        process(OPENAI_BASE_URL=provider.base_url, MODEL="m", **environment) as service,
    ):
        yield service, provider


async def test_each_stream_has_a_line_at_its_start_and_one_at_its_end() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD, text("no") if len(provider.exchanges) % 2 else text(ANSWER))
        await exchange.send(end("stop", (7, 9)))

    async with logging_(script) as (service, provider):
        await read(service.url + IDEAS)
        await service.line("stream ended")
        service.signal()
        assert await service.exit_code() == 0
        serving, started, ended = map(json.loads, service.lines)
    assert serving["event"].startswith("serving on http://127.0.0.1:")
    assert set(started) == {
        "event",
        "id",
        "request_id",
        "schema",
        "schema_version",
        "model",
        "level",
        "logger",
        "timestamp",
    }
    assert (started["event"], started["schema"], started["model"]) == (
        "stream started",
        "ideas",
        "m",
    )
    assert set(ended) == FIELDS
    assert ended["id"] == started["id"]
    assert ended["schema_version"] == started["schema_version"]
    assert ended["request_id"] == started["request_id"] != "-"
    assert {
        name: ended[name]
        for name in FIELDS - {"id", "request_id", "schema_version", "timestamp"}
        if "_ms" not in name
    } == {
        "event": "stream ended",
        "level": "info",
        "logger": "stream",
        "schema": "ideas",
        "model": "m",
        "models": ["m"],
        "attempts": 2,
        "outcome": "done",
        "content_bytes": 2 + len(ANSWER),
        "messages": 5,  # start, restart, the partial, usage, done
        "input_tokens": 14,
        "output_tokens": 18,
        "cost_usd": None,
    }
    assert 0 < ended["overhead_ms"] <= ended["duration_ms"]
    assert 0 <= ended["first_content_ms"] <= ended["duration_ms"]


async def test_no_line_is_written_for_a_partial() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD)
        for character in ANSWER:
            await exchange.text(character)
        await exchange.finish()

    async with logging_(script, LOG_LEVEL="debug") as (service, _):
        for _ in range(3):
            await read(service.url + IDEAS)
        service.signal()
        await service.exit_code()
        events = [json.loads(line)["event"] for line in service.lines]
    # The next call may come before the line of the one whose answer is complete.
    assert sorted(events[1:]) == ["stream ended"] * 3 + ["stream started"] * 3


PROBLEM = {"code": "unsupported_value", "param": "messages[0].role", "message": "canary"}
CAUSES = {
    "status 400, code unsupported_value, param messages[0].role": refusal(400, {"error": PROBLEM}),
    "status 404": status(404),
    "an error in the answer, code overloaded": (
        HEAD + event({"error": {"code": "overloaded", "message": "canary"}})
    ),
    "first content": HEAD,
    "gap between contents": HEAD + text('{"items": ['),
}


async def test_the_line_at_the_end_says_what_was_wrong_with_the_provider() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(CAUSES[now])
        await exchange.closed.wait()

    deadlines = {"FIRST_CONTENT_TIMEOUT": "0.5", "CONTENT_GAP_TIMEOUT": "0.3"}
    async with logging_(script, MAX_ATTEMPTS="1", LOG_FORMAT="json", **deadlines) as (service, _):
        for now in CAUSES:  # noqa: B007 - the script reads it
            await refused(service.url + IDEAS)
        service.signal()
        await service.exit_code()
        lines = [json.loads(line) for line in service.lines]
    assert [line["cause"] for line in lines if line["event"] == "stream ended"] == list(CAUSES)
    assert "canary" not in json.dumps(lines)


CANARY = "canary-7f3a"
WORDS = f'{{"items": [{{"title": "{CANARY}", "blurb": "'


def body(code: int) -> bytes:
    """A refusal of the provider's, in words."""
    words = json.dumps({"error": {"message": CANARY, "code": CANARY}}).encode()
    head = status(code).partition(b"\r\n\r\n")[0].replace(b": 2", b": %d" % len(words))
    return head + b"\r\n\r\n" + words


SAID = {
    "done": HEAD + text(WORDS + '"}]}') + end(),
    "invalid": HEAD + text(WORDS + "x" * 200) + end(),
    "no JSON": HEAD + text(CANARY) + end(),
    "refused": HEAD + delta(refusal=CANARY) + end(),
    "truncated": HEAD + text(WORDS) + delta("length"),
    "odd finish": HEAD + text(WORDS) + delta(CANARY),
    "error object": HEAD + text(WORDS) + event({"error": {"message": CANARY}}),
    "unreadable": HEAD + f"data: {CANARY}\n\n".encode(),
    "interrupted": HEAD + text(WORDS),
    "400": body(400),
    "401": body(401),
    "429": body(429),
    "500": body(500),
    "no HTTP": CANARY.encode(),
}


@pytest.mark.parametrize("format", ["json", "console"])
async def test_no_payload_key_or_words_of_the_providers_are_ever_logged(format: str) -> None:
    now = ""

    async def script(exchange: Exchange) -> None:
        assert CANARY in exchange.head
        assert CANARY in json.dumps(exchange.body)
        await exchange.send(SAID[now])

    async with logging_(
        script, LOG_LEVEL="debug", LOG_FORMAT=format, OPENAI_API_KEY=f"sk-{CANARY}"
    ) as (service, _):
        for now in SAID:  # noqa: B007 - the script reads it
            answer = await refused(f"{service.url}/ideas?topic={CANARY}&count=1")
            assert answer.status_code in (200, 502, 503)
            assert answer.status_code == 200 or CANARY not in answer.text
        await refused(f"{service.url}/ideas?topic={CANARY}&{CANARY}=1")
        await refused(f"{service.url}/{CANARY}")
        service.signal()
        await service.exit_code()
        log = "\n".join(service.lines)
    assert log.count("stream ended") == len(SAID)
    assert CANARY not in log
    assert "Traceback" not in log
    if format == "json":
        assert all("event" in json.loads(line) for line in service.lines)


FAULT = """
import logging, sys, structlog
from app.telemetry.logs import configure_logging
configure_logging(sys.argv[1], "debug")
try:
    secret = sys.argv[2]
    raise ValueError(secret)
except ValueError:
    structlog.get_logger("stream").exception("a generation broke")
    logging.getLogger("uvicorn.error").exception("an application broke")

import asyncio, gc, uvloop, warnings

def fail(secret):
    raise LookupError(secret)

async def main():
    warnings.warn(f"input_value={secret!r}")
    asyncio.get_running_loop().call_soon(fail, secret)
    task = asyncio.create_task(asyncio.to_thread(fail, secret))
    await asyncio.wait([task])
    del task
    gc.collect()

asyncio.run(main())
uvloop.run(main())
"""


@pytest.mark.parametrize("format", ["json", "console"])
def test_a_fault_is_logged_with_its_place_and_without_what_it_says(format: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FAULT, format, CANARY],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert CANARY not in ran.stderr
    assert ran.stderr.count("line 7, in <module>") == 2
    assert ran.stderr.count("ValueError") >= 2
    assert ran.stderr.count("UserWarning in <string>:") == 1  # it is told once
    assert ran.stderr.count("Exception in callback") == 2
    assert ran.stderr.count("Task exception was never retrieved") == 2
    assert ran.stderr.count("in fail") == 4
    # From 3.13 on, a traceback shows the lines of a program that came by `-c`, too.
    assert len(re.findall(r"(?<!raise )LookupError", ran.stderr)) == 4
    assert ran.stdout == ""


async def test_a_text_that_is_cut_off_is_one_line_of_the_log() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD, text('{"items": [{"title": "Figs"'), end("length"))

    async with logging_(script, OPENAI_API_KEY="k") as (service, _):
        with pytest.raises(httpx.RemoteProtocolError):
            await refused(f"{service.url}{IDEAS}&view=text")
        service.signal()
        await service.exit_code()
        told = [line for line in service.lines if "cut off" in line]
        assert len(told) == 1
        assert json.loads(told[0])["request_id"]
        assert not any("Traceback" in line or "CannotTakeBack" in line for line in service.lines)


async def test_metrics_count_streams_started_active_and_ended_by_code() -> None:
    async def metrics() -> list[str]:
        answer = await refused(service.url + "/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        return [line for line in answer.text.splitlines() if line.startswith("streams_")]

    answers = [HEAD + text(ANSWER) + end(), HEAD + text("no") + end(), status(401), HEAD]
    async with (
        upstream(saying(*answers)) as provider,
        running(openai_base_url=provider.base_url, max_attempts=1) as service,
    ):
        assert await metrics() == ["streams_active 0.0"]
        await read(service.url + IDEAS)
        await read(service.url + IDEAS)
        await refused(service.url + IDEAS)
        await read(service.url + IDEAS.replace("ideas", "movies"))
        expected = [
            'streams_started_total{schema="ideas"} 3.0',
            'streams_started_total{schema="movies"} 1.0',
            "streams_active 0.0",
            'streams_ended_total{code="done",schema="ideas"} 1.0',
            'streams_ended_total{code="output_invalid",schema="ideas"} 1.0',
            'streams_ended_total{code="provider_rejected",schema="ideas"} 1.0',
            'streams_ended_total{code="provider_interrupted",schema="movies"} 1.0',
        ]
        await eventually(lambda: not len(service.streams))
        assert await metrics() == expected


async def test_a_stream_that_runs_is_active() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        reading = asyncio.create_task(read(service.url + IDEAS))
        exchange = await provider.next()
        assert "streams_active 1.0" in (await refused(service.url + "/metrics")).text
        await exchange.send(HEAD, text(ANSWER), end())
        await reading
        await eventually(lambda: not len(service.streams))
        assert "streams_active 0.0" in (await refused(service.url + "/metrics")).text


async def test_how_late_the_event_loop_is_can_be_seen() -> None:
    async def slow() -> tuple[float, float]:
        """The looks at it, and those that found it over a tenth of a second late."""
        text = (await refused(service.url + "/metrics")).text
        values = {
            line.split()[0]: float(line.split()[1]) for line in text.splitlines() if line[0] != "#"
        }
        looks = values["event_loop_lag_seconds_count"]
        return looks, looks - values['event_loop_lag_seconds_bucket{le="0.1"}']

    async with running() as service:
        before = await slow()
        time.sleep(0.3)  # noqa: ASYNC251 - which is the fault to be seen
        async with asyncio.timeout(10):
            while (await slow())[1] == before[1]:
                pass
        assert (await slow())[0] > before[0]
