"""Generations that go well, against a scripted provider, over real sockets."""

from __future__ import annotations

import asyncio
import gc
import sys
from types import AsyncGeneratorType
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.demo import MODELS
from tests.support.client import read, refused
from tests.support.demo import SILENT
from tests.support.held import held
from tests.support.http_client import http_client
from tests.support.service import eventually, running
from tests.support.stream import streaming
from tests.support.upstream import (
    HEAD,
    Exchange,
    delta,
    end,
    event,
    saying,
    text,
    upstream,
)

FIGS = '{"title":"Figs","blurb":"Sweet."}'
NUTS = '{"title":"Nuts","blurb":"Dry."}'
ANSWER = '{"items": [{"title": "Figs", "blurb": "Sweet."}]}'
URL = "/ideas?topic=figs&count=1&interval_ms=0"

MODES = ["tools", "json_schema", "json", "md_json"]

GOOD = f"""\
data: [{FIGS}]

event: done
data: [{FIGS}]

"""


async def test_an_answer_becomes_partials_usage_and_done() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        asyncio.TaskGroup() as tasks,
    ):
        stream = tasks.create_task(read(service.url + URL))
        exchange = await provider.next()
        await exchange.send(HEAD, text(ANSWER), end("stop", (7, 9)))
        assert await stream == (
            f"data: [{FIGS}]\n\n"
            "event: usage\n"
            'data: {"input_tokens":7,"output_tokens":9,"attempts":1}\n\n'
            "event: done\n"
            f"data: [{FIGS}]\n\n"
        )


async def test_each_piece_shows_as_it_comes() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        streaming(service, provider, URL) as (reader, exchange),
    ):
        for piece, partial in (
            ('{"items": [', "[]"),
            ('{"title": "Fi', '[{"title":"Fi","blurb":null}]'),
            ('gs", "blurb": "Swe', '[{"title":"Figs","blurb":"Swe"}]'),
            ('et."}', f"[{FIGS}]"),
        ):
            await exchange.text(piece)
            assert await reader.next() == f"data: {partial}"
        await exchange.send(text("]}") + end())
        assert await reader.rest() == f"event: done\ndata: [{FIGS}]\n\n"


@pytest.mark.parametrize("mode", MODES)
async def test_every_mode_streams(mode: str) -> None:
    said = text(ANSWER) if mode == "tools" else delta(content=ANSWER)
    if mode == "md_json":
        said = b"".join(delta(content=p) for p in ("```", "json\n", ANSWER, "\n``", "`\n"))
    async with (
        upstream(saying(HEAD + said + end())) as provider,
        running(openai_base_url=provider.base_url, instructor_mode=mode) as service,
    ):
        assert await read(service.url + URL) == GOOD


ODDITIES = {
    "an empty list of choices": event({"choices": []}) + text(ANSWER) + end(),
    "a first chunk with only a role": delta(role="assistant") + text(ANSWER) + end(),
    "comment lines": b": ping\n\n" + text(ANSWER) + b": ping\n\n" + end(),
    "CRLF": (text(ANSWER) + end()).replace(b"\n", b"\r\n"),
    "no [DONE]": text(ANSWER) + delta("stop"),
    "no last blank line": text(ANSWER) + delta("stop").rstrip(),
    "the finish reason with the text": event(
        {
            "choices": [
                {
                    "delta": {"tool_calls": [{"index": None, "function": {"arguments": ANSWER}}]},
                    "finish_reason": "tool_calls",
                }
            ]
        }
    ),
    "a tool call in many chunks": b"".join(
        delta(tool_calls=[{"index": None, "function": {"arguments": c}}]) for c in ANSWER
    )
    + end("tool_calls"),
    "text around the JSON": text(f"Here you are: ```json\n{ANSWER}\n``` Enjoy!") + end(),
}


@pytest.mark.parametrize("said", ODDITIES.values(), ids=ODDITIES)
async def test_what_providers_do_ends_in_done_all_the_same(said: bytes) -> None:
    async with (
        upstream(saying(HEAD + said)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        stream = await read(service.url + URL)
        assert stream.endswith(f"event: done\ndata: [{FIGS}]\n\n")
        assert "event: restart" not in stream


async def test_a_provider_that_says_it_has_finished_and_stays_does_not_hold_up_done() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        asyncio.TaskGroup() as tasks,
    ):
        stream = tasks.create_task(read(service.url + URL))
        exchange = await provider.next()
        await exchange.send(HEAD, text(ANSWER), delta("stop"))
        await exchange.is_closed(4)  # two seconds are given to the usage
        assert await stream == GOOD


@pytest.mark.parametrize(
    ("accept", "ping"),
    [
        ("text/event-stream", b"event: ping\ndata: null\n\n"),
        ("application/x-ndjson", b'{"event":"ping","data":null}\n'),
    ],
)
async def test_silence_is_filled_with_heartbeats(accept: str, ping: bytes) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD)
        await exchange.closed.wait()

    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url, heartbeat_seconds=0.1) as service,
        http_client(headers={"Accept": accept}, timeout=10) as client,
    ):
        data = b""
        async with client.stream("GET", service.url + URL) as response:
            async for piece in response.aiter_raw():
                data += piece
                if data.endswith(ping * 3):
                    break
        await provider.exchanges[0].is_closed()


