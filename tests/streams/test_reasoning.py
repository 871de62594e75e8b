"""What the model reasons, from the provider's bytes to its readers, over real sockets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from app.demo.reasoning import FORMS
from app.demo.reasoning import reasoning as thoughts
from tests.support.connection import Connection, Event, asked, connected
from tests.support.resuming import ALL, ANSWER, QUERY, Opened
from tests.support.service import running
from tests.support.upstream import HEAD, delta, end, event, saying, text, upstream

REASONED = "Figs are sweet.\n\nNuts are dry. 😀"
PIECES = ["Figs are ", "sweet.", "\n\n", "Nuts are dry. ", "😀"]
URL = f"/ideas?{QUERY}&view=delta&reasoning=true"
DETAIL = {"type": "reasoning.text", "format": "unknown", "index": 0}


def each(form: Any) -> bytes:
    """A chunk for each piece of the reasoning: what `form` makes of it."""
    return b"".join(delta(**form(piece)) for piece in PIECES)


def message(**fields: Any) -> bytes:
    """A whole answer in one body, as it is for a request that does not stream."""
    told = {"choices": [{"index": 0, "message": fields, "finish_reason": "stop"}]}
    return HEAD.replace(b"text/event-stream", b"application/json") + json.dumps(told).encode()


BESIDE = {  # beside the text, in fields of their own
    "reasoning_content": each(lambda it: {"reasoning_content": it}),
    "reasoning_content with empty content": each(
        lambda it: {"content": "", "reasoning_content": it, "role": "assistant"}
    ),
    "reasoning": each(lambda it: {"reasoning": it, "content": None}),
    "both": each(lambda it: {"reasoning": it, "reasoning_content": it}),
    "reasoning_details": each(lambda it: {"reasoning_details": [DETAIL | {"text": it}]}),
    "a summary": each(
        lambda it: {"reasoning_details": [{"type": "reasoning.summary", "summary": it}]}
    ),
    "reasoning and its details": each(
        lambda it: {"reasoning": it, "reasoning_details": [DETAIL | {"text": it}]}
    ),
    "and what is encrypted": each(lambda it: {"reasoning": it})
    + delta(reasoning_details=[{"type": "reasoning.encrypted", "data": "gAAA"}]),
    "an object": each(lambda it: {"reasoning": {"text": it}}),
    "thinking": each(lambda it: {"thinking": it}),
    "thinking_blocks": each(
        lambda it: {"thinking_blocks": [{"type": "thinking", "thinking": it, "signature": ""}]}
    ),
    "blocks and reasoning_content": each(
        lambda it: {
            "reasoning_content": it,
            "thinking_blocks": [{"type": "thinking", "thinking": it}],
        }
    ),
    "parts of the content": each(lambda it: {"content": [{"type": "thinking", "thinking": it}]}),
    "parts in parts": each(
        lambda it: {
            "content": [{"type": "thinking", "thinking": [{"type": "text", "text": it}]}],
        }
    ),
    "parts that are thoughts": each(lambda it: {"content": [{"text": it, "thought": True}]}),
    "a pair in two halves": each(lambda it: {"reasoning_content": it}).replace(
        b"\\ud83d\\ude00", b"\\ud83d"
    )
    + delta(reasoning_content="\ude00"),
    "blanks before it": delta(reasoning_content="\n") + each(lambda it: {"reasoning_content": it}),
}
IN_TEXT = {  # in the text, in tags
    "think": f"<think>\n{REASONED}</think>\n\n{ANSWER}",
    "thinking": f"<thinking>{REASONED}</thinking>{ANSWER}",
    "of a namespace": f"<seed:think>{REASONED}</seed:think>{ANSWER}",
    "in brackets": f"[THINK]{REASONED}[/THINK]{ANSWER}",
    "of Kimi": f"◁think▷{REASONED}◁/think▷{ANSWER}",
    "a channel": f"<|channel|>analysis<|message|>{REASONED}<|channel|>final<|message|>{ANSWER}",
    "a tag that has not opened": f"{REASONED}</think>\n{ANSWER}",
    "a fence after it": f"<think>{REASONED}</think>\n```json\n{ANSWER}\n```",
}
ODD = {
    "a whole message": message(content=ANSWER, reasoning_content=REASONED),
    "a whole message in tags": message(content=IN_TEXT["think"]),
    "a message after the deltas": HEAD
    + each(lambda it: {"reasoning_content": it})
    + event(
        {
            "choices": [
                {"index": 0, "message": {"content": ANSWER, "reasoning_content": REASONED}},
            ]
        }
    )
    + end(),
    "another choice": HEAD
    + each(lambda it: {"reasoning_content": it})
    + event({"choices": [{"index": 1, "delta": {"reasoning_content": "not this"}}]})
    + text(ANSWER)
    + end(),
    "after the text": HEAD
    + each(lambda it: {"reasoning_content": it})
    + text(ANSWER)
    + delta(reasoning_details=[{"type": "reasoning.encrypted", "data": "gAAA"}])
    + end(),
}


def in_content(said: str, size: int) -> bytes:
    """Content in chunks of so many characters."""
    return b"".join(delta(content=said[at : at + size]) for at in range(0, len(said), size))


ANSWERS = {
    **{name: HEAD + said + text(ANSWER) + end() for name, said in BESIDE.items()},
    **{f"{name}, content": HEAD + in_content(said, 7) + end() for name, said in IN_TEXT.items()},
    **{f"{name}, one by one": HEAD + in_content(said, 1) + end() for name, said in IN_TEXT.items()},
    **{
        f"{name}, before a call": HEAD + in_content(said, 3) + text(ANSWER) + end()
        for name, said in (
            ("think", f"<think>\n{REASONED}</think>\n\n"),
            ("think and prose", f"\n<think>{REASONED}</think>Let me call it."),
            ("a channel", f"<|channel|>analysis<|message|>{REASONED}<|channel|>final"),
        )
    },
    **{f"{name}, as a call": HEAD + text(said) + end() for name, said in IN_TEXT.items()},
    **ODD,
}


def reasoned(events: list[Event]) -> str:
    return "".join(event.data["text"] for event in events if event.event == "reasoning")


def names(events: list[Event]) -> list[str | None]:
    return [event.event for event in events]


@pytest.mark.parametrize("name", ANSWERS)
async def test_in_each_form_it_comes_before_the_value_and_is_not_in_it(name: str) -> None:
    async with (
        upstream(saying(ANSWERS[name])) as provider,
        running(openai_base_url=provider.base_url) as service,
        connected(service.url + URL) as stream,
    ):
        events = await stream.rest()
    assert reasoned(events) == REASONED
    assert events[-1].event == "done"
    assert events[-1].data == ALL
    told = [name for name in names(events) if name in ("reasoning", "patch")]
    assert told == sorted(told, key=["reasoning", "patch"].index)


@pytest.mark.parametrize("view", ["snapshot", "delta", "items", "text", "ui-message", "ag-ui"])
async def test_who_does_not_ask_for_it_gets_none_of_it(view: str) -> None:
    for answer in (ANSWERS["reasoning_content"], ANSWERS["think, content"]):
        async with (
            upstream(saying(answer)) as provider,
            running(openai_base_url=provider.base_url) as service,
        ):
            got = await asked(f"{service.url}/ideas?{QUERY}&view={view}")
        assert "Figs are" not in got.text
        assert "reasoning" not in got.text.lower()


async def test_json_and_text_never_hold_it() -> None:
    async with (
        upstream(saying(ANSWERS["reasoning_content"])) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        got = await asked(f"{service.url}/ideas?{QUERY}&reasoning=true", Accept="application/json")
        assert got.json() == ALL
        got = await asked(f"{service.url}/ideas?{QUERY}&reasoning=true&view=text")
        assert json.loads(got.text) == ALL


@pytest.mark.parametrize("mode", ["auto", "tools", "json_schema", "json", "md_json"])
async def test_the_demo_model_plays_each_form(mode: str) -> None:
    async with running(model="", mode=mode) as service:
        for model in FORMS:
            url = f"{service.url}/ideas?topic=tea&count=2&interval_ms=0&model={model}"
            async with connected(f"{url}&reasoning=true") as stream:
                events = await stream.rest()
            assert reasoned(events).strip() == thoughts("tea")
            assert events[-1].event == "done"
            assert len(events[-1].data) == 2
            async with connected(url) as stream:
                plain = await stream.rest()
            assert plain[-1].data == events[-1].data
            assert reasoned(plain) == ""


# -- readers that come and go ------------------------------------------------------------------


async def opened(stream: Connection) -> None:
    start = await stream.next()
    assert start is not None
    assert start.event == "start"


async def told(stream: Connection, length: int) -> list[Event]:
    """The reasoning that comes, up to so many characters in all."""
    events: list[Event] = []
    while len(reasoned(events)) < length:
        event = await stream.next()
        assert event is not None
        assert event.event == "reasoning"
        events.append(event)
    return events


async def test_it_is_sent_as_it_comes_and_who_comes_back_gets_the_rest_of_it() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        asyncio.TaskGroup() as tasks,
    ):
        model = Opened(provider)
        answering = tasks.create_task(model.answer())
        got: list[Event] = []
        async with connected(service.url + URL) as stream:
            await opened(stream)
            exchange = await answering
            for piece in PIECES[:2]:
                await exchange.send(delta(reasoning_content=piece))
                got += await told(stream, len(piece))
        id = stream.stream
        await exchange.send(*(delta(reasoning_content=piece) for piece in PIECES[2:4]))
        last = got[-1].id or ""
        url = f"{service.url}/streams/{id}?view=delta&reasoning=true&interval_ms=0"
        async with connected(url, Last_Event_ID=last) as stream:
            await opened(stream)
            got += await told(stream, len("".join(PIECES[2:4])))
            await exchange.send(delta(reasoning_content=PIECES[4]), text(ANSWER), end())
            got += await stream.rest()
    assert reasoned(got) == REASONED
    assert got[-1].data == ALL


@pytest.mark.parametrize("mode", ["tools", "json_schema"])
async def test_that_in_tags_is_sent_as_it_comes(mode: str) -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, mode=mode) as service,
        asyncio.TaskGroup() as tasks,
    ):
        answering = tasks.create_task(Opened(provider).answer())
        async with connected(service.url + URL) as stream:
            await opened(stream)
            exchange = await answering
            await exchange.send(delta(content="<thi"), delta(content="nk>\n"))
            for piece in PIECES[:2]:
                await exchange.send(delta(content=piece))
                await told(stream, len(piece))
            await exchange.send(delta(content=f"</think>{ANSWER}"), end())
            assert (await stream.rest())[-1].data == ALL


async def test_readers_with_and_without_it_read_the_same_stream() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        asyncio.TaskGroup() as tasks,
    ):
        model = Opened(provider)
        answering = tasks.create_task(model.answer())
        async with connected(service.url + URL) as first:
            await opened(first)
            exchange = await answering
            await exchange.send(*(delta(reasoning_content=piece) for piece in PIECES))
            await told(first, len(REASONED))
            where = f"{service.url}/streams/{first.stream}?interval_ms=0&view="
            async with (
                connected(where + "snapshot&reasoning=true") as late,
                connected(where + "snapshot") as plain,
            ):
                await opened(late)
                assert reasoned(await told(late, len(REASONED))) == REASONED
                await exchange.send(text(ANSWER), end())
                assert "reasoning" not in names(await plain.rest())
                assert names(await late.rest()) == [None, "done"]
            assert (await first.rest())[-1].data == ALL
        async with connected(where + "delta&reasoning=true") as ended:
            assert names(found := await ended.rest()) == ["start", "reasoning", "patch", "done"]
            assert reasoned(found) == REASONED


async def test_a_stream_that_was_begun_without_it_has_none() -> None:
    async with (
        upstream(saying(ANSWERS["reasoning_content"])) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        async with connected(f"{service.url}/ideas?{QUERY}") as first:
            await first.rest()
        url = f"{service.url}/streams/{first.stream}?reasoning=true"
        async with connected(url) as late:
            assert reasoned(await late.rest()) == ""


# -- attempts and bounds -----------------------------------------------------------------------


async def test_another_attempt_reasons_anew() -> None:
    bad = HEAD + delta(reasoning_content="One.") + text('{"items": [{"title": 1}]}') + end()
    good = HEAD + delta(reasoning_content="\nTwo.") + text(ANSWER) + end()
    async with (
        upstream(saying(bad, good)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        async with connected(service.url + URL) as stream:
            events = await stream.rest()
        async with connected(f"{service.url}/streams/{stream.stream}?reasoning=true") as late:
            found = await late.rest()
    assert names(events) == ["start", "reasoning", "restart", "reasoning", "patch", "done"]
    assert reasoned(events) == "One.Two."
    assert reasoned(found) == "Two."


@pytest.mark.parametrize("size", [1, 3, 4096])
async def test_what_is_kept_of_it_is_bounded(size: int) -> None:
    much = "né" * 1000
    said = b"".join(
        delta(reasoning_content=much[at : at + size]) for at in range(0, len(much), size)
    )
    async with (
        upstream(saying(HEAD + said + text(ANSWER) + end())) as provider,
        running(openai_base_url=provider.base_url, max_output_bytes=1024) as service,
        connected(service.url + URL) as stream,
    ):
        events = await stream.rest()
    assert reasoned(events) == ("né" * 342)[:683]
    assert events[-1].data == ALL


async def test_a_long_one_is_whole_for_who_comes_late() -> None:
    """More entries than a reader is given one by one."""
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, max_output_bytes=10**6) as service,
        asyncio.TaskGroup() as tasks,
    ):
        model = Opened(provider)
        answering = tasks.create_task(model.answer())
        words = [f"{n} " for n in range(2500)]
        async with connected(service.url + URL) as stream:
            await opened(stream)
            exchange = await answering
            for word in words:
                await exchange.send(delta(reasoning_content=word))
                await told(stream, len(word))
            await exchange.send(text(ANSWER), end())
            assert (await stream.rest())[-1].data == ALL
        url = f"{service.url}/streams/{stream.stream}?reasoning=true&view=delta"
        async with connected(url) as late:
            found = await late.rest()
    assert names(found) == ["start", "reasoning", "patch", "done"]
    assert reasoned(found) == "".join(words)


async def test_the_pace_is_that_of_partials() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        asyncio.TaskGroup() as tasks,
    ):
        model = Opened(provider)
        answering = tasks.create_task(model.answer())
        async with connected(service.url + URL.replace("ms=0", "ms=5000")) as stream:
            await opened(stream)
            exchange = await answering
            await exchange.send(delta(reasoning_content=PIECES[0]))
            assert reasoned(await told(stream, 1)) == PIECES[0]
            for piece in PIECES[1:]:
                await exchange.send(delta(reasoning_content=piece))
            await exchange.send(text(ANSWER), end())
            events = await stream.rest()
    assert names(events) == ["reasoning", "patch", "done"]
    assert reasoned(events) == "".join(PIECES[1:])
