"""What a response's bytes come to: text, finish, usage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from instructor import Mode, Provider

from app.errors import ProviderProtocol
from app.providers.base import Finish, Tokens
from app.providers.completion import StreamedCompletion
from app.providers.handlers import handlers
from app.providers.openai.reader import OpenAIReader
from tests.support import clock
from tests.support.upstream import delta, end, event, text


class Seen(NamedTuple):
    texts: list[str]
    finish: Finish | None = None
    usage: Tokens | None = None


Reads = list[bytes | float]
"""What is read, and pauses in seconds."""


async def body(reads: Reads) -> AsyncIterator[bytes]:
    for read in reads:
        if isinstance(read, bytes):
            yield read
        else:
            await asyncio.sleep(read)


def completion_of(body: AsyncIterator[bytes], *, in_tools: bool = True) -> StreamedCompletion:
    extract: Any = handlers(
        Provider.OPENAI, Mode.TOOLS if in_tools else Mode.JSON
    ).stream_extractor_async
    received = asyncio.get_running_loop().create_future()
    return StreamedCompletion(body, received, extract, OpenAIReader(in_tools=in_tools))


async def completed(reads: Reads, *, in_tools: bool = True) -> Seen:
    completion = completion_of(body(reads), in_tools=in_tools)
    texts = [text async for text in completion]
    return Seen(texts, completion.finish, completion.usage)


def of(*reads: bytes | float, in_tools: bool = True) -> Seen:
    return clock.run(completed(list(reads), in_tools=in_tools))


def test_text_comes_a_piece_a_read() -> None:
    assert of(text("a") + text("b"), text("c") + end()) == Seen(["ab", "c"], Finish.STOP)


def test_a_chunk_may_be_cut_at_every_byte() -> None:
    data = text('{"a') + b": ping\n\n" + text('é"') + end("stop", (7, 9))
    for at in range(len(data) + 1):
        seen = of(data[:at], data[at:])
        assert "".join(seen.texts) == '{"aé"'
        assert seen[1:] == (Finish.STOP, Tokens(7, 9))


def test_empty_choices_a_lone_role_comments_and_crlf_say_nothing() -> None:
    azure = event({"choices": [], "prompt_filter_results": []})
    role = delta(role="assistant", content=None)
    data = b": hello\n\n" + azure + role + delta() + delta(content="") + text("a") + end()
    assert of(data) == Seen(["a"], Finish.STOP)
    assert of(data.replace(b"\n", b"\r\n")) == Seen(["a"], Finish.STOP)


def test_a_tool_call_may_be_split_over_chunks_with_its_index_null() -> None:
    first = {"index": None, "id": "x", "type": "function", "function": {"name": "Ideas"}}
    pieces = [
        delta(tool_calls=[first]),
        *(delta(tool_calls=[{"index": None, "function": {"arguments": p}}]) for p in "abc"),
        delta(tool_calls=[{"index": 0, "function": None}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": None}}]),
    ]
    assert of(*pieces, end("tool_calls")) == Seen(["a", "b", "c"], Finish.STOP)


def test_only_the_first_choice_counts() -> None:
    call = {"index": 0, "function": {"arguments": "no"}}
    second_choice = event(
        {"choices": [{"index": 1, "delta": {"tool_calls": [call]}, "finish_reason": "length"}]}
    )
    assert of(text("a"), second_choice, end()) == Seen(["a"], Finish.STOP)


def test_in_tools_content_is_not_the_text_and_elsewhere_arguments_are_not() -> None:
    both = delta(content="c", tool_calls=[{"index": 0, "function": {"arguments": "t"}}])
    assert of(both, end()) == Seen(["t"], Finish.STOP)
    assert of(both, end(), in_tools=False) == Seen(["c"], Finish.STOP)


def test_usage_is_seen_in_the_last_chunk_before_the_finish_with_it_or_not_at_all() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
    told = event({"choices": [], "usage": usage})
    with_finish = event({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage})
    for reads in (
        [text("a"), end("stop", (7, 9))],
        [text("a"), told, end()],
        [text("a"), with_finish],
        [text("a"), with_finish, event("[DONE]")],
    ):
        assert of(*reads) == Seen(["a"], Finish.STOP, Tokens(7, 9))
    assert of(text("a"), end()) == Seen(["a"], Finish.STOP)


def test_of_usage_that_grows_the_last_counts() -> None:
    running = event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 1}})
    assert of(running, text("a"), end("stop", (7, 9))).usage == Tokens(7, 9)


def test_done_may_be_missing_and_so_may_the_last_blank_line() -> None:
    assert of(text("a"), delta("stop")) == Seen(["a"], Finish.STOP)
    assert of(text("a"), delta("stop").rstrip(b"\n")) == Seen(["a"], Finish.STOP)
    assert of(text("a"), delta("stop"), b"data: [DONE]") == Seen(["a"], Finish.STOP)


def test_done_without_a_finish_reason_is_a_finish_of_its_own() -> None:
    assert of(text("a"), event("[DONE]")) == Seen(["a"], Finish.UNSAID)
    assert of(text("a")) == Seen(["a"])


def test_an_end_in_the_middle_of_a_chunk_leaves_the_finish_none() -> None:
    whole = text("b")
    for at in range(len(b"data: "), len(whole.rstrip())):
        assert of(text("a"), whole[:at]) == Seen(["a"])


def test_a_refusal_is_seen_in_every_mode() -> None:
    assert of(delta(refusal="I can't"), end()) == Seen([], Finish.REFUSED)
    assert of(delta(refusal="I can't"), end(), in_tools=False) == Seen([], Finish.REFUSED)


def test_what_can_not_be_read_is_an_error_after_the_text_before_it() -> None:
    async def main() -> list[str]:
        texts = aiter(completion_of(body([text("a") + b"data: {oops\n\n"])))
        before = [await anext(texts)]
        with pytest.raises(ProviderProtocol):
            await anext(texts)
        return before

    assert clock.run(main()) == ["a"]


def test_once_the_model_has_finished_its_usage_is_waited_for_for_two_seconds() -> None:
    async def main(*reads: bytes | float) -> tuple[Seen, float]:
        loop = asyncio.get_running_loop()
        return await completed([text("a"), delta("stop"), *reads]), loop.time()

    usage = end("stop", (7, 9))
    assert clock.run(main(1.9, usage)) == (Seen(["a"], Finish.STOP, Tokens(7, 9)), 1.9)
    assert clock.run(main(2.1, usage)) == (Seen(["a"], Finish.STOP), 2.0)
    dripping = [1.0, b": ping\n\n"] * 100
    assert clock.run(main(*dripping)) == (Seen(["a"], Finish.STOP), 2.0)


def test_content_reasoning_and_refusals_are_activity_and_nothing_else_is() -> None:
    active: list[float] = []

    async def main() -> None:
        async def watched() -> AsyncIterator[bytes]:
            for data in (
                b": ping\n\n",
                delta(role="assistant"),
                delta(reasoning_content="hm"),
                delta(content=""),
                delta(reasoning="hm"),
                delta(refusal="no"),
                event({"choices": []}),
                text("a"),
            ):
                active.append(completion.active)
                await asyncio.sleep(1)
                yield data

        completion = completion_of(watched())
        _ = [text async for text in completion]
        active.append(completion.active)

    clock.run(main())
    assert active == [0, 0, 0, 3, 3, 5, 6, 6, 8]


def test_text_after_the_finish_reason_is_text_and_the_usage_is_waited_for_anew() -> None:
    async def main() -> tuple[Seen, float]:
        early = [delta("stop", tool_calls=[{"function": {"arguments": it}}]) for it in "abc"]
        seen = await completed([early[0], 1.9, early[1], 1.9, early[2], 10.0])
        return seen, asyncio.get_running_loop().time()

    seen, time = clock.run(main())
    assert seen == Seen(["a", "b", "c"], Finish.STOP)
    assert time == pytest.approx(5.8)


def test_a_provider_that_never_pauses_after_the_finish_reason_does_not_extend_the_wait() -> None:
    async def main() -> float:
        async def flooding() -> AsyncIterator[bytes]:
            yield text("a") + delta("stop")
            loop = asyncio.get_running_loop()
            while loop.time() < 10:
                await asyncio.sleep(0.1)
                for _ in range(10):
                    yield b": ping\n\n"

        _ = [text async for text in completion_of(flooding())]
        return asyncio.get_running_loop().time()

    assert clock.run(main()) == pytest.approx(2.0)


def test_a_provider_is_ahead_while_a_read_finds_much() -> None:
    async def main() -> list[bool]:
        much, little = text("a") * 100, text("b")
        completion = completion_of(body([little, much, little, end()]))
        return [completion.ahead async for _ in completion]

    assert clock.run(main()) == [False, True, False]


@pytest.mark.parametrize(
    "data",
    [
        "not json",
        "{",
        "[]",
        '"text"',
        '{"choices": 1}',
        '{"choices": [{"delta": {"content": 1}}]}',
        '{"error": {"message": "no"}}',
        '{"error": "no"}',
        '{"error": {"code": "nobody_knows"}, "choices": []}',
    ],
)
def test_what_is_no_chunk_is_an_error(data: str) -> None:
    with pytest.raises(ProviderProtocol):
        of(event(data))


def test_bytes_that_are_no_utf_8_are_an_error() -> None:
    with pytest.raises(ProviderProtocol):
        of(b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n')


def test_nothing_is_read_after_done() -> None:
    assert of(text("a") + end() + text("b")) == Seen(["a"], Finish.STOP)


def test_unknown_fields_are_passed_over_and_null_is_as_good_as_nothing() -> None:
    message = {"role": "assistant", "content": "a", "tool_calls": None, "refusal": None}
    choice = {"index": None, "logprobs": None, "finish_reason": None, "delta": message}
    data = {
        "id": "x",
        "error": None,
        "usage": None,
        "system_fingerprint": None,
        "choices": [choice],
    }
    assert of(event(data), in_tools=False) == Seen(["a"])