# -- lists ------------------------------------------------------------------------------------


async def test_a_list_is_done_when_the_model_begins_an_element_too_many_and_not_before() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        url = "/ideas?topic=figs&count=2&interval_ms=0"
        async with streaming(service, provider, url) as (reader, exchange):
            await exchange.text(f'{{"items": [{FIGS}, {NUTS}')
            assert await reader.next() == f"data: [{FIGS},{NUTS}]"
            await exchange.text(", ")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(exchange.closed.wait()), 0.1)
            await exchange.text('{"ti')
            assert await reader.rest() == f"event: done\ndata: [{FIGS},{NUTS}]\n\n"
            await exchange.is_closed()


async def test_what_comes_with_the_element_too_many_is_not_lost() -> None:
    said = text(f'{{"items": [{FIGS}, {NUTS}, {{"title": 1')
    async with (
        upstream(saying(HEAD + said)) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        for url in ("/ideas?topic=figs&count=2", "/ideas?topic=figs&count=2&interval_ms=5000"):
            assert await read(service.url + url) == (
                f"data: [{FIGS},{NUTS}]\n\nevent: done\ndata: [{FIGS},{NUTS}]\n\n"
            )


async def test_a_slow_pace_does_not_put_off_the_end_of_a_list() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        url = "/ideas?topic=figs&count=1&interval_ms=5000"
        async with streaming(service, provider, url) as (reader, exchange):
            await exchange.text('{"items": [')
            assert await reader.next() == "data: []"
            await exchange.text(f'{FIGS}, {{"ti')
            await exchange.is_closed()
            assert await reader.rest() == GOOD


async def test_a_list_may_be_shorter_than_its_count_but_not_empty() -> None:
    url = "/ideas?topic=figs&count=3"
    async with (
        upstream(saying(HEAD + text(ANSWER) + end(), HEAD + text('{"items": []}') + end())) as p,
        running(openai_base_url=p.base_url, max_attempts=1) as service,
    ):
        assert await read(service.url + url) == GOOD
        assert (await read(service.url + url)).endswith(
            "event: error\n"
            'data: {"error":"The model\'s answer does not satisfy the schema.",'
            '"code":"output_invalid","retryable":true,"request_id":"R",'
            '"errors":[{"path":"","message":"must have at least 1 items"}]}\n\n'
        )


async def test_an_end_that_was_not_looked_at_counts_when_the_provider_breaks_off() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD, text('{"items": ['))
        await exchange.send(text(f'{FIGS}, {{"ti'), b"data: {oops\n\n")

    async with upstream(script) as provider, running(openai_base_url=provider.base_url) as service:
        stream = await read(f"{service.url}/ideas?topic=figs&count=1&interval_ms=5000")
        assert stream.endswith(GOOD)
        assert len(provider.exchanges) == 1


# -- what is asked ----------------------------------------------------------------------------


async def test_the_request_carries_the_prompt_the_model_and_the_schemas_limit() -> None:
    async with (
        upstream(saying(HEAD + text(ANSWER) + end())) as provider,
        running(
            openai_base_url=provider.base_url,
            models="m,n",
            max_tokens_field="max_completion_tokens",
        ) as service,
    ):
        await read(f"{service.url}/ideas?topic=figs&count=1&model=n")
        body = provider.exchanges[0].body
    assert body["model"] == "n"
    assert body["max_completion_tokens"] == 4000
    system, user = body["messages"]
    assert system["role"] == "system"
    assert user == {
        "role": "user",
        "content": "Suggest 1 ideas on this topic.\n<topic>\nfigs\n</topic>",
    }
    (tool,) = body["tools"]
    items = tool["function"]["parameters"]["properties"]["items"]
    assert (items["minItems"], items["maxItems"]) == (1, 1)


