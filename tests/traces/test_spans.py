"""The spans of requests, streams and attempts, as a collector gets them: whole trees, literally.

One service of two processes serves all tests of this file. Its models are a scripted provider.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import count
from typing import Any, NamedTuple

import jsonschema
import pytest
import pytest_asyncio

from tests.http.server.test_workers import workers
from tests.support.client import read, reading
from tests.support.connection import asked
from tests.support.http_client import http_client
from tests.support.otlp import Collector, collector, tree
from tests.support.process import ROOT, Process, process
from tests.support.service import running
from tests.support.upstream import (
    HEAD,
    Exchange,
    Upstream,
    delta,
    end,
    holding,
    saying,
    status,
    text,
    upstream,
)
from tests.telemetry.test_prometheus import counted_by

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "a topic that nobody may see"
ANSWER = '{"items": [{"title": "Tea", "blurb": "Hot."}]}'
DONE = HEAD + text(ANSWER) + end("stop", (7, 9))
SPAN = "00f067aa0ba902b7"
LOG = json.loads((ROOT / "docs" / "log.schema.json").read_text(encoding="utf-8"))

MODELS = """
[models.good]
base_url = "{url}"
model = "gpt-good"
options.temperature = 0.2

[models.down]
base_url = "{url}"
fallbacks = ["good"]
"""


class Traced(NamedTuple):
    service: Process
    provider: Upstream
    collector: Collector


async def answer(exchange: Exchange) -> None:
    """Answers by the topic. A model that is down always is."""
    said = json.dumps(exchange.body["messages"])
    again = "were not valid" in said or "was not valid" in said or "Validation errors" in said
    if exchange.body["model"] == "down":
        await exchange.send(status(503))
    elif "broken" in said and not again:
        await holding(HEAD + text('{"items": [{"title": 1, "blurb": "b"}'))(exchange)
    elif "cut" in said:
        await exchange.send(HEAD, text(ANSWER[:20]), delta("content_filter"))
    elif "long" in said:
        await holding(HEAD + text(ANSWER[:20]))(exchange)
    else:
        await exchange.send(DONE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def traced(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Traced]:
    file = tmp_path_factory.mktemp("models") / "models.toml"
    async with upstream(answer) as provider, collector() as spans:
        file.write_text(MODELS.format(url=provider.base_url))
        settings = {"MODELS_FILE": str(file), "OPEN_TIMEOUT": "60", "MAX_ATTEMPTS": "2"}
        async with process(
            TRACES="true",
            WORKERS="2",
            PYTHONWARNINGS="error,ignore::ResourceWarning",  # uvicorn leaves stdin open
            OTEL_EXPORTER_OTLP_ENDPOINT=spans.url,
            OTEL_BSP_SCHEDULE_DELAY="20",
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
            **settings,
        ) as service:
            yield Traced(service, provider, spans)
            service.signal()
            assert await service.exit_code() == 0
            for line in service.lines:
                jsonschema.validate(json.loads(line), LOG)


_number = count(1)


def parent() -> tuple[str, dict[str, str]]:
    """A new trace's id, and the header with which a caller names it."""
    id = f"{next(_number):032x}"
    return id, {"traceparent": f"00-{id}-{SPAN}-01"}


async def called(
    traced: Traced, topic: str, spans: int, *, model: str = "good", query: str = ""
) -> list[Any]:
    """The tree of the spans that a call has made. Ids and times are replaced by `…`."""
    id, headers = parent()
    url = f"{traced.service.url}/ideas?topic={topic}&model={model}{query}"
    async with http_client(timeout=60) as client:
        await client.get(url, headers=headers)
    found = tree(await traced.collector.trace(id, spans))
    return [_settled(each) for each in found]


VARYING = (
    "gen_ai.response.time_to_first_chunk",
    "structured_streams.request.id",
    "structured_streams.stream.id",
    "gen_ai.prompt.version",
    "server.port",
)


