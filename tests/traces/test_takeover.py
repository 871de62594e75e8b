"""A stream that moves to another process stays in the trace of the call that has begun it."""

from __future__ import annotations

import asyncio
import json

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from structlog.testing import capture_logs

from tests.support.client import SECONDS
from tests.support.connection import asked, connected
from tests.support.http_client import http_client
from tests.support.redis import redis
from tests.support.resuming import ALL, FIGS, NUTS, QUERY, RICE
from tests.support.service import eventually, running
from tests.support.upstream import HEAD, delta, saying, text, upstream

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
CALLER = f"00-{TRACE}-{PARENT}-01"
READER = f"00-{'9' * 32}-{'8' * 16}-01"
FIRST = f'{{"items": [{json.dumps(FIGS)}, {{"title": "Nu'
REST = json.dumps({"items": [NUTS, RICE]})


def parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


async def is_found(path: str) -> bool:
    """Whether a stream can be attached to. A process that is late itself answers 503."""
    async with http_client(timeout=60) as client, client.stream("GET", path) as answer:
        return answer.status_code == 200


def told(span: ReadableSpan, name: str) -> object:
    return (span.attributes or {})[f"structured_streams.{name}"]


async def test_its_next_span_is_in_the_same_trace_and_says_that_it_has_moved(
    spans: InMemorySpanExporter,
) -> None:
    async with redis() as store, upstream() as provider:
        settings = {"openai_base_url": provider.base_url, "streams_store": store}
        with capture_logs() as lines:
            async with running(**settings) as other:
                async with running(**settings) as stopping:
                    url = f"{stopping.url}/ideas?{QUERY}"
                    async with connected(url, Traceparent=CALLER) as own:
                        exchange = await provider.next()
                        await exchange.send(HEAD)
                        await exchange.text(FIRST)
                        while (event := await own.next()) and "Nu" not in json.dumps(event.data):
                            pass
                        await stopping.streams.drain(0)
                        await exchange.is_closed(SECONDS)
                        await own.rest()
                path = f"{other.url}/streams/{own.stream}?interval_ms=0"
                async with asyncio.timeout(SECONDS):
                    while not await is_found(path):  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                async with connected(path, Traceparent=READER) as reader:
                    following = await provider.next()
                    await following.send(HEAD)
                    await following.text(REST)
                    await following.finish()
                    assert (await reader.rest())[-1].data == ALL
                await eventually(lambda: lines[-1]["event"] == "stream ended")
    chat, before, next_chat, after = spans.get_finished_spans()
    ids = {span.context.trace_id for span in (chat, before, next_chat, after) if span.context}
    assert ids == {int(TRACE, 16)}
    assert (before.name, after.name) == ("stream ideas", "stream ideas")
    assert parent(before) == parent(after) == int(PARENT, 16)
    assert parent(next_chat) == after.context.span_id
    assert (told(before, "outcome"), told(after, "outcome")) == ("moved", "done")
    assert before.status.status_code is after.status.status_code is StatusCode.UNSET
    [restart] = after.events
    assert (restart.name, dict(restart.attributes or {})) == (
        "restart",
        {"structured_streams.attempt": 2, "error.type": "moved"},
    )
    passed_on = f"traceparent: 00-{TRACE}-{next_chat.context.span_id:016x}-01\r\n"
    assert passed_on in following.head.lower()
    moved = [line for line in lines if line.get("id") == own.stream]
    assert [line["event"] for line in moved].count("stream started") == 2
    assert {line["trace_id"] for line in moved} == {TRACE}
    *_, ended = [line for line in moved if line["event"] == "stream ended"]
    assert ended["overhead_ms"] is None  # of no call that has begun a stream here


async def test_a_failure_is_in_the_span_also_where_its_end_waits_for_the_store(
    spans: InMemorySpanExporter,
) -> None:
    filtered = HEAD + text(FIRST) + delta("content_filter")
    async with (
        redis() as store,
        upstream(saying(filtered)) as provider,
        running(openai_base_url=provider.base_url, streams_store=store) as service,
    ):
        assert "event: error" in (await asked(f"{service.url}/ideas?{QUERY}")).text
    _, stream = spans.get_finished_spans()
    assert told(stream, "outcome") == "output_filtered"
    assert stream.status.status_code is StatusCode.ERROR
