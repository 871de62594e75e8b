"""What the events of a message come to: each stream whole, byte by byte, and at random."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any, NamedTuple

import pytest
from instructor import Mode, Provider

from app.errors import (
    OutputFiltered,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
    ServiceError,
)
from app.partial.answer import ANOTHER
from app.providers.answer_text import MAX_ASIDE
from app.providers.anthropic.reader import AnthropicReader
from app.providers.base import Finish, Tokens
from app.providers.completion import StreamedCompletion
from app.providers.handlers import handlers
from tests.providers.test_completion import Reads, body
from tests.support import clock
from tests.support.messages import (
    PING,
    arguments,
    begin,
    called,
    delta,
    end,
    failed,
    said,
    start,
    stop,
    text,
    thought,
    told,
)

VALUE = '{"items": ["é 😀"]}'
PIECES = [VALUE[:4], VALUE[4:13], VALUE[13:]]


class Read(NamedTuple):
    text: str
    finish: Finish | None = Finish.STOP
    usage: Tokens | None = Tokens(7, 9)
    word: str | None = "end_turn"


def completion_of(reads: Reads, *, in_tools: bool = True) -> StreamedCompletion:
    mode = Mode.TOOLS if in_tools else Mode.JSON
    extract: Any = handlers(Provider.ANTHROPIC, mode).stream_extractor_async
    received = asyncio.get_running_loop().create_future()
    return StreamedCompletion(body(reads), received, extract, AnthropicReader(in_tools=in_tools))


def cuts(data: bytes) -> list[list[bytes]]:
    made = [[data], [data[at : at + 1] for at in range(len(data))]]
    for seed in range(4):
        random, cut, at = Random(seed), [], 0
        while at < len(data):
            size = random.randint(1, 60)
            cut.append(data[at : at + size])
            at += size
        made.append(cut)
    return made


def read(data: bytes, *, in_tools: bool = True) -> Read:
    """What a stream comes to, which is the same however it is cut."""

    async def main(cut: list[bytes]) -> Read:
        completion = completion_of([*cut], in_tools=in_tools)
        text = "".join([piece async for piece in completion])
        return Read(text, completion.finish, completion.usage, completion.finish_word)

    (found,) = {clock.run(main(cut)) for cut in cuts(data)}
    return found


async def broken_off(reads: list[bytes]) -> tuple[str, ServiceError]:
    """The text before what these reads raise, and what that is."""
    text = ""
    try:
        async for piece in completion_of([*reads]):
            text += piece
    except ServiceError as error:
        return text, error
    raise AssertionError(text)


def raised(data: bytes) -> tuple[str, ServiceError]:
    """The text before what a stream raises, which is the same however it is cut."""

    found = [clock.run(broken_off(cut)) for cut in cuts(data)]
    assert len({(text, type(error), error.cause) for text, error in found}) == 1
    return found[0]


WHOLE = {"id": "m", "type": "message", "role": "assistant", "model": "claude"}
COUNTS = {"input_tokens": 7, "output_tokens": 9}

CALLS: dict[str, bytes] = {
    "a call": start() + PING + called(PIECES) + end(),
    "text before a call": start() + said(["I {call} it."]) + called(PIECES, 1) + end(),
    "text after a call": start() + called(PIECES) + said(["There it is."], 1) + end(),
    "thinking before a call": start() + thought("Hm, {maybe}.") + called(PIECES, 1) + end(),
    "thinking that is not shown": start()
    + begin(0, "thinking", thinking="", signature="")
    + delta(0, "signature_delta", signature="Eq")
    + stop(0)
    + called(PIECES, 1)
    + end(),
    "redacted thinking": start()
    + begin(0, "redacted_thinking", data="{}")
    + stop(0)
    + called(PIECES, 1)
    + end(),
    "a call in one delta": start() + called([VALUE]) + end(),
    "a call that is whole at its beginning": start()
    + begin(0, "tool_use", id="t", name="Ideas", input=json.loads(VALUE))
    + stop(0)
    + end(),
    "a call that has its input twice": start()
    + begin(0, "tool_use", id="t", name="Ideas", input=json.loads(VALUE))
    + arguments(VALUE)
    + stop(0)
    + end(),
    "a call whose block has no end": start()
    + begin(0, "tool_use", id="t", name="Ideas", input={})
    + arguments(VALUE)
    + end(),
    "a call whose block has no beginning": start() + arguments(VALUE) + stop(0) + end(),
    "text in spite of the tool": start() + said(PIECES) + end(),
    "a tool of the server": start()
    + begin(0, "server_tool_use", id="s", name="web_search", input={})
    + arguments('{"query": "figs"}')
    + stop(0)
    + begin(1, "web_search_tool_result", tool_use_id="s", content=[{"title": "{}"}])
    + stop(1)
    + called(PIECES, 2)
    + end(),
    "blocks and deltas of other kinds": start()
    + begin(0, "container_upload", file_id="f")
    + delta(0, "citations_delta", citation={"type": "page_location"})
    + stop(0)
    + begin(1, "tool_use", id="t", name="Ideas", input={})
    + delta(1, "later_delta", later="{}")
    + arguments(VALUE, 1)
    + stop(1)
    + end(),
    "events of other kinds": start()
    + told("later", later=[{}])
    + called(PIECES)
    + told("later")
    + end(),
    "an event without an event line": b"".join(
        line + b"\n\n"
        for line in (start() + called(PIECES) + end()).split(b"\n")
        if line.startswith(b"data:")
    ),
    "odd fields": told("message_start", message={"usage": COUNTS, "content": None, "id": 5})
    + told("content_block_start", index="0", content_block={"type": "tool_use", "input": []})
    + told("content_block_delta", index="0", delta={"type": "input_json_delta", "x": [1]})
    + told("content_block_delta", index="0", delta=None)
    + told("content_block_delta", index=0, delta={"type": "text_delta", "text": None})
    + told("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": {}})
    + told("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": None})
    + arguments(VALUE)
    + told("message_delta", delta=None, usage=None)
    + end(),
    "a character in two halves": start()
    + begin(0, "tool_use", id="t", name="Ideas", input={})
    + arguments('{"items": ["é \ud83d')
    + arguments('\ude00"]}')
    + stop(0)
    + end(),
    "bytes that are no UTF-8 in a field that isn't needed": start()
    + called(PIECES)
    + b'data: {"type": "later", "x": "\xff"}\n\n'
    + end(),
    "CRLF": (start() + PING + called(PIECES) + end()).replace(b"\n", b"\r\n"),
    "comments and empty data": b": hi\n\ndata:\n\n" + start() + called(PIECES) + b":\n" + end(),
    "an error after the stop reason": start()
    + called(PIECES)
    + told("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9})
    + failed("api_error"),
    "garbage after the stop reason": start()
    + called(PIECES)
    + told("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9})
    + b"data: {oops\n\n",
    "no end after the stop reason": start()
    + called(PIECES)
    + told("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9}),
    "a message instead of events": json.dumps(
        WHOLE
        | {"stop_reason": "end_turn", "usage": COUNTS}
        | {"content": [{"type": "tool_use", "id": "t", "name": "I", "input": json.loads(VALUE)}]},
        indent=1,
    ).encode(),
    "[DONE] at the end": start() + called(PIECES) + end() + b"data: [DONE]\n\n",
}


@pytest.mark.parametrize("data", CALLS.values(), ids=CALLS)
def test_the_input_of_the_tool_is_the_text(data: bytes) -> None:
    assert read(data) == Read(VALUE)


TEXTS: dict[str, bytes] = {
    "text": start() + said(PIECES) + end(),
    "several blocks of text": start() + said(PIECES[:1]) + said(PIECES[1:], 1) + end(),
    "text at the beginning of its block": start()
    + begin(0, "text", text=VALUE[:4])
    + text(VALUE[4:])
    + stop(0)
    + end(),
    "thinking before text": start() + thought('{"items": []}') + said(PIECES, 1) + end(),
    "text with citations": start()
    + begin(0, "text", text="", citations=[])
    + text(VALUE)
    + delta(0, "citations_delta", citation={})
    + stop(0)
    + end(),
    "a call after text": start() + said(PIECES) + called(['{"x": 1}'], 1) + end(),
    "a call though no tool was offered": start() + called(PIECES) + said(["There."], 1) + end(),
    "a message instead of events": json.dumps(
        WHOLE
        | {"content": [{"type": "thinking", "thinking": "{}"}, {"type": "text", "text": VALUE}]}
        | {"stop_reason": "end_turn", "usage": COUNTS}
    ).encode(),
}


@pytest.mark.parametrize("data", TEXTS.values(), ids=TEXTS)
def test_where_no_tool_is_offered_the_text_is_the_text(data: bytes) -> None:
    assert read(data, in_tools=False) == Read(VALUE)


def test_a_further_call_is_told_apart() -> None:
    two = called(['{"a"', ": 1}"]) + called(['{"a": 2}'], 1)
    assert read(start() + two + end()).text == '{"a": 1}' + ANOTHER + '{"a": 2}'
    whole = begin(1, "tool_use", id="t", name="Ideas", input={"a": 2}) + stop(1)
    assert read(start() + called(['{"a": 1}']) + whole + end()).text == (
        '{"a": 1}' + ANOTHER + '{"a": 2}'
    )


def test_a_call_without_input_is_an_empty_object() -> None:
    assert read(start() + called([]) + end("tool_use")).text == "{}"


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", Finish.STOP),
        ("tool_use", Finish.STOP),
        ("stop_sequence", Finish.STOP),
        ("max_tokens", Finish.LENGTH),
        ("model_context_window_exceeded", Finish.LENGTH),
        ("refusal", Finish.REFUSED),
        ("pause_turn", Finish.UNKNOWN),
        ("later_reason", Finish.UNKNOWN),
    ],
)
def test_each_stop_reason_has_its_meaning(reason: str, finish: Finish) -> None:
    assert read(start() + called(PIECES) + end(reason)) == Read(VALUE, finish, word=reason)


def test_without_a_stop_reason_the_end_is_said_or_not() -> None:
    assert read(start() + called(PIECES) + end(None)) == Read(VALUE, Finish.UNSAID, word=None)
    assert read(start() + called(PIECES)).finish is None
    assert read(start() + called(PIECES) + end()[:-40] + b'data: {"type": "mess').text == VALUE
    assert read(b"") == Read("", None, None, None)


def test_usage_counts_what_the_cache_has_to_do_with_and_the_last_count_holds() -> None:
    cached = {"cache_creation_input_tokens": 100, "cache_read_input_tokens": 1000}
    first = start(input_tokens=7, output_tokens=1, **cached)
    assert read(first + called(PIECES) + end(output_tokens=9)).usage == Tokens(1107, 9, 1000, 100)
    last = end(input_tokens=8, output_tokens=12, **cached)
    assert read(first + called(PIECES) + last).usage == Tokens(1108, 12, 1000, 100)
    zeros = end(input_tokens=0, output_tokens=9, cache_read_input_tokens=None)
    assert read(first + called(PIECES) + zeros).usage == Tokens(1107, 9, 1000, 100)
    odd = start(input_tokens="many", output_tokens=[], cache_read_input_tokens=-3)
    assert read(odd + called(PIECES) + end(output_tokens=5.5)).usage == Tokens(0, 5)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("overloaded_error", ProviderUnavailable),
        ("api_error", ProviderUnavailable),
        ("timeout_error", ProviderUnavailable),
        ("rate_limit_error", ProviderRateLimited),
        ("authentication_error", ProviderRejected),
        ("permission_error", ProviderRejected),
        ("not_found_error", ProviderRejected),
        ("invalid_request_error", ProviderRejected),
        ("request_too_large", ProviderRejected),
        ("billing_error", ProviderRejected),
        ("later_error", ProviderProtocol),
    ],
)
def test_an_error_in_the_stream_has_the_code_of_its_status(
    kind: str, error: type[ServiceError]
) -> None:
    for before in (b"", start(), start() + called(PIECES)):
        text, caught = raised(before + failed(kind))
        assert text == (VALUE if before.endswith(stop(0)) else "")
        assert type(caught) is error
        assert "canary" not in f"{caught.cause}{caught}"


def test_an_error_instead_of_a_stream_is_one() -> None:
    wrong = {"type": "error", "error": {"type": "overloaded_error", "message": "sk-canary"}}
    assert isinstance(raised(json.dumps(wrong).encode())[1], ProviderUnavailable)


def test_a_filtered_answer_is_told_by_its_words_alone() -> None:
    said = "Output blocked by content filtering policy"
    data = start() + told("error", error={"type": "invalid_request_error", "message": said})
    assert isinstance(raised(data)[1], OutputFiltered)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"data: {oops\n\n", "unreadable JSON"),
        (b"data: 5\n\n", "unreadable event"),
        (told("content_block_delta", delta={"type": "text_delta", "text": 5}), "delta.text"),
        (
            told("content_block_delta", delta={"type": "input_json_delta", "partial_json": {}}),
            "delta.partial_json",
        ),
        (arguments("~").replace(b"~", b"\xff"), "UTF-8"),
        (text("x" * (MAX_ASIDE // 2)) * 3, "content"),
    ],
    ids=["no JSON", "no object", "text", "arguments", "UTF-8", "too much"],
)
def test_what_can_not_be_read_is_an_error_after_the_text_before_it(data: bytes, cause: str) -> None:
    first = [] if cause == "content" else [arguments("{")]
    text, error = clock.run(broken_off([start(), *first, data]))
    assert isinstance(error, ProviderProtocol)
    assert text == ("{" if cause != "content" else "")
    assert error.cause is not None
    assert cause in error.cause


def test_text_comes_as_it_is_written() -> None:
    async def main() -> list[str]:
        reads: Reads = [start(), *(arguments(it) for it in PIECES), end()]
        return [piece async for piece in completion_of(reads)]

    assert clock.run(main()) == PIECES


def test_thinking_is_a_sign_of_life_and_blanks_and_pings_are_none() -> None:
    signs = [
        delta(0, "thinking_delta", thinking="hm"),
        delta(0, "signature_delta", signature="Eq"),
        begin(0, "redacted_thinking", data="x"),
        arguments("{", 1),
        text("{", 1),
    ]

    async def active(read: bytes) -> float:
        completion = completion_of([start(), 5.0, read])
        async for _ in completion:
            pass
        return completion.active

    assert [clock.run(active(sign)) > 0 for sign in signs] == [True] * len(signs)
    none = [PING, arguments(" \n", 1), text("\n", 1), told("later"), start(), stop(0)]
    assert [clock.run(active(read)) for read in none] == [0.0] * len(none)


def test_the_usage_is_waited_for_but_not_for_ever() -> None:
    async def main() -> tuple[str, Finish | None, float]:
        stopped = told("message_delta", delta={"stop_reason": "end_turn"})
        completion = completion_of([start() + called(PIECES) + stopped, 1000.0])
        text = "".join([piece async for piece in completion])
        return text, completion.finish, asyncio.get_running_loop().time()

    text, finish, ended = clock.run(main())
    assert (text, finish) == (VALUE, Finish.STOP)
    assert ended < 1000
