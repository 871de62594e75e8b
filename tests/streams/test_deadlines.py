"""The window in which an error has a status, and the four deadlines.

Each deadline that a test is about is short; the others are long, so that they can't be meant.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.schemas.registry import load
from tests.support.client import read, reading, refused
from tests.support.deaf import deaf
from tests.support.schema_files import schema, write
from tests.support.service import running
from tests.support.stream import streaming
from tests.support.upstream import HEAD, Exchange, delta, end, event, saying, text, upstream

IDEAS = "/ideas?topic=figs&count=1&interval_ms=0"
FIGS = '{"title":"Figs","blurb":"Sweet."}'
ANSWER = f'{{"items": [{FIGS}]}}'
TIMEOUT = (
    'event: error\ndata: {"error":"The model\'s provider took too long.",'
    '"code":"provider_timeout","retryable":true,"request_id":"R"}\n\n'
)

SHORT = 0.3
LONG: Any = {"first_content_timeout": 60, "content_gap_timeout": 60, "total_timeout": 60}


@contextlib.asynccontextmanager
async def dripping(exchange: Exchange, *data: bytes) -> AsyncIterator[None]:
    """Sends this again and again, much more often than any deadline here."""

    async def drip() -> None:
        with contextlib.suppress(OSError):
            while not exchange.closed.is_set():
                await exchange.send(*data)
                await asyncio.sleep(SHORT / 10)

    task = asyncio.create_task(drip())
    yield
    task.cancel()


# -- the window -------------------------------------------------------------------------------


async def test_a_provider_that_does_not_answer_in_the_window_commits_the_200() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, open_timeout=SHORT) as service,
    ):
        asked = asyncio.create_task(provider.next())
        async with reading(service.url + IDEAS) as reader:  # `start` is there
            exchange = await asked
            await exchange.send(HEAD, text(ANSWER), end())
            assert await reader.rest() == (f"data: [{FIGS}]\n\nevent: done\ndata: [{FIGS}]\n\n")


async def test_an_answer_commits_the_200_before_any_content() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        streaming(service, provider, IDEAS) as (reader, exchange),
    ):
        await exchange.text(ANSWER)
        await exchange.finish()
        assert (await reader.rest()).endswith(f"event: done\ndata: [{FIGS}]\n\n")


async def test_json_does_not_commit_at_the_windows_end() -> None:
    async with (
        upstream() as provider,
        running(
            openai_base_url=provider.base_url, open_timeout=0.1, first_content_timeout=SHORT
        ) as service,
    ):
        answer = await refused(service.url + IDEAS, Accept="application/json")
        assert (answer.status_code, answer.json()["code"]) == (504, "provider_timeout")


# -- connect ----------------------------------------------------------------------------------


async def test_a_connection_that_is_not_taken_is_a_504_within_the_window() -> None:
    with deaf() as base_url:
        async with running(openai_base_url=base_url, connect_timeout=SHORT, **LONG) as service:
            answer = await refused(service.url + IDEAS)
            assert (answer.status_code, answer.json()["code"]) == (504, "provider_timeout")


async def test_a_connection_that_is_not_taken_after_the_window_is_an_error_event() -> None:
    with deaf() as base_url:
        async with running(
            openai_base_url=base_url, open_timeout=0.1, connect_timeout=1, **LONG
        ) as service:
            assert await read(service.url + IDEAS) == TIMEOUT


# -- first content ----------------------------------------------------------------------------

Act = Callable[[Exchange], Awaitable[None]]


async def first_content(*drip: bytes, head: bytes = HEAD) -> None:
    async with (
        upstream() as provider,
        running(
            openai_base_url=provider.base_url, **{**LONG, "first_content_timeout": SHORT}
        ) as service,
    ):
        stream = asyncio.create_task(read(service.url + IDEAS))
        exchange = await provider.next()
        await exchange.send(head)
        async with dripping(exchange, *drip) if drip else contextlib.nullcontext():
            assert await stream == TIMEOUT
            await exchange.is_closed()


async def test_a_provider_that_sends_headers_and_nothing_else_is_timed_out() -> None:
    await first_content()


@pytest.mark.parametrize(
    "drip",
    [
        b": ping\n\n",
        b"\n",
        event({"choices": []}),
        delta(role="assistant", content=""),
        text(" \n"),
        b": endless",
    ],
    ids=["comments", "blank lines", "no choices", "a role", "blanks", "an endless line"],
)
async def test_what_is_no_content_does_not_put_off_the_deadline_of_the_first(drip: bytes) -> None:
    await first_content(drip)


async def test_the_first_content_of_another_attempt_has_its_own_deadline() -> None:
    async with (
        upstream() as provider,
        running(
            openai_base_url=provider.base_url, **{**LONG, "first_content_timeout": 2}
        ) as service,
        streaming(service, provider, IDEAS) as (reader, exchange),
    ):
        await exchange.text('{"items": {}}')
        await exchange.is_closed()
        second = await provider.next()
        await reader.until("event: restart")
        assert await reader.rest() == TIMEOUT  # and not before
        await second.is_closed()


async def test_reasoning_puts_off_the_deadline_of_the_first() -> None:
    async with (
        upstream() as provider,
        running(
            openai_base_url=provider.base_url, **{**LONG, "first_content_timeout": 1}
        ) as service,
        streaming(service, provider, IDEAS) as (reader, exchange),
    ):
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with dripping(exchange, delta(reasoning_content="hm")):
            while loop.time() < begun + 1.5:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await exchange.text(ANSWER)
        await exchange.finish()
        assert (await reader.rest()).endswith(f"event: done\ndata: [{FIGS}]\n\n")


# -- the gap ----------------------------------------------------------------------------------


async def gap(*drip: bytes, **settings: Any) -> None:
    async with (
        upstream() as provider,
        running(
            openai_base_url=provider.base_url,
            **{**LONG, "content_gap_timeout": SHORT, **settings},
        ) as service,
        streaming(service, provider, IDEAS) as (reader, exchange),
    ):
        await exchange.text('{"items": [{"title": "Fi')
        assert await reader.next() == 'data: [{"title":"Fi","blurb":null}]'
        async with dripping(exchange, *drip) if drip else contextlib.nullcontext():
            assert await asyncio.wait_for(reader.rest(), 5) == TIMEOUT
            await exchange.is_closed()


async def test_silence_after_some_content_is_timed_out() -> None:
    await gap()


async def test_the_gap_counts_from_the_first_content_however_early_it_came() -> None:
    await gap(first_content_timeout=3600, total_timeout=3600)


@pytest.mark.parametrize(
    "drip", [b": ping\n\n", event({"choices": []}), delta(role="assistant", content="")]
)
async def test_what_is_no_content_does_not_fill_the_gap(drip: bytes) -> None:
    await gap(drip)


async def test_blanks_do_not_fill_the_gap() -> None:
    async with (
        upstream() as provider,
        running(
            openai_base_url=provider.base_url, **{**LONG, "content_gap_timeout": SHORT}
        ) as service,
        streaming(service, provider, IDEAS) as (reader, exchange),
    ):
        await exchange.text('{"items": [')
        assert await reader.next() == "data: []"
        async with dripping(exchange, text(" \n\t")):
            assert await reader.rest() == TIMEOUT
            await exchange.is_closed()


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
async def test_reasoning_fills_the_gap(name: str) -> None:
    loop = asyncio.get_running_loop()
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, **{**LONG, "content_gap_timeout": 1}) as service,
        streaming(service, provider, IDEAS) as (reader, exchange),
    ):
        await exchange.text('{"items": [')
        begun = loop.time()
        async with dripping(exchange, delta(**{name: "hm"})):
            while loop.time() < begun + 1.5:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await exchange.text(ANSWER[11:])
        await exchange.finish()
        assert (await reader.rest()).endswith(f"event: done\ndata: [{FIGS}]\n\n")


async def test_content_that_comes_in_time_puts_off_the_deadline_again_and_again() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, **{**LONG, "content_gap_timeout": 1}) as service,
        streaming(service, provider, IDEAS) as (reader, exchange),
    ):
        for piece in ('{"items": [', '{"title": "', "F", "igs", '", "blurb": "Swe', 'et."}'):
            await exchange.text(piece)
            await asyncio.sleep(0.3)
        await exchange.send(text("]}") + end())
        assert (await reader.rest()).endswith(f"event: done\ndata: [{FIGS}]\n\n")


async def test_a_whole_value_is_done_while_the_provider_goes_on_with_blanks() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, **LONG) as service,
        streaming(service, provider, IDEAS) as (reader, exchange),
    ):
        await exchange.text(ANSWER)
        async with dripping(exchange, text("\n")):
            assert (await reader.rest()).endswith(f"event: done\ndata: [{FIGS}]\n\n")
            await exchange.is_closed()


# -- the whole --------------------------------------------------------------------------------


async def test_a_model_that_writes_for_ever_is_timed_out() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, **{**LONG, "total_timeout": 1}) as service,
        streaming(service, provider, "/recipes?topic=figs") as (reader, exchange),
    ):
        await exchange.text('{"items": [{"name": "')
        async with dripping(exchange, text("x")):
            assert (await reader.rest()).endswith(TIMEOUT)
            await exchange.is_closed()


async def test_the_whole_counts_all_attempts() -> None:
    async with (
        upstream() as provider,
        running(
            openai_base_url=provider.base_url, max_attempts=10, **{**LONG, "total_timeout": 3}
        ) as service,
        streaming(service, provider, IDEAS) as (reader, exchange),
    ):
        for _ in range(3):
            await exchange.text('{"items": {}}')
            await exchange.is_closed()
            exchange = await provider.next()
            await exchange.send(HEAD)
        assert (await reader.rest()).endswith(TIMEOUT)
        await exchange.is_closed()


async def test_the_whole_counts_what_it_takes_to_open() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, **{**LONG, "total_timeout": SHORT}) as service,
    ):
        answer = await refused(service.url + IDEAS)
        assert (answer.status_code, answer.json()["code"]) == (504, "provider_timeout")
        await provider.exchanges[0].is_closed()


# -- a schema's own ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["first_content", "gap", "total"])
async def test_a_schema_may_have_deadlines_of_its_own(tmp_path: Path, name: str) -> None:
    source = "from app.schema import Deadlines\n" + schema(
        more=f"deadlines=Deadlines({name}={SHORT}), max_tokens=77"
    )
    write(tmp_path, "words.py", source)
    said = HEAD if name == "first_content" else HEAD + text('{"items": [')

    async def script(exchange: Exchange) -> None:
        await exchange.send(said)
        await exchange.closed.wait()

    async with (
        upstream(script) as provider,
        running(registry=load(tmp_path), openai_base_url=provider.base_url, **LONG) as service,
    ):
        stream = await read(f"{service.url}/words?topic=figs&count=1")
        assert stream.endswith(TIMEOUT)
        assert provider.exchanges[0].body["max_tokens"] == 77


async def test_a_stream_in_time_has_none_of_this() -> None:
    async with (
        upstream(saying(HEAD + text(ANSWER) + end())) as provider,
        running(openai_base_url=provider.base_url, **LONG) as service,
    ):
        assert (await read(service.url + IDEAS)).endswith(f"event: done\ndata: [{FIGS}]\n\n")


SLOW = """
import time

def slow(word: str) -> str:
    time.sleep(0.03)
    return word

class Slow(BaseModel):
    text: Annotated[str, AfterValidator(slow)]
"""


async def test_the_provider_is_not_late_while_what_it_has_sent_is_decoded(tmp_path: Path) -> None:
    """One large piece takes twice the gap, with turns of the event loop in between."""
    write(tmp_path, "words.py", SLOW + schema("list[Slow]"))
    words = ",".join(f'{{"text": "{"x" * 1100}"}}' for _ in range(20))
    async with (
        upstream() as provider,
        running(
            registry=load(tmp_path),
            openai_base_url=provider.base_url,
            **{**LONG, "content_gap_timeout": SHORT},
        ) as service,
        streaming(service, provider, "/words?topic=figs&count=20") as (reader, exchange),
    ):
        await exchange.text('{"items": [')
        assert await reader.next() == "data: []"
        await exchange.send(text(f"{words}]}}"), end())
        assert "event: done" in await reader.rest()
