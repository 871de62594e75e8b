"""Answers as real models and providers give them, from their bytes to the stream's."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any

import pytest

from tests.support.client import read
from tests.support.service import running
from tests.support.upstream import HEAD, Exchange, Script, delta, end, event, text, upstream

URL = "/ideas?topic=figs&count=3&interval_ms=0"
FIGS = {"title": "Figs", "blurb": "Sweet {and} ```good```."}
TEA = {"title": "Tea", "blurb": "Hot </think>."}
DRAFT = json.dumps({"items": [{"title": "Draft", "blurb": "No."}]})
VALUE = json.dumps({"items": [FIGS, TEA]})
DONE = event("[DONE]")


def said(answer: str) -> bytes:
    """An answer in a message's content, in small pieces."""
    return b"".join(delta(content=answer[at : at + 7]) for at in range(0, len(answer), 7))


def call(item: Any, **more: Any) -> bytes:
    function = {"name": "Ideas", "arguments": json.dumps({"items": [item]})}
    return delta(tool_calls=[{"function": function, **more}])


TEXTS = {
    "alone": VALUE,
    "a fence": f"```json\n{VALUE}\n```",
    "a fence with text around it": f"Sure! Here are {{2}} ideas:\n\n```json\n{VALUE}\n```\n[Enjoy]",
    "prose around it": f"Let me see [1], {{x}} and so on. So the answer is this one. {VALUE} {{:}}",
    "reasoning": f"<think>\nMaybe {DRAFT}, [or] {{so}}.\n</think>\n\n{VALUE}",
    "reasoning whose tag has not opened": f"Okay, {DRAFT} is too short.\n</think>\n{VALUE}",
    "a fenced draft in such reasoning": f"So:\n```json\n{DRAFT}\n```\nHm.\n</think>\n{VALUE}",
    "a stop token": f"{VALUE}<|im_end|>",
    "a BOM": f"\ufeff{VALUE}",
}

BYTES = {
    "content in spite of the tool": said(VALUE) + end(),
    "prose before the call": said("I call {it} now.") + text(VALUE) + end("tool_calls"),
    "a call for each element": call(FIGS, index=0, id="a") + call(TEA, index=1, id="b") + end(),
    "calls that all have index 0": call(FIGS, index=0, id="a") + call(TEA, index=0, id="b") + end(),
    "calls without an index": call(FIGS, id="") + call(TEA, id="") + end("TOOL_CALLS"),
    "arguments that are an object": delta(
        tool_calls=[{"function": {"arguments": json.loads(VALUE)}}]) + end("tool-calls"),
    "the whole call again": text(VALUE[:20]) + text(VALUE[20:]) + delta(
        "tool_calls", tool_calls=[{"index": 0, "function": {"arguments": VALUE}}]) + DONE,
    "no reason": text(VALUE) + DONE,
    "a reason on each chunk": b"".join(
        delta("stop", tool_calls=[{"index": 0, "function": {"arguments": it}}])
        for it in (VALUE[:9], VALUE[9:30], VALUE[30:])) + DONE,
    "an error after the end": text(VALUE) + delta("stop") + event({"error": {"code": 500}}),
    "odd fields": event({"choices": None, "error": {}, "usage": {"prompt_tokens": 5.5}})
    + text(VALUE) + end("Stop"),
    "pings": b": hi\n\nevent: ping\ndata: null\n\ndata:\n\n" + text(VALUE) + end(),
    "CRLF": (text(VALUE) + end()).replace(b"\n", b"\r\n"),
    "no blank lines": (text(VALUE[:9]) + text(VALUE[9:]) + end()).replace(b"\n\n", b"\n"),
    "a JSON body": json.dumps({"choices": [{"finish_reason": "stop", "message": {
        "content": VALUE}}]}, indent=2).encode(),
}  # fmt: skip


def sending(answer: bytes, sizes: tuple[int, int]) -> Script:
    """Send an answer in pieces of random sizes, each of which may be a read of its own."""

    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD)
        random, at = Random(len(answer)), 0
        while at < len(answer):
            size = random.randint(*sizes)
            await exchange.send(answer[at : at + size])
            await asyncio.sleep(0)
            at += size
        exchange.eof()

    return script


