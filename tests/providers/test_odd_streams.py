"""What providers really send, and what it comes to: each stream whole, byte by byte, at random.

The shapes are those of recorded streams and of public reports; the words are ours.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any, NamedTuple

import pytest

from app.errors import ProviderProtocol, ProviderUnavailable
from app.partial.answer import ANOTHER
from app.providers.base import Finish, Tokens
from app.providers.sse import MAX_EVENT_BYTES
from tests.providers.test_completion import body, completion_of
from tests.support import clock
from tests.support.upstream import delta, end, event, text

VALUE = '{"items": ["é"]}'
DONE = event("[DONE]")


class Read(NamedTuple):
    text: str
    finish: Finish | None = Finish.STOP
    usage: Tokens | None = None
    word: str | None = None


def cuts(data: bytes) -> list[list[bytes]]:
    made = [[data], [data[at : at + 1] for at in range(len(data))]]
    for seed in range(8):
        random, cut, at = Random(seed), [], 0
        while at < len(data):
            size = random.randint(1, 40)
            cut.append(data[at : at + size])
            at += size
        made.append(cut)
    return made


def read(data: bytes, *, in_tools: bool, word: bool = False) -> Read:
    """What a stream comes to, which is the same however it is cut."""

    async def main(cut: list[bytes]) -> Read:
        completion = completion_of(body([*cut]), in_tools=in_tools)
        text = "".join([piece async for piece in completion])
        said = completion.finish_word if word else None
        return Read(text, completion.finish, completion.usage, said)

    (found,) = {clock.run(main(cut)) for cut in cuts(data)}
    return found


def content(*pieces: Any, **more: Any) -> bytes:
    return b"".join(delta(content=piece, **more) for piece in pieces)


def choice(**choice: Any) -> bytes:
    return event({"choices": [choice]})


def call(arguments: Any, **more: Any) -> bytes:
    return delta(tool_calls=[{"function": {"arguments": arguments}, **more}])


def changed(**fields: Any) -> bytes:
    """A stream whose every chunk has these fields."""
    pieces = [{"index": 0, "delta": {"content": piece}} for piece in (VALUE[:7], VALUE[7:])]
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    return b"".join(event({"choices": [it], **fields}) for it in (*pieces, last)) + DONE


CONTENT: dict[str, bytes] = {
    # fields that aren't needed
    "usage that is no whole number": changed(usage={"prompt_tokens": 5.5}),
    "usage of texts": changed(usage={"prompt_tokens": "many", "completion_tokens": None}),
    "negative usage": changed(usage={"prompt_tokens": -1, "completion_tokens": -1}),
    "usage that is a text": changed(usage="none"),
    "usage that is a list": changed(usage=[]),
    "an error that is empty": changed(error={}),
    "an error that is an empty text": changed(error=""),
    "an error that is false": changed(error=False),
    "fields of any type": changed(id=5, created="now", model=None, object=[], x={"y": [{}]}),
    "reasoning that is an object": content(*VALUE, reasoning={"text": "hm"}) + end(),
    "reasoning details": content(*VALUE, reasoning_details=[{"type": "reasoning.text"}]) + end(),
    "reasoning details that are none": content(*VALUE, reasoning_details={}) + end(),
    "a refusal that is false": content(*VALUE, refusal=False) + end(),
    "a refusal that is empty": content(*VALUE, refusal="") + end(),
    "a role that is empty": content(*VALUE, role="") + end(),
    "annotations": content(*VALUE, annotations={"x": 1}, audio=None) + end(),
    "null calls": content(*VALUE, tool_calls=None, function_call=None) + end(),
    "calls that are none": content(*VALUE, tool_calls=[]) + end(),
    "calls that are an empty text": content(*VALUE, tool_calls="") + end(),
    "logprobs": choice(index=0, delta={"content": VALUE}, logprobs={"content": [1]}) + end(),
    "an index that is a text": choice(index="0", delta={"content": VALUE}) + end(),
    "an index that is another": choice(index=1, delta={"content": VALUE})
    + choice(index=1, delta={}, finish_reason="stop"),
    "an index that is null": choice(index=None, delta={"content": VALUE}) + end(),
    "an index that is odd": choice(index="first", delta={"content": VALUE}) + end(),
    "null choices": event({"choices": None}) + content(VALUE) + end(),
    "a choice that is null": event({"choices": [None]}) + content(VALUE) + end(),
    "choices that are one": event({"choices": {"delta": {"content": VALUE}}}) + end(),
    "no choices": event({"id": "x"}) + content(VALUE) + end(),
    "a null delta": choice(index=0, delta=None) + content(VALUE) + end(),
    "no delta at the end": content(VALUE) + choice(index=0, finish_reason="stop") + DONE,
    "a delta that is a list": choice(index=0, delta=[]) + content(VALUE) + end(),
    "a chunk that is null": event("null")
    + content(VALUE[:3])
    + event("null")
    + content(VALUE[3:])
    + end(),
    "a reason that is empty": choice(delta={"content": VALUE}, finish_reason="") + end(),
    "a reason that is a word for none": choice(delta={"content": VALUE}, finish_reason="null")
    + end(),
    "a reason that is false": choice(delta={"content": VALUE}, finish_reason=False) + end(),
    "a reason on every chunk": b"".join(delta("stop", content=it) for it in VALUE) + DONE,
    "a reason long before the last text": delta("stop") + content(*VALUE) + DONE,
    "bytes that are no UTF-8 in a field that isn't needed": content(VALUE)
    + b'data: {"choices": [], "model": "\xff"}\n\n'
    + end(),
    # the text in other places
    "content in parts": content([{"type": "text", "text": VALUE[:5]}], [{"text": VALUE[5:]}])
    + end(),
    "content in parts of texts": content([VALUE[:5], VALUE[5:]]) + end(),
    "content that is one part": content({"type": "text", "text": VALUE}) + end(),
    "a part whose text is an object": content([{"type": "text", "text": {"value": VALUE}}]) + end(),
    "parts of other kinds": content([{"type": "image_url"}, {"type": "text", "text": VALUE}])
    + end(),
    "parts that are thoughts": content(
        [{"type": "thinking", "thinking": [{"type": "text", "text": '{"items": []}'}]}],
        [{"type": "thinking", "thinking": "hm", "text": "hm"}, {"type": "text", "text": VALUE}],
    )
    + end(),
    "content that is null or empty": content(None, "", [], VALUE, None, "", []) + end(),
    "content that is false": content(False, VALUE) + end(),
    "a message instead of a delta": choice(message={"content": VALUE}, finish_reason="stop") + DONE,
    "a message with an empty delta": choice(delta={}, message={"content": VALUE}) + end(),
    "a message beside the deltas": choice(
        delta={"content": VALUE[:4]}, message={"content": VALUE[:4]}
    )
    + choice(delta={"content": VALUE[4:]}, message={"content": VALUE})
    + choice(delta={"content": ""}, message={"content": VALUE}, finish_reason="stop"),
    "a character in two halves": content('{"items": ["\ud83d') + content('\ude00"]}') + end(),
    # framing
    "a BOM": b"\xef\xbb\xbf" + content(VALUE) + end(),
    "blank lines first": b"\n\r\n\n" + content(VALUE) + end(),
    "CRLF": (content(*VALUE) + end()).replace(b"\n", b"\r\n"),
    "CR": (content(*VALUE) + end()).replace(b"\n", b"\r"),
    "no space after data": (content(*VALUE) + end()).replace(b"data: ", b"data:"),
    "more space": (content(*VALUE) + end())
    .replace(b"data: ", b"data:   ")
    .replace(b"}\n", b"}  \n"),
    "comments": b": hi\n\n"
    + content(VALUE[:4])
    + b": OPENROUTER PROCESSING\n\n:\n"
    + content(VALUE[4:])
    + end(),
    "comments between an event's lines": b": a\n"
    + content(VALUE).rstrip(b"\n")
    + b"\n: b\n\n"
    + end(),
    "events with names and ids": (content(*VALUE) + end()).replace(
        b"data: ", b"event: message\nid: 7\nretry: 5\ndata: "
    ),
    "pings": b"event: ping\ndata: {}\n\n"
    + content(VALUE)
    + b"event: ping\ndata: null\n\n"
    + b"event: keepalive\ndata: still here\n\n"
    + end(),
    "pings of a type": event({"type": "ping"}) + content(VALUE) + end(),
    "empty data": b"data:\n\ndata: \n\n"
    + content(VALUE[:3])
    + b"data:\n\n"
    + content(VALUE[3:])
    + end(),
    "blank lines everywhere": (content(*VALUE) + end()).replace(b"\n\n", b"\n\n\n\n\n"),
    "single line breaks": (content(*VALUE) + end()).replace(b"\n\n", b"\n"),
    "DONE glued to the chunk before": (content(*VALUE) + end()).replace(
        b"\n\ndata: [DONE]", b"\ndata: [DONE]"
    ),
    "DONE in the chunk's line": (content(*VALUE) + end()).replace(b"\n\ndata: [DONE]", b"[DONE]"),
    "DONE with its name in the chunk's line": (content(*VALUE) + end()).replace(
        b"\n\ndata: [DONE]", b"data: [DONE]"
    ),
    "DONE glued to what follows": content(VALUE) + delta("stop") + b"data: [DONE]\n" + content("x"),
    "two chunks in a line": (content(VALUE[:3]) + content(VALUE[3:])).replace(b"\n\n", b"")
    + b"\n\n"
    + end(),
    "a chunk on many lines": b'data: {\ndata: "choices": [{"delta": {\ndata: "content":\ndata: '
    + json.dumps(VALUE).encode()
    + b"}\ndata: }]\ndata: }\n\n"
    + end(),
    "chunks in a list": event([{"choices": [{"delta": {"content": it}}]} for it in VALUE]) + end(),
    "no last blank line": content(VALUE) + delta("stop").rstrip(b"\n"),
    "no last line break": content(VALUE) + delta("stop") + b"data: [DONE]",
    "two DONEs": content(VALUE) + end() + DONE,
    # after the finish
    "garbage after the finish": content(VALUE) + delta("stop") + event("{oops") + DONE,
    "an error after the finish": content(VALUE) + delta("stop") + event({"error": {"code": 500}}),
    "an unknown reason after the finish": content(VALUE) + delta("stop") + delta("error") + DONE,
    "a flood after the finish": content(VALUE) + delta("stop") + b"data: " + b"x" * 2000,
    "an odd chunk after the finish": content(VALUE) + delta("stop") + event({"choices": 7}) + DONE,
    # no stream
    "a JSON body": json.dumps(
        {
            "object": "chat.completion",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": VALUE},
                    "finish_reason": "stop",
                }
            ],
        }
    ).encode(),
    "a JSON body on many lines": json.dumps(
        {"choices": [{"message": {"content": VALUE}, "finish_reason": "stop"}]}, indent=2
    ).encode()
    + b"\n",
    "a list of chunks": json.dumps(
        [{"choices": [{"delta": {"content": it}}]} for it in VALUE]
        + [{"choices": [{"delta": {}, "finish_reason": "STOP"}]}],
        indent=1,
    ).encode(),
    "a chunk a line": (content(*VALUE) + delta("stop"))
    .replace(b"data: ", b"")
    .replace(b"\n\n", b"\n"),
    "a chunk a line, with blank lines": (content(*VALUE) + end()).replace(b"data: ", b""),
}


@pytest.mark.parametrize("data", CONTENT.values(), ids=CONTENT)
def test_content_is_read_from(data: bytes) -> None:
    found = read(data, in_tools=False)
    assert (found.text.replace("\U0001f600", "é"), found.finish) == (VALUE, Finish.STOP)


CALLS: dict[str, bytes] = {
    "content of another kind": content("Let me see {x}. ", "[1]") + text(VALUE) + end("tool_calls"),
    "content and call in one": delta(
        content="Here:", tool_calls=[{"index": 0, "function": {"arguments": VALUE}}]
    )
    + end("tool_calls"),
    "arguments that are an object": call(json.loads(VALUE), index=0, id="a") + end("tool_calls"),
    "an index that is a text": call(VALUE[:4], index="1") + call(VALUE[4:], index="1") + end(),
    "calls that are one": delta(tool_calls={"function": {"arguments": VALUE}}) + end("TOOL_CALLS"),
    "an id that is a number": call(VALUE, id=7, index=0) + end(),
    "a name that is null": delta(
        tool_calls=[{"index": 0, "function": {"name": None, "arguments": VALUE}}]
    )
    + end(),
    "two entries of one call": delta(
        tool_calls=[
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": VALUE[:3]}},
            {"index": 0, "function": {"arguments": VALUE[3:]}},
        ]
    )
    + end(),
    "a function call": delta(function_call={"name": "f", "arguments": ""})
    + delta(function_call={"arguments": VALUE[:5]})
    + delta(function_call={"arguments": VALUE[5:]})
    + end("function_call"),
    "a message with a call": choice(
        message={"content": None, "tool_calls": [{"id": "a", "function": {"arguments": VALUE}}]},
        finish_reason="tool-calls",
    ),
    "content alone": content(*VALUE) + end(),
    "content and an empty call": content(VALUE) + call("", index=0, id="a") + end(),
    "a message alone": choice(message={"content": VALUE, "tool_calls": []}, finish_reason="stop"),
}


@pytest.mark.parametrize("data", CALLS.values(), ids=CALLS)
def test_arguments_are_read_from(data: bytes) -> None:
    found = read(data, in_tools=True)
    values = found.text.split(ANOTHER)
    assert [json.loads(value) for value in values] == [json.loads(VALUE)]
    assert found.finish is Finish.STOP


def test_a_further_call_is_a_further_text() -> None:
    calls = [{"function": {"name": "f", "arguments": VALUE}}] * 2
    for data in (
        delta(tool_calls=calls) + end(),
        text(VALUE) + call(VALUE, index=1, id="b") + end(),
        choice(message={"tool_calls": calls}, finish_reason="stop"),
    ):
        assert read(data, in_tools=True).text == VALUE + ANOTHER + VALUE


def test_usage_comes_whole_in_halves_growing_or_oddly() -> None:
    def usage(**usage: Any) -> bytes:
        return event({"choices": [], "usage": usage})

    for told in (
        usage(prompt_tokens=7, completion_tokens=9),
        usage(prompt_tokens=7) + usage(completion_tokens=9),
        usage(prompt_tokens=7, completion_tokens=0) + usage(prompt_tokens=0, completion_tokens=9),
        usage(prompt_tokens=7, completion_tokens=1) + usage(prompt_tokens=7, completion_tokens=9),
        usage(prompt_tokens=7.0, completion_tokens="9"),
        usage(prompt_tokens=7, completion_tokens=9) + usage(prompt_tokens=-1, completion_tokens={}),
    ):
        assert read(content("a") + told + end(), in_tools=False).usage == Tokens(7, 9)


REASONED = {"completion_tokens_details": {"reasoning_tokens": 386}}


@pytest.mark.parametrize(
    ("told", "tokens"),
    [
        ({"completion_tokens": 387, "total_tokens": 399, **REASONED}, Tokens(12, 387)),
        ({"completion_tokens": 1, "total_tokens": 399, **REASONED}, Tokens(12, 387)),  # xAI
        ({"completion_tokens": 1, "total_tokens": 399}, Tokens(12, 387)),  # Gemini
        ({"completion_tokens": 0, "total_tokens": 398, **REASONED}, Tokens(12, 386)),
        ({"completion_tokens": 387, "total_tokens": 900, **REASONED}, Tokens(12, 773)),
        ({"completion_tokens": 387, "total_tokens": 12, **REASONED}, Tokens(12, 387)),
        ({"completion_tokens": 387, "total_tokens": "many", **REASONED}, Tokens(12, 387)),
        ({"completion_tokens": 387, "completion_tokens_details": [1]}, Tokens(12, 387)),
    ],
)
def test_reasoning_counts_as_output_whether_it_is_among_the_completions_tokens_or_not(
    told: Any, tokens: Tokens
) -> None:
    usage = event({"choices": [], "usage": {"prompt_tokens": 12, **told}})
    assert read(content("a") + usage + end(), in_tools=False).usage == tokens


@pytest.mark.parametrize(
    ("details", "tokens"),
    [
        ({"cached_tokens": 4}, Tokens(12, 9, 4)),
        ({"cached_tokens": 40}, Tokens(12, 9, 12)),
        ({"cached_tokens": 4, "cache_write_tokens": 3}, Tokens(12, 9, 4, 3)),
        ({"cache_creation_tokens": 3.0}, Tokens(12, 9, 0, 3)),
        ({"cached_tokens": 10, "cache_write_tokens": 10}, Tokens(12, 9, 10, 2)),
        ({"cached_tokens": -4, "cache_write_tokens": "no"}, Tokens(12, 9)),
    ],
)
def test_what_the_cache_has_to_do_with_is_a_part_of_the_input(details: Any, tokens: Tokens) -> None:
    told = {"prompt_tokens": 12, "completion_tokens": 9, "prompt_tokens_details": details}
    usage = event({"choices": [], "usage": told})
    assert read(content("a") + usage + end(), in_tools=False).usage == tokens


@pytest.mark.parametrize(
    ("data", "finish"),
    [
        (content(VALUE) + DONE, Finish.UNSAID),
        (content(VALUE), None),
        (b"", None),
        (content(VALUE) + delta("length") + DONE, Finish.LENGTH),
        (content(VALUE) + delta("stop") + delta("content_filter") + DONE, Finish.FILTERED),
        (content(VALUE) + delta("error") + DONE, Finish.UNKNOWN),
        (content(VALUE) + choice(finish_reason=1) + DONE, Finish.UNKNOWN),
        (content(VALUE) + choice(finish_reason={"type": "stop"}) + DONE, Finish.UNKNOWN),
        (content(VALUE, refusal="no") + end(), Finish.REFUSED),
        (json.dumps({"choices": [{"message": {"content": VALUE}}]}).encode(), Finish.UNSAID),
        (json.dumps({"choices": [{"message": {"content": VALUE}}]}).encode()[:-1], None),
    ],
)
def test_how_an_answer_has_ended(data: bytes, finish: Finish | None) -> None:
    assert read(data, in_tools=False).finish is finish


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("Odd-reason_2", "Odd_reason_2"),
        ("x" * 50, "x" * 40),
        ("Très-odd", ""),
        ("The user's name is Ann.", ""),
        ("odd\n", ""),
    ],
)
def test_a_providers_word_is_told_if_it_is_one(word: str, told: str) -> None:
    found = read(content(VALUE) + delta(word) + DONE, in_tools=False, word=True)
    assert found.finish is Finish.UNKNOWN
    assert found.word == told


TOLD = "an error in the answer"

ERRORS: dict[str, tuple[bytes, str | None]] = {
    "a broken chunk": (event('{"choices": ['), "unreadable JSON"),
    "content of another type": (content(5), "unreadable choices.delta.content"),
    "content in odd parts": (content([5]), "unreadable choices.delta.content"),
    "arguments of another type": (
        call(5),
        "unreadable choices.delta.tool_calls.function.arguments",
    ),
    "a call of another type": (delta(tool_calls=["f"]), "unreadable choices.delta.tool_calls"),
    "a delta of another type": (choice(delta=5), "unreadable choices.delta"),
    "choices of another type": (event({"choices": "a"}), "unreadable choices"),
    "a chunk of another type": (event("5"), "unreadable chunk"),
    "text that is no UTF-8": (
        b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n',
        "unreadable UTF-8",
    ),
    "an error": (event({"error": {"message": "canary"}}), TOLD),
    "an error that is a text": (event({"error": "canary"}), TOLD),
    "an error without choices": (event({"object": "error", "message": "canary"}), TOLD),
    "an error of a type": (event({"type": "error", "error": {"message": "canary"}}), TOLD),
    "an error of an event": (
        b'event: error\ndata: {"message": "canary", "code": 500}\n\n',
        TOLD + ", code 500",
    ),
    "an error of a framework": (event({"detail": "canary"}), TOLD),
    "an error as a JSON body": (json.dumps({"error": {"code": 500}}).encode(), TOLD + ", code 500"),
    "an error in a list": (
        json.dumps([{"error": {"code": 500}}], indent=1).encode(),
        TOLD + ", code 500",
    ),
    "a chunk nested too deeply": (event("[" * 100_000), "unreadable JSON"),
}


@pytest.mark.parametrize(("data", "cause"), ERRORS.values(), ids=ERRORS)
def test_an_answer_fails_for(data: bytes, cause: str) -> None:
    kind = ProviderUnavailable if "code 500" in cause else ProviderProtocol

    async def main() -> str | None:
        completion = completion_of(body([data + b"\n"]), in_tools=b"tool_calls" in data)
        with pytest.raises(kind) as raised:
            _ = [piece async for piece in completion]
        return raised.value.cause

    assert clock.run(main()) == cause


def test_content_that_is_kept_for_a_call_is_bounded() -> None:
    async def main() -> None:
        flood = [content("x" * 60_000)] * (MAX_EVENT_BYTES // 60_000 + 1)
        with pytest.raises(ProviderProtocol):
            _ = [piece async for piece in completion_of(body([*flood]), in_tools=True)]

    clock.run(main())