async def test_json_gives_the_value_alone_and_reads_no_slower() -> None:
    async with (
        upstream(saying(HEAD + text(ANSWER) + end())) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        answer = await refused(service.url + URL, Accept="application/json")
        assert answer.status_code == 200
        assert answer.text == f"[{FIGS}]"


async def test_an_answer_over_the_byte_cap_is_too_large() -> None:
    async with upstream() as provider:
        settings: Any = {"openai_base_url": provider.base_url, "max_output_bytes": 1000}
        async with running(**settings) as service, asyncio.TaskGroup() as tasks:
            stream = tasks.create_task(read(f"{service.url}/recipes?topic=figs"))
            exchange = await provider.next()
            await exchange.send(HEAD, text('{"items": [{"name": "' + "é" * 480))
            await exchange.text("x" * 20)
            await exchange.is_closed()
            assert (await stream).endswith(
                'event: error\ndata: {"error":"The model\'s answer is too large.",'
                '"code":"output_too_large","retryable":false,"request_id":"R"}\n\n'
            )


# -- and what is left -------------------------------------------------------------------------


async def fetch(url: str) -> bytes:
    """A response, read by as little as can be: these tests count what others leave behind."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    request = (
        f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    writer.write(request.encode())
    try:
        return await reader.read()
    finally:
        writer.close()


class Fast:
    """A provider as small as can be, which keeps nothing."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        writer.write(HEAD + text(ANSWER) + end())
        writer.write_eof()
        await reader.read()
        writer.close()

    async def __aenter__(self) -> str:
        self._listener = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}/v1"

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()


def counted() -> tuple[int, int]:
    """How many classes there are, and how many pieces of memory."""
    gc.collect()
    classes = sum(1 for thing in gc.get_objects() if issubclass(type(thing), type))
    return classes, sys.getallocatedblocks()


@pytest.mark.parametrize("number", [400, pytest.param(2000, marks=pytest.mark.chaos)])
async def test_streams_leave_no_class_and_no_memory_behind(number: int) -> None:
    async with Fast() as base_url, running(openai_base_url=base_url) as service:

        async def streams(number: int) -> None:
            limit = asyncio.Semaphore(20)

            async def one(n: int) -> None:
                async with limit:
                    answer = await fetch(f"{service.url}/ideas?topic=figs&count={n % 20 + 1}")
                    assert b"event: done" in answer

            await asyncio.gather(*map(one, range(number)))
            await eventually(lambda: not service.connections)

        await streams(500)  # till all that is kept for reuse is there
        await streams(100)
        classes, blocks = counted()
        await streams(number - 100)
        await streams(100)  # a measure ends as the other did

        def is_as_before() -> bool:
            """No more classes, and less than one piece of memory more for two streams."""
            more_classes, more_blocks = counted()
            return more_classes <= classes and more_blocks - blocks < number / 2

        await eventually(is_as_before)  # what a timer holds is free a moment later


@pytest.mark.usefixtures("no_collector")
async def test_streams_that_end_in_all_ways_leave_no_task_and_no_generator_behind() -> None:
    def open_generators() -> list[Any]:
        return [it for it in held(AsyncGeneratorType) if it.ag_frame is not None]

    async def all_ways(url: str) -> None:
        models = [m for m in MODELS if m not in SILENT]
        ended = await asyncio.gather(*(fetch(f"{url}?topic=figs&model={m}") for m in models))
        assert all(b"event: " in e or b"problem+json" in e for e in ended)
        for model in ("demo", *SILENT):
            task = asyncio.create_task(fetch(f"{url}?topic=figs&model={model}"))
            await eventually(lambda: len(service.streams) == 1 or task.done())  # noqa: B023
            task.cancel()
            await asyncio.wait({task})
        await eventually(lambda: not service.connections and not len(service.streams))
        await eventually(lambda: len(asyncio.all_tasks()) <= idle)  # the demo model's, too

    async with running(model="demo", models="", demo_tokens_per_second=0) as service:
        await fetch(f"{service.url}/ideas?topic=figs")  # sse-starlette begins a task of its own
        await eventually(lambda: not service.connections)
        idle = len(asyncio.all_tasks())
        await all_ways(service.url + "/ideas")
        gc.collect()
        tasks, before = len(asyncio.all_tasks()), open_generators()
        for _ in range(2):
            await all_ways(service.url + "/briefs")
        await eventually(lambda: len(asyncio.all_tasks()) <= tasks)
        await eventually(lambda: all(it in before for it in open_generators()))


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    "said",
    [
        text(ANSWER) + end(),
        text(ANSWER) + delta("length"),
        text(ANSWER) + event({"error": {}}),
        text("no"),
        text('{"items": [{"title": 1'),
        text(f'{{"items": [{FIGS}, {{'),
    ],
    ids=["done", "truncated", "error object", "no JSON", "invalid", "enough"],
)
async def test_the_providers_connection_is_closed_as_soon_as_the_stream_ends(said: bytes) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD, said)
        await exchange.closed.wait()

    async with upstream(script) as provider:
        settings: Any = {"openai_base_url": provider.base_url, "max_attempts": 1}
        async with running(content_gap_timeout=0.5, **settings) as service:
            await read(service.url + URL)
            await provider.exchanges[0].is_closed()
