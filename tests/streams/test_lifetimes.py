"""How long a stream is there: grace, retention, DELETE; over real sockets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.streams.test_resume import by_header
from tests.support.connection import asked, code, connected
from tests.support.resuming import (
    ALL,
    ANSWER,
    FIGS,
    NEVER,
    NUTS,
    QUERY,
    Opened,
    finished,
)
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, end, saying, text, upstream


async def test_after_the_retention_it_has_expired() -> None:
    async with (
        upstream(saying(HEAD + text(ANSWER) + end())) as provider,
        running(openai_base_url=provider.base_url, retention_seconds=0.05) as service,
    ):
        id, events = await finished(service, "delta")
        url = f"{service.url}/streams/{id}"

        async with asyncio.timeout(10):
            while (await asked(url)).status_code != 410:
                pass
        gone = (410, "stream_expired")
        for event in events:
            assert await code(f"{service.url}/ideas?{QUERY}", Last_Event_ID=event.id) == gone
            assert await code(url, Last_Event_ID=event.id) == gone
        assert await code(url, "DELETE") == (404, "stream_not_found")
        assert len(provider.exchanges) == 1


async def test_what_is_over_the_bound_goes_first_that_ended_first_and_a_running_one_never() -> None:
    async with upstream() as provider:
        settings: Any = {"openai_base_url": provider.base_url, "retained_bytes": 8000}
        async with running(**settings) as service:
            opened = Opened(provider)
            answering = asyncio.create_task(opened.answer())
            async with connected(f"{service.url}/recipes?topic=a&resumable=true") as running_one:
                exchange = await answering
                await exchange.text('{"items": [{"name": "' + "x" * 20_000)
                ids = []
                for _ in range(8):
                    answering = asyncio.create_task(opened.answer())
                    ended = asyncio.create_task(finished(service, "delta"))
                    await (await answering).send(text(ANSWER), end())
                    ids.append((await ended)[0])
                there = [(await code_or_ok(service, id)) for id in ids]
                assert there == sorted(there, reverse=True)
                assert there[0] == 410
                assert there[-1] == 200
                async with connected(f"{service.url}/streams/{running_one.stream}") as late:
                    assert (await late.next()).event == "start"


async def code_or_ok(service: Service, id: str) -> int:
    return (await asked(f"{service.url}/streams/{id}")).status_code


async def test_without_a_reader_it_goes_on_for_the_grace_period_and_then_is_cancelled() -> None:
    async with upstream() as provider:
        settings: Any = {"openai_base_url": provider.base_url, "resume_grace_seconds": 0.2}
        async with running(**settings) as service:
            opened = Opened(provider)
            answering = asyncio.create_task(opened.answer())
            async with connected(f"{service.url}/ideas?{QUERY}&view=delta") as first:
                exchange = await answering
                await exchange.text('{"items": [')
                await first.next()
            await exchange.is_closed(10)
            async with connected(f"{service.url}/streams/{first.stream}") as late:
                assert (await late.rest())[-1].data["code"] == "cancelled"


async def test_while_nobody_reads_it_goes_on_and_a_reader_who_comes_back_has_all_of_it() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        async with connected(f"{service.url}/ideas?{QUERY}&view=delta") as first:
            exchange = await answering
            await first.next()
            await exchange.text('{"items": [')
            last = await first.next()
        await eventually(lambda: not service.connections)
        await exchange.text(f"{json.dumps(FIGS)}, {json.dumps(NUTS)}")
        async with by_header(service, "delta", last.id) as back:
            await back.next()
            patch = await back.next()
            assert [operation["op"] for operation in patch.data] == ["add", "add"]
            await exchange.text("]}")
            await exchange.finish()
            assert (await back.rest())[-1].data == [FIGS, NUTS]


async def test_what_ends_while_nobody_reads_is_kept() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        async with connected(f"{service.url}/ideas?{QUERY}&view=items") as first:
            exchange = await answering
            start = await first.next()
        await exchange.send(text(ANSWER), end())
        await eventually(lambda: not len(service.streams))
        async with by_header(service, "items", start.id) as back:
            events = await back.rest()
            assert [event.data for event in events if event.event == "item"] == ALL
            assert events[-1].data == ALL


# -- DELETE -----------------------------------------------------------------------------------


CANCELS = [
    ("DELETE", "", {}),
    ("POST", "/cancel", {}),
    ("POST", "/cancel", {"json": "left", "Content_Type": "text/plain;charset=UTF-8"}),
]
"""The ways to cancel a stream. The last one is what `navigator.sendBeacon` may send."""


@pytest.mark.parametrize("resumable", ["true", "false"])
@pytest.mark.parametrize(("method", "path", "options"), CANCELS)
async def test_a_stream_that_is_cancelled_ends_and_is_forgotten(
    resumable: str, method: str, path: str, options: dict[str, str]
) -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        query = f"topic=figs&interval_ms=0&resumable={resumable}"
        async with connected(f"{service.url}/ideas?{query}") as first:
            exchange = await answering
            url = f"{service.url}/streams/{first.stream}"
            async with connected(f"{url}?view=delta") as second:
                gone = await asked(url + path, method, **options)
                assert (gone.status_code, gone.content) == (204, b"")
                await exchange.is_closed()
                for reader in (first, second):
                    last = (await reader.rest())[-1]
                    assert last.event == "error"
                    assert last.data["code"] == "cancelled"
        for method in ("GET", "DELETE"):
            assert await code(url, method) == (404, "stream_not_found")
        assert await code(url, Last_Event_ID=last.id) == (404, "stream_not_found")


async def test_delete_forgets_a_stream_that_has_ended() -> None:
    async with (
        upstream(saying(HEAD + text(ANSWER) + end())) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        id, _ = await finished(service, "delta")
        url = f"{service.url}/streams/{id}"
        assert await code(f"{url}/cancel", "POST") == (204, "")
        assert await code(url) == (404, "stream_not_found")
        assert await code(f"{url}/cancel", "POST") == (404, "stream_not_found")
        assert await code(url, "DELETE") == (404, "stream_not_found")
        assert await code(f"{service.url}/streams/{NEVER}", "DELETE") == (404, "stream_not_found")


# -- not resumable ----------------------------------------------------------------------------


async def test_to_a_stream_that_is_not_resumable_one_may_attach_while_it_runs() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        async with connected(f"{service.url}/ideas?topic=figs&count=3&interval_ms=0") as first:
            exchange = await answering
            await exchange.text('{"items": [')
            url = f"{service.url}/streams/{first.stream}"
            async with connected(url) as second:
                await first.response.aclose()  # one reader is left
                await exchange.text(f"{json.dumps(FIGS)}]}}")
                await exchange.finish()
                assert (await second.rest())[-1][:2] == ("done", [FIGS])
        await eventually(lambda: not len(service.streams))
        assert await code(url) == (410, "stream_expired")


async def test_when_the_last_reader_goes_it_is_cancelled_and_is_not_begun_again() -> None:
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        opened = Opened(provider)
        answering = asyncio.create_task(opened.answer())
        url = f"{service.url}/ideas?topic=figs&interval_ms=0&view=delta"
        async with connected(url) as first:
            exchange = await answering
            start = await first.next()
            async with connected(f"{service.url}/streams/{first.stream}"):
                pass
            assert not exchange.closed.is_set()
        await exchange.is_closed()
        await eventually(lambda: not len(service.streams))
        assert await code(url, Last_Event_ID=start.id) == (410, "stream_expired")
        assert len(provider.exchanges) == 1


async def test_after_the_end_the_last_event_of_one_that_is_not_kept_has_expired() -> None:
    async with (
        upstream(saying(HEAD + text(ANSWER) + end())) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        url = f"{service.url}/ideas?topic=figs&count=3&view=delta"
        async with connected(url) as stream:
            events = await stream.rest()
        await eventually(lambda: not len(service.streams))
        assert await code(url, Last_Event_ID=events[-1].id) == (410, "stream_expired")
        assert len(provider.exchanges) == 1


# -- what is told of it -----------------------------------------------------------------------


@pytest.mark.parametrize("resumable", ["true", "false"])
async def test_a_stream_is_logged_and_counted_once_however_many_read_it(resumable: str) -> None:
    with capture_logs() as logs:
        async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
            opened = Opened(provider)
            answering = asyncio.create_task(opened.answer())
            query = f"topic=figs&count=3&interval_ms=0&resumable={resumable}"
            async with connected(f"{service.url}/ideas?{query}") as first:
                exchange = await answering
                url = f"{service.url}/streams/{first.stream}"
                async with connected(url) as second, connected(url) as third:
                    await exchange.send(text(ANSWER), end())
                    for reader in (first, second, third):
                        await reader.rest()
            if resumable == "true":
                for _ in range(2):
                    async with connected(url) as late:
                        await late.rest()
            metrics = (await asked(f"{service.url}/metrics")).text
        assert [log["event"] for log in logs if log.get("id") == first.stream] == [
            "stream started",
            "stream ended",
        ]
        assert 'streams_started_total{schema="ideas"} 1.0' in metrics
        assert 'streams_ended_total{code="done",schema="ideas"} 1.0' in metrics
        assert "streams_active 0.0" in metrics