def _settled(span: list[Any]) -> list[Any]:
    name, attributes, events, children = span
    settled = {key: "…" if key in VARYING else attributes[key] for key in attributes}
    return [name, settled, events, [_settled(child) for child in children]]


REQUEST = {
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "http.route": "/ideas",
    "url.path": "/ideas",
    "url.scheme": "http",
}


def stream(outcome: str, attempts: int, *, model: str = "good", **more: Any) -> dict[str, Any]:
    """The attributes of a stream's span."""
    return more | {
        "gen_ai.prompt.name": "ideas",
        "gen_ai.prompt.version": "…",
        "gen_ai.request.model": model,
        "structured_streams.attempts": attempts,
        "structured_streams.outcome": outcome,
        "structured_streams.request.id": "…",
        "structured_streams.stream.id": "…",
    }


def attempt(number: int, model: str = "gpt-good", **more: Any) -> dict[str, Any]:
    """The attributes of an attempt's span."""
    asked_for = {"gen_ai.request.temperature": 0.2} if model == "gpt-good" else {}
    return (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.output.type": "json",
            "gen_ai.prompt.name": "ideas",
            "gen_ai.prompt.version": "…",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.max_tokens": 4000,
            "gen_ai.request.model": model,
            "gen_ai.request.stream": True,
            "server.address": "127.0.0.1",
            "server.port": "…",
            "structured_streams.attempt": number,
        }
        | asked_for
        | {name.replace("__", "."): value for name, value in more.items()}
    )


FIRST = {"gen_ai__response__time_to_first_chunk": "…"}
WHOLE = FIRST | {
    "gen_ai__response__finish_reasons": ["stop"],
    "gen_ai__usage__input_tokens": 7,
    "gen_ai__usage__output_tokens": 9,
}
BEGUN = ["first content", {}]


async def test_an_answer_without_a_fault_is_three_spans(traced: Traced) -> None:
    chat = ["CLIENT chat gpt-good", attempt(1, **WHOLE), [BEGUN], []]
    assert await called(traced, "tea", 3) == [
        [
            "SERVER GET /ideas",
            REQUEST,
            [],
            [["INTERNAL stream ideas", stream("done", 1), [], [chat]]],
        ]
    ]
    assert (
        traced.collector.resources[0].items()
        >= {
            "service.name": "structured-streams",
            "service.version": "0.1.0",
            "deployment.environment.name": "test",
        }.items()
    )


async def test_each_attempt_is_a_span_and_tells_of_the_restart_that_it_led_to(
    traced: Traced,
) -> None:
    restart = ["restart", {"error.type": "output_invalid", "structured_streams.attempt": 2}]
    first = attempt(1, error__type="output_invalid", **FIRST)
    assert await called(traced, "broken", 4) == [
        [
            "SERVER GET /ideas",
            REQUEST,
            [],
            [
                [
                    "INTERNAL stream ideas",
                    stream("done", 2),
                    [],
                    [
                        ["CLIENT chat gpt-good FAILED", first, [BEGUN, restart], []],
                        ["CLIENT chat gpt-good", attempt(2, **WHOLE), [BEGUN], []],
                    ],
                ]
            ],
        ]
    ]


async def test_the_model_that_takes_over_has_a_span_of_its_own(traced: Traced) -> None:
    refused = attempt(1, "down", error__type="provider_unavailable")
    assert await called(traced, "tea", 4, model="down") == [
        [
            "SERVER GET /ideas",
            REQUEST,
            [],
            [
                [
                    "INTERNAL stream ideas",
                    stream("done", 1, model="down"),
                    [],
                    [
                        ["CLIENT chat down FAILED", refused, [], []],
                        ["CLIENT chat gpt-good", attempt(1, **WHOLE), [BEGUN], []],
                    ],
                ]
            ],
        ]
    ]


