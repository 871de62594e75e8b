"""The AI SDK's UI message stream, to the byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from app.errors import Cancelled, OutputFiltered, OutputTruncated, ProviderRateLimited
from app.partial.operation import Add, Append, Replace
from app.partial.plan import plan
from app.streams.log_entry import Done, Failed, LogEntry, Restart, Usage
from app.views.ui_message import FORMAT, UiMessageView
from tests.views.scripted import stream


class Idea(BaseModel):
    title: str
    score: int


START = (
    'data: {"type":"start","messageId":"m1",'
    '"messageMetadata":{"stream":"r1","schema":"ideas","schema_version":"0123456789ab",'
    '"model":"demo"}}\n\n'
)


def read(*batches: list[LogEntry], type: Any = list[Idea], schema: str = "ideas") -> str:
    return stream(FORMAT, UiMessageView("q1", plan(type), "m1"), *batches, schema=schema)


def test_the_value_is_one_part_that_is_replaced_as_it_grows() -> None:
    assert read(
        [Replace((), [{"title": "Ba", "score": None}])],
        [Append((0, "title"), "nana"), Replace((0, "score"), 3)],
        [Add((1,), {"title": "Tea", "score": None})],
        [Replace((1, "score"), 5), Usage(20, 30, 1), Done()],
    ) == START + (
        'data: {"type":"data-ideas","id":"r1","data":[{"title":"Ba","score":null}]}\n\n'
        'data: {"type":"data-ideas","id":"r1","data":[{"title":"Banana","score":3}]}\n\n'
        'data: {"type":"data-ideas","id":"r1",'
        '"data":[{"title":"Banana","score":3},{"title":"Tea","score":null}]}\n\n'
        'data: {"type":"data-ideas","id":"r1",'
        '"data":[{"title":"Banana","score":3},{"title":"Tea","score":5}]}\n\n'
        'data: {"type":"finish","finishReason":"stop","messageMetadata":{"usage":'
        '{"inputTokens":20,"outputTokens":30,"totalTokens":50},"attempts":1}}\n\n'
        "data: [DONE]\n\n"
    )


def test_a_stream_without_usage_ends_without_metadata() -> None:
    assert read([Replace((), [])], [Done()]) == START + (
        'data: {"type":"data-ideas","id":"r1","data":[]}\n\n'
        'data: {"type":"finish","finishReason":"stop"}\n\n'
        "data: [DONE]\n\n"
    )


def test_a_restart_empties_the_part() -> None:
    assert read(
        [Replace((), [{"title": "Ba", "score": None}])],
        [Restart(2, "output_invalid", [{"path": "/0/score", "message": "must be a whole number"}])],
        [Replace((), [{"title": "Tea", "score": None}])],
    ) == START + (
        'data: {"type":"data-ideas","id":"r1","data":[{"title":"Ba","score":null}]}\n\n'
        'data: {"type":"message-metadata","messageMetadata":{"restart":{"attempt":2,'
        '"code":"output_invalid",'
        '"errors":[{"path":"/0/score","message":"must be a whole number"}]}}}\n\n'
        'data: {"type":"data-ideas","id":"r1","data":[]}\n\n'
        'data: {"type":"data-ideas","id":"r1","data":[{"title":"Tea","score":null}]}\n\n'
    )


def test_what_is_empty_follows_from_the_type() -> None:
    text = read([Restart(2, "provider_interrupted", [])], type=Idea, schema="idea")
    assert text.splitlines()[-2] == (
        'data: {"type":"data-idea","id":"r1","data":{"title":null,"score":null}}'
    )


def test_a_slow_reader_gets_the_newest_state_alone() -> None:
    assert read(
        [
            Replace((), [{"title": "Ba", "score": None}]),
            Append((0, "title"), "nana"),
            Restart(2, "output_invalid", []),
            Replace((), [{"title": "T", "score": None}]),
            Append((0, "title"), "ea"),
            Replace((0, "score"), 1),
            Done(),
        ]
    ) == START + (
        'data: {"type":"message-metadata","messageMetadata":{"restart":'
        '{"attempt":2,"code":"output_invalid","errors":[]}}}\n\n'
        'data: {"type":"data-ideas","id":"r1","data":[{"title":"Tea","score":1}]}\n\n'
        'data: {"type":"finish","finishReason":"stop"}\n\n'
        "data: [DONE]\n\n"
    )


def test_all_there_is_to_know_of_an_error_goes_before_it() -> None:
    assert read(
        [Replace((), [{"title": "Ba", "score": None}])],
        [Append((0, "title"), "n"), Usage(20, 30, 1)],
        [Failed.of(ProviderRateLimited(retry_after=7))],
    ) == START + (
        'data: {"type":"data-ideas","id":"r1","data":[{"title":"Ba","score":null}]}\n\n'
        'data: {"type":"data-ideas","id":"r1","data":[{"title":"Ban","score":null}]}\n\n'
        'data: {"type":"message-metadata","messageMetadata":{"error":'
        '{"code":"provider_rate_limited","retryable":true,"request_id":"q1","retry_after":7},'
        '"usage":{"inputTokens":20,"outputTokens":30,"totalTokens":50},"attempts":1}}\n\n'
        'data: {"type":"error",'
        '"errorText":"The model\'s provider limits the rate of requests."}\n\n'
        'data: {"type":"finish","finishReason":"error"}\n\n'
        "data: [DONE]\n\n"
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [(OutputTruncated(), "length"), (OutputFiltered(), "content-filter"), (Cancelled(), "error")],
)
def test_the_finish_reason_is_one_that_the_protocol_has(error: Any, reason: str) -> None:
    finish = read([Failed.of(error)]).splitlines()[-4]
    assert json.loads(finish.removeprefix("data: ")) == {"type": "finish", "finishReason": reason}


def test_nothing_is_sent_where_there_is_nothing_new() -> None:
    assert read([]) == START


def test_names_and_values_can_not_break_a_line() -> None:
    text = read([Replace((), [{"title": 'a\n\ndata: [DONE]\n\n"', "score": None}])])
    assert text.count("\n\n") == 2
    assert text.count("\n") == 4


def test_the_format_is_an_event_stream_with_the_protocols_header() -> None:
    assert FORMAT.media_type == "text/event-stream"
    assert FORMAT.headers == {"x-vercel-ai-ui-message-stream": "v1"}
    assert FORMAT.heartbeat == b": ping\n\n"
