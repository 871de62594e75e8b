"""What models are told and what they answer is in a span if it is wished, and then bounded."""

from __future__ import annotations

import json

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.streams import traces
from tests.support.client import read
from tests.support.service import running
from tests.support.upstream import HEAD, end, saying, text, upstream

ANSWER = '{"items": [{"title": "Tea", "blurb": "Hot."}]}'
CONTENT = ("gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.output.messages")


@pytest.mark.parametrize("wished", [True, False])
async def test_content_is_in_a_span_where_it_is_wished(
    spans: InMemorySpanExporter, wished: bool
) -> None:
    async with (
        upstream(saying(HEAD + text(ANSWER) + end())) as provider,
        running(openai_base_url=provider.base_url, capture_content=wished) as service,
    ):
        await read(f"{service.url}/ideas?topic=green+tea&count=1")
    chat, stream = spans.get_finished_spans()
    assert stream.name == "stream ideas"
    assert not any(name in stream.attributes for name in CONTENT)
    if not wished:
        assert not any(name in chat.attributes for name in CONTENT)
        assert "green tea" not in str(chat.attributes)
        return
    system, asked, said = (json.loads(str(chat.attributes[name])) for name in CONTENT)
    assert system[0]["type"] == "text"
    assert (asked[0]["role"], "green tea" in asked[0]["parts"][0]["content"]) == ("user", True)
    assert said == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": ANSWER}],
            "finish_reason": "stop",
        }
    ]


async def test_each_message_is_cut_after_a_bound(spans: InMemorySpanExporter) -> None:
    long = ANSWER.replace("[", "[" + " " * 100_000)
    async with (
        upstream(saying(HEAD + text(long) + end())) as provider,
        running(openai_base_url=provider.base_url, capture_content=True, max_attempts=1) as service,
    ):
        await read(f"{service.url}/ideas?topic=tea&count=1")
    said = str(spans.get_finished_spans()[0].attributes["gen_ai.output.messages"])
    assert traces.CONTENT_CHARACTERS < len(said) < traces.CONTENT_CHARACTERS + 300