async def test_a_stream_that_fails_has_a_failed_span_in_a_request_that_has_not(
    traced: Traced,
) -> None:
    code = "output_filtered"
    filtered = attempt(1, error__type=code, **FIRST)
    filtered["gen_ai.response.finish_reasons"] = ["content_filter"]
    chat = ["CLIENT chat gpt-good FAILED", filtered, [BEGUN], []]
    failed = stream(code, 1) | {"error.type": code}
    assert await called(traced, "cut", 3) == [
        ["SERVER GET /ideas", REQUEST, [], [["INTERNAL stream ideas FAILED", failed, [], [chat]]]]
    ]


async def test_a_reader_that_leaves_is_no_error_and_the_request_ends_with_its_head(
    traced: Traced,
) -> None:
    id, headers = parent()
    url = f"{traced.service.url}/ideas?topic=long&model=good"
    async with reading(url, **headers) as reader:
        await reader.until("data: ")
        (head,) = await traced.collector.trace(id, 1)  # while the stream goes on
        assert head.name == "GET /ideas"
    chat = ["CLIENT chat gpt-good", attempt(1, **FIRST), [BEGUN, ["cancelled", {}]], []]
    assert [_settled(each) for each in tree(await traced.collector.trace(id, 3))] == [
        [
            "SERVER GET /ideas",
            REQUEST,
            [],
            [["INTERNAL stream ideas", stream("cancelled", 1), [], [chat]]],
        ]
    ]


async def test_no_span_holds_a_topic_a_ticket_or_an_answer(traced: Traced) -> None:
    id, headers = parent()
    async with http_client(timeout=60, base_url=traced.service.url, headers=headers) as client:
        await client.get("/ideas", params={"topic": SECRET, "model": "good", "ticket": "t1ck3t"})
        await client.get("/schemas/ideas", params={"topic": SECRET})
        await client.post("/ideas", json={"topic": [SECRET]})
    sent = b"".join(span.SerializeToString() for span in await traced.collector.trace(id, 5))
    for canary in (SECRET, "nobody", "t1ck3t", "Hot."):
        assert canary.encode() not in sent


async def test_the_provider_gets_the_trace_and_not_the_callers_baggage(traced: Traced) -> None:
    id, headers = parent()
    url = f"{traced.service.url}/ideas?topic=tea&model=good"
    async with http_client(timeout=60, headers=headers | {"baggage": "user=me"}) as client:
        await client.get(url)
    spans = await traced.collector.trace(id, 3)
    chat = next(span for span in spans if span.name == "chat gpt-good")
    head = traced.provider.exchanges[-1].head.lower()
    assert f"traceparent: 00-{id}-{chat.span_id.hex()}-01\r\n" in head
    assert "baggage" not in head
    ended = json.loads(await traced.service.line(id))
    assert ended["trace_id"] == id


async def test_each_of_several_processes_sends_its_spans(traced: Traced) -> None:
    pair = workers(traced.service)
    before = {worker: counted_by(worker) for worker in pair}
    while any(counted_by(worker) == before[worker] for worker in pair):
        await called(traced, "tea", 3)  # on a new connection, which either may get


async def test_probes_have_no_spans(traced: Traced) -> None:
    id, headers = parent()
    async with http_client(timeout=60, base_url=traced.service.url, headers=headers) as client:
        for path in ("/healthz", "/readyz", "/metrics", "/schemas"):
            assert (await client.get(path)).status_code == 200
    await traced.collector.trace(id, 1)
    await asyncio.sleep(0)
    assert [span.name for span in traced.collector.spans(id)] == ["GET /schemas"]


# -- without a collector ---------------------------------------------------------------------------


async def test_without_traces_a_callers_trace_is_passed_on_as_it_is() -> None:
    _, headers = parent()
    async with (
        upstream(saying(DONE)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        await asked(f"{service.url}/ideas?topic=tea", **headers, tracestate="v=1")
        head = provider.exchanges[0].head.lower()
        assert f"traceparent: {headers['traceparent']}\r\ntracestate: v=1\r\n" in head
        await read(f"{service.url}/ideas?topic=tea")
        assert "traceparent" not in provider.exchanges[1].head.lower()