CUTS = [(10**6, 10**6), (1, 1), (1, 60)]
EACH_CUT = pytest.mark.parametrize(
    "cut",
    [
        pytest.param(CUTS[0], id="whole"),
        pytest.param(CUTS[1], id="bytes", marks=pytest.mark.chaos),
        pytest.param(CUTS[2], id="random"),
    ],
)
"""`tests/providers/test_odd_streams.py` cuts after each byte in `make test`, below HTTP."""


async def events(answer: bytes, cut: tuple[int, int], **settings: Any) -> list[tuple[str, Any]]:
    """The events of the stream that an answer makes; a partial's event is empty."""
    async with (
        upstream(sending(answer, cut)) as provider,
        running(openai_base_url=provider.base_url, **settings) as service,
    ):
        messages = (await read(service.url + URL)).strip().split("\n\n")
        assert len(provider.exchanges) == 1
    found = []
    for message in messages:
        fields = dict(line.split(": ", 1) for line in message.split("\n"))
        found.append((fields.get("event", ""), json.loads(fields["data"])))
    return found


def check(found: list[tuple[str, Any]], value: Any) -> None:
    """Exactly one end, which is this value; no partial shows less than the one before."""
    *before, last = found
    assert last == ("done", value)
    shown: list[Any] = []
    for name, data in before:
        assert name in ("", "restart", "usage")
        if name == "restart":
            shown = []
        elif not name:
            assert _keeps(shown, data)
            shown = data
    assert shown == value


def _keeps(before: Any, now: Any) -> bool:
    """Whether nothing that was shown is gone."""
    if isinstance(before, list):
        return len(now) >= len(before) and all(map(_keeps, before, now))
    if isinstance(before, dict):
        return all(_keeps(before[key], now[key]) for key in before)
    return before is None or bool(now.startswith(before))


@EACH_CUT
@pytest.mark.parametrize("mode", ["json", "md_json"])
@pytest.mark.parametrize("answer", TEXTS.values(), ids=TEXTS)
async def test_a_value_in_text_is_done(answer: str, mode: str, cut: tuple[int, int]) -> None:
    check(await events(said(answer) + end(), cut, instructor_mode=mode), [FIGS, TEA])


@EACH_CUT
@pytest.mark.parametrize("answer", BYTES.values(), ids=BYTES)
async def test_an_odd_answer_is_done(answer: bytes, cut: tuple[int, int]) -> None:
    check(await events(answer, cut), [FIGS, TEA])


CODES = {
    "two calls of which one is broken": (
        call(FIGS, index=0) + call({"title": 5}, index=1, id="b") + end(), "output_invalid"),
    "two values": (said(f"{VALUE}\n{DRAFT}") + end(), "output_invalid"),
    "reasoning without an end": (said(f"<think>{DRAFT}") + end(), "output_invalid"),
    "nothing after the reasoning": (said(f"So {DRAFT}</think>") + end(), "output_invalid"),
    "no end": (text(VALUE), "provider_interrupted"),
    "a value that is not whole, and DONE": (text(VALUE[:-1]) + DONE, "provider_interrupted"),
    "an unknown reason": (text(VALUE) + end("gave_up"), "provider_protocol"),
    "an error as a body": (b'{"error": {"message": "canary"}}', "provider_protocol"),
    "cut off at its length": (text(VALUE) + end("MAX_TOKENS"), "output_truncated"),
    "filtered": (text(VALUE) + end("RECITATION"), "output_filtered"),
}  # fmt: skip


@EACH_CUT
@pytest.mark.parametrize(("answer", "code"), CODES.values(), ids=CODES)
async def test_no_answer_is_falsely_done(answer: bytes, code: str, cut: tuple[int, int]) -> None:
    *_, (name, data) = await events(answer, cut, max_attempts=1)
    assert (name, data["code"]) == ("error", code)


async def test_the_word_of_an_unknown_reason_is_in_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await events(text(VALUE) + end("gave-up"), CUTS[0], max_attempts=1)
    await events(text(VALUE) + end("gave up: canary"), CUTS[0], max_attempts=1)
    logged = capsys.readouterr().out
    assert logged.count("finish reason") == 1
    assert "finish reason gave_up" in logged
    assert "canary" not in logged
