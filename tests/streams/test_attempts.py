"""Attempts that fail: what has another, what it is told, and what is tried before the 200."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.support.client import read, reading, refused
from tests.support.service import eventually, running
from tests.support.sockets import free_port
from tests.support.stream import streaming
from tests.support.upstream import HEAD, delta, end, event, refusal, saying, status, text, upstream

FIGS = '{"title":"Figs","blurb":"Sweet."}'
ANSWER = f'{{"items": [{FIGS}]}}'
IDEAS = "/ideas?topic=figs&count=2&interval_ms=0"
RECIPES = "/recipes?topic=figs&count=2&interval_ms=0"
RECIPE = '{"name":"Fig jam","prep_time_minutes":0,"ingredients":["figs"],"instructions":"Cook."'

GOOD = f"""\
data: [{FIGS}]

event: done
data: [{FIGS}]

"""

INVALID = """\
event: error
data: {"error":"The model's answer does not satisfy the schema.","code":"output_invalid",\
"retryable":true,"request_id":"R","errors":[{"path":"","message":"is not JSON"}]}

"""


def restarted(code: str, errors: str = "[]", attempt: int = 2) -> str:
    return f'event: restart\ndata: {{"attempt":{attempt},"code":"{code}","errors":{errors}}}\n\n'


def failed(code: str, message: str, *, retryable: bool, more: str = "") -> str:
    data = f'"error":"{message}","code":"{code}","retryable":{json.dumps(retryable)}'
    return f'event: error\ndata: {{{data},"request_id":"R"{more}}}\n\n'


INTERRUPTED = failed(
    "provider_interrupted", "The connection to the model's provider was lost.", retryable=True
)
PROTOCOL = failed(
    "provider_protocol", "The model's provider sent something unreadable.", retryable=True
)


async def said(*answers: bytes, url: str = IDEAS, **settings: Any) -> tuple[str, list[Any]]:
    """The stream of these answers of the provider, and the requests that it had."""
    async with (
        upstream(saying(*answers)) as provider,
        running(openai_base_url=provider.base_url, **settings) as service,
    ):
        stream = await read(service.url + url)
        return stream, [exchange.body for exchange in provider.exchanges]


# -- an invalid answer ------------------------------------------------------------------------


async def test_an_answer_is_given_up_as_soon_as_it_is_certain_to_fail() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        streaming(service, provider, IDEAS) as (reader, exchange),
    ):
        await exchange.text('{"items": [{"title": "Figs", "blurb": "')
        assert await reader.next() == 'data: [{"title":"Figs","blurb":""}]'
        await exchange.text("x" * 141)  # of 140; the string is still open
        await exchange.is_closed()
        errors = '[{"path":"/0/blurb","message":"must have at most 140 characters"}]'
        assert await reader.next() + "\n\n" == restarted("output_invalid", errors)

        second = await provider.next()
        await second.send(HEAD, text(ANSWER), end())
        assert await reader.rest() == GOOD


async def test_an_element_that_closes_invalid_is_certain_to_fail_however_slow_the_reader() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        url = "/recipes?topic=figs&count=2&interval_ms=5000"
        async with streaming(service, provider, url) as (reader, exchange):
            await exchange.text('{"items": [')
            assert await reader.next() == "data: []"
            await exchange.text(RECIPE + "}")
            await exchange.is_closed()
            assert (await reader.next()).startswith("event: restart\n")


async def test_the_next_attempt_is_told_the_invalid_answer_and_what_is_wrong_with_it() -> None:
    invalid = '{"items": [' + RECIPE + "}"
    good = ANSWER.replace(FIGS, RECIPE.replace(":0,", ":5,") + "}")
    stream, (first, second) = await said(
        HEAD + text(invalid), HEAD + text(good) + end(), url=RECIPES
    )
    errors = '[{"path":"/0/prep_time_minutes","message":"must be at least 1"}]'
    assert restarted("output_invalid", errors) in stream
    assert "event: done" in stream
    assert second["messages"][:2] == first["messages"]
    assistant, user = second["messages"][2:]
    assert assistant == {"role": "assistant", "content": invalid}
    assert user["role"] == "user"
    assert user["content"] == (
        "Validation errors found:\n"
        "/0/prep_time_minutes: Input should be greater than or equal to 1\n"
        "Answer again, in full, with the errors fixed."
    )
    assert {k: v for k, v in first.items() if k != "messages"} == {
        k: v for k, v in second.items() if k != "messages"
    }


@pytest.mark.parametrize("nothing", ["", " ", "\n\t\n"])
async def test_of_an_empty_answer_the_next_attempt_is_told_without_a_message_for_it(
    nothing: str,
) -> None:
    """Providers refuse an empty message of the assistant, and some two of the user in a row."""
    stream, (first, second) = await said(HEAD + text(nothing) + end(), HEAD + text(ANSWER) + end())
    assert restarted("output_invalid", '[{"path":"","message":"is not JSON"}]') in stream
    assert stream.endswith(GOOD)
    (system, asked), (same, again) = first["messages"], second["messages"]
    assert same == system
    assert again["role"] == "user"
    assert again["content"].startswith(f"{asked['content']}\n\nValidation errors found:\n")


@pytest.mark.parametrize("mode", ["tools", "json_schema", "json", "md_json"])
async def test_the_next_attempt_is_told_in_every_mode(mode: str) -> None:
    def write(piece: str) -> bytes:
        return text(piece) if mode == "tools" else delta(content=piece)

    stream, (_, second) = await said(
        HEAD + write("no") + end(), HEAD + write(ANSWER) + end(), instructor_mode=mode
    )
    assert stream.endswith(GOOD)
    told = json.dumps(second["messages"])
    assert '"content": "no"' in told
    assert "is not JSON" in told


async def test_an_invalid_answer_is_forgotten_by_the_one_after_the_next() -> None:
    stream, bodies = await said(
        HEAD + text("no") + end(),
        HEAD + text("nor this") + end(),
        HEAD + text(ANSWER) + end(),
        max_attempts=3,
    )
    errors = '[{"path":"","message":"is not JSON"}]'
    assert stream == (
        restarted("output_invalid", errors) + restarted("output_invalid", errors, 3) + GOOD
    )
    assert [[m["content"] for m in body["messages"][2:3]] for body in bodies] == [
        [],
        ["no"],
        ["nor this"],
    ]


async def test_after_the_last_attempt_the_stream_ends_in_what_was_wrong() -> None:
    stream, bodies = await said(HEAD + text("no") + end())
    assert stream == restarted("output_invalid", '[{"path":"","message":"is not JSON"}]') + INVALID
    assert len(bodies) == 2


async def test_with_one_attempt_there_is_no_other() -> None:
    stream, bodies = await said(HEAD + text("no") + end(), max_attempts=1)
    assert stream == INVALID
    assert len(bodies) == 1


async def test_json_gives_what_was_wrong_as_a_status() -> None:
    async with (
        upstream(saying(HEAD + text("no") + end())) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        answer = await refused(service.url + IDEAS, Accept="application/json")
        assert answer.status_code == 502
        assert answer.json()["code"] == "output_invalid"
        assert answer.json()["errors"] == [{"path": "", "message": "is not JSON"}]
        assert len(provider.exchanges) == 2


# -- an answer that breaks off ----------------------------------------------------------------

OPEN = text('{"items": [{"title": "Fi')


async def test_an_interrupted_answer_is_asked_for_again_as_if_for_the_first_time() -> None:
    for broken in (b"", OPEN, OPEN + event("[DONE]"), OPEN + b'data: {"choices"'):
        stream, bodies = await said(HEAD + broken, HEAD + text(ANSWER) + end())
        assert stream.endswith(restarted("provider_interrupted") + GOOD)
        assert bodies[0] == bodies[1]


async def test_an_unreadable_chunk_and_an_error_object_are_asked_for_again() -> None:
    for broken in (b"data: {oops\n\n", event({"error": {"message": "canary"}})):
        stream, bodies = await said(HEAD + OPEN + broken, HEAD + text(ANSWER) + end())
        assert stream.endswith(restarted("provider_protocol") + GOOD)
        assert bodies[0] == bodies[1]


async def test_ten_megabytes_without_a_line_break_are_asked_for_again() -> None:
    flood = HEAD + OPEN + b"data: " + b"x" * 10_000_000
    stream, _ = await said(flood, HEAD + text(ANSWER) + end())
    assert stream.endswith(restarted("provider_protocol") + GOOD)


async def test_after_the_last_attempt_the_stream_ends_in_what_broke_it() -> None:
    stream, _ = await said(HEAD)
    assert stream == restarted("provider_interrupted") + INTERRUPTED
    stream, _ = await said(HEAD + b"data: {oops\n\n")
    assert stream == restarted("provider_protocol") + PROTOCOL
    stream, _ = await said(HEAD + text(ANSWER), max_attempts=1)
    assert stream == f"data: [{FIGS}]\n\n" + INTERRUPTED


async def test_a_whole_answer_whose_provider_says_that_nothing_follows_needs_no_reason() -> None:
    stream, _ = await said(HEAD + text(ANSWER) + event("[DONE]"))
    assert stream == GOOD


async def test_after_the_200_a_failure_to_open_is_tried_again_as_before_it() -> None:
    good = HEAD + text(ANSWER) + end()
    for busy in (status(500), status(529), status(429, Retry_After="0")):
        stream, bodies = await said(HEAD, busy, busy, good)
        assert stream == restarted("provider_interrupted") + GOOD
        assert len(bodies) == 4
    for busy, code, tries in (
        (status(503), "provider_unavailable", 3),
        (status(429, Retry_After="7"), "provider_rate_limited", 1),
        (status(401), "provider_rejected", 1),
    ):
        stream, bodies = await said(HEAD, busy, max_attempts=3)
        assert stream.startswith(restarted("provider_interrupted") + "event: error\n")
        assert f'"code":"{code}"' in stream
        assert len(bodies) == 1 + tries


@pytest.mark.parametrize("tries", range(3))
async def test_a_provider_that_closes_each_connection_in_silence_has_its_second_attempt(
    tries: int,
) -> None:
    def whole(*events: bytes) -> bytes:
        body = b"".join(events)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=5\r\n\r\n"
        return head + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"

    stream, bodies = await said(whole(text("no"), end()), whole(text(ANSWER), end()))
    errors = '[{"path":"","message":"is not JSON"}]'
    assert stream == restarted("output_invalid", errors) + GOOD
    assert len(bodies) == 2


# -- an error in the answer -------------------------------------------------------------------


def told(code: str) -> bytes:
    return event({"error": {"message": "canary", "type": "api", "code": code}})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (told("server_is_overloaded"), "provider_unavailable"),
        (told("rate_limit_exceeded"), "provider_rate_limited"),
        (told("tool_use_failed"), "output_invalid"),
        (event({"error": {"code": 502, "message": "canary"}}), "provider_unavailable"),
        (event({"object": "error", "code": 500, "message": "canary"}), "provider_unavailable"),
        (b'error: {"code": 503, "type": "unavailable_error"}\n\n', "provider_unavailable"),
        (
            b'event: error\ndata: {"error": {"type": "overloaded_error"}}\n\n',
            "provider_unavailable",
        ),
        (
            event({"choices": [{"delta": {}, "finish_reason": "error"}], "error": {"code": 429}}),
            "provider_rate_limited",
        ),
        (
            event({"choices": [{"finish_reason": "error", "error": {"code": 502}}]}),
            "provider_unavailable",
        ),
        (event({"error": {"type": "nobody_knows"}}), "provider_protocol"),
    ],
)
async def test_an_error_that_passes_is_asked_for_again(error: bytes, code: str) -> None:
    for before in (b"", OPEN):
        stream, bodies = await said(HEAD + before + error, HEAD + text(ANSWER) + end())
        assert f'event: restart\ndata: {{"attempt":2,"code":"{code}"' in stream
        assert stream.endswith(GOOD)
        assert "canary" not in stream
        assert bodies[0] == bodies[1]
    stream, bodies = await said(HEAD + OPEN + error)
    assert f'"code":"{code}"' in stream.rsplit("event: error", 1)[1]
    assert len(bodies) == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (told("content_filter"), "output_filtered"),
        (told("insufficient_quota"), "provider_rate_limited"),
        (told("invalid_api_key"), "provider_rejected"),
        (told("context_length_exceeded"), "provider_rejected"),
    ],
)
async def test_an_error_that_stays_is_not_asked_for_again(error: bytes, code: str) -> None:
    stream, bodies = await said(HEAD + OPEN + error)
    assert "event: restart" not in stream
    assert f'"code":"{code}"' in stream
    assert len(bodies) == 1


# -- an answer that another would not mend ----------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "code", "message"),
    [
        (
            delta("length"),
            "output_truncated",
            "The model's answer was cut off at its length limit.",
        ),
        (
            delta("content_filter"),
            "output_filtered",
            "The provider's content filter stopped the answer.",
        ),
        (delta(refusal="I can't.") + end(), "output_refused", "The model refused to answer."),
        (delta("refusal"), "output_refused", "The model refused to answer."),
    ],
)
async def test_a_refusal_a_filter_and_a_truncation_are_not_asked_for_again(
    ending: bytes, code: str, message: str
) -> None:
    stream, bodies = await said(HEAD + text('{"items": [{"title": "Fi') + ending)
    assert stream == 'data: [{"title":"Fi","blurb":null}]\n\n' + failed(
        code, message, retryable=False
    )
    assert len(bodies) == 1


async def test_even_a_whole_answer_is_not_done_where_the_model_was_cut_off() -> None:
    stream, _ = await said(HEAD + text(ANSWER) + delta("length"))
    assert "event: done" not in stream
    assert '"code":"output_truncated"' in stream


async def test_an_unknown_finish_reason_is_no_normal_one() -> None:
    stream, _ = await said(HEAD + text(ANSWER) + delta("insufficient_system_resource"))
    assert "event: done" not in stream
    assert '"code":"provider_protocol"' in stream


# -- usage ------------------------------------------------------------------------------------


def usage(input: int, output: int, attempts: int) -> str:
    tokens = f'"input_tokens":{input},"output_tokens":{output},"attempts":{attempts}'
    return f"event: usage\ndata: {{{tokens}}}\n\n"


async def test_usage_is_summed_over_attempts() -> None:
    stream, _ = await said(
        HEAD + text("no") + end("stop", (7, 9)), HEAD + text(ANSWER) + end("stop", (20, 10))
    )
    assert stream.endswith(usage(27, 19, 2) + f"event: done\ndata: [{FIGS}]\n\n")


async def test_usage_is_told_before_an_error_too() -> None:
    stream, _ = await said(HEAD + text("no") + end("stop", (7, 9)))
    assert stream.endswith(usage(14, 18, 2) + INVALID)
    stream, _ = await said(
        HEAD + event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 9}})
    )
    assert stream.endswith(usage(14, 18, 2) + INTERRUPTED)


async def test_usage_that_one_attempt_has_not_told_counts_the_attempts_all_the_same() -> None:
    told, silent = end("stop", (7, 9)), end()
    stream, _ = await said(HEAD + text("no") + told, HEAD + text(ANSWER) + silent)
    assert usage(7, 9, 2) in stream
    stream, _ = await said(HEAD + text("no") + silent, HEAD + text(ANSWER) + told)
    assert usage(7, 9, 2) in stream


# -- before the 200 ---------------------------------------------------------------------------


async def test_a_5xx_is_tried_again_twice_at_most() -> None:
    bad, good = status(503), HEAD + text(ANSWER) + end()
    stream, bodies = await said(bad, bad, good)
    assert stream == GOOD
    assert bodies[0] == bodies[1] == bodies[2]

    async with (
        upstream(saying(bad)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        answer = await refused(service.url + IDEAS)
        assert (answer.status_code, answer.json()["code"]) == (502, "provider_unavailable")
        assert len(provider.exchanges) == 3


async def test_a_429_is_tried_again_after_the_time_that_it_asks_for() -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    stream, bodies = await said(status(429, Retry_After="1"), HEAD + text(ANSWER) + end())
    assert stream == GOOD
    assert len(bodies) == 2
    assert loop.time() - started >= 1


async def test_a_429_that_asks_for_more_than_the_window_is_passed_on_at_once() -> None:
    async with (
        upstream(saying(status(429, Retry_After="7"))) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        answer = await asyncio.wait_for(refused(service.url + IDEAS), 3)
        assert (answer.status_code, answer.json()["code"]) == (503, "provider_rate_limited")
        assert answer.headers["Retry-After"] == "7"
        assert len(provider.exchanges) == 1


@pytest.mark.parametrize("code", [408, 409, 425, 498, 502, 520, 529])
async def test_a_status_that_says_nothing_against_the_request_is_tried_again(code: int) -> None:
    stream, bodies = await said(status(code), status(code), HEAD + text(ANSWER) + end())
    assert stream == GOOD
    assert len(bodies) == 3


@pytest.mark.parametrize("code", ["tool_use_failed", "json_validate_failed"])
async def test_an_answer_that_the_provider_could_not_read_is_asked_for_again(code: str) -> None:
    failed = refusal(400, {"error": {"code": code, "failed_generation": "canary " * 2000}})
    stream, bodies = await said(failed, HEAD + text(ANSWER) + end())
    errors = '[{"path":"","message":"can\'t be read by the provider"}]'
    assert stream == restarted("output_invalid", errors) + GOOD
    assert bodies[0] == bodies[1]
    async with (
        upstream(saying(failed)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        answer = await refused(service.url + IDEAS, Accept="application/json")
        assert (answer.status_code, answer.json()["code"]) == (502, "output_invalid")
        assert "canary" not in answer.text
        assert len(provider.exchanges) == 2


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        (400, {"error": {"code": "content_filter", "param": "prompt"}}, "output_filtered"),
        (429, {"error": {"code": "insufficient_quota"}}, "provider_rate_limited"),
        (302, {}, "provider_rejected"),
    ],
)
async def test_what_another_try_would_not_mend_is_told_at_once(
    code: int, body: Any, expected: str
) -> None:
    async with (
        upstream(saying(refusal(code, body))) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        answer = await refused(service.url + IDEAS)
        assert answer.json()["code"] == expected
        assert len(provider.exchanges) == 1


@pytest.mark.parametrize("code", [400, 401, 403, 404, 422])
async def test_a_request_that_was_rejected_is_not_tried_again(code: int) -> None:
    async with (
        upstream(saying(status(code))) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        answer = await refused(service.url + IDEAS)
        assert answer.status_code == 502
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json() == {
            "type": "about:blank",
            "title": "Bad Gateway",
            "status": 502,
            "detail": "The model's provider refused the service's request.",
            "error": "The model's provider refused the service's request.",
            "code": "provider_rejected",
            "retryable": False,
            "request_id": answer.headers["X-Request-ID"],
        }
        assert len(provider.exchanges) == 1


async def test_a_provider_that_comes_up_within_the_window_is_found() -> None:
    port = free_port()
    async with running(openai_base_url=f"http://127.0.0.1:{port}/v1") as service:
        stream = asyncio.create_task(read(service.url + IDEAS))
        await eventually(lambda: len(service.streams), 5)
        async with upstream(saying(HEAD + text(ANSWER) + end()), port=port):
            assert await stream == GOOD


async def test_no_provider_is_unavailable() -> None:
    port = free_port()
    async with running(openai_base_url=f"http://127.0.0.1:{port}/v1") as service:
        for accept in ("*/*", "application/json"):
            answer = await refused(service.url + IDEAS, Accept=accept)
            assert (answer.status_code, answer.json()["code"]) == (502, "provider_unavailable")


async def test_a_failure_after_the_window_is_an_error_event_and_not_tried_again() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, open_timeout=0.2) as service,
    ):
        asked = asyncio.create_task(provider.next())
        async with reading(service.url + IDEAS) as reader:  # has had `start`
            exchange = await asked
            await exchange.send(status(429, Retry_After="7"))
            assert await reader.rest() == failed(
                "provider_rate_limited",
                "The model's provider limits the rate of requests.",
                retryable=True,
                more=',"retry_after":7',
            )
        assert len(provider.exchanges) == 1
