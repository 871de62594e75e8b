"""SIGTERM and SIGINT, to the service as a process of its own."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from app.http.server.server import SECOND_SIGNAL_SECONDS, Server
from tests.support import clock
from tests.support.bare import Client
from tests.support.client import Reader, reading, refused
from tests.support.process import HOUR, SECONDS, Process, process
from tests.support.upstream import HEAD, Exchange, Upstream, text, upstream

IDEAS = "/ideas?topic=figs&count=1&interval_ms=0"
FIGS = '{"title":"Figs","blurb":"Sweet."}'
DRAINING = (
    'event: error\ndata: {"error":"The service is stopping; try again in a moment.",'
    '"code":"draining","retryable":true,"request_id":"R","retry_after":1}\n\n'
)
LIMITS = ("OPEN_TIMEOUT", "FIRST_CONTENT_TIMEOUT", "CONTENT_GAP_TIMEOUT", "TOTAL_TIMEOUT")
PATIENT = dict.fromkeys([*LIMITS, "SEND_TIMEOUT"], HOUR)
"""Every other deadline is far off: what ends is ended by the signal."""


@asynccontextmanager
async def a_stream(
    **environment: str,
) -> AsyncIterator[tuple[Process, Reader, Exchange, Upstream]]:
    """A service with one stream in the middle of its answer."""
    async with (
        upstream() as provider,
        process(OPENAI_BASE_URL=provider.base_url, MODEL="m", **environment) as service,
    ):

        async def open_() -> Exchange:
            exchange = await provider.next()
            await exchange.send(HEAD)
            await exchange.text('{"items": [{"title": "Figs", "blurb": "')
            return exchange

        opening = asyncio.create_task(open_())
        async with reading(service.url + IDEAS) as reader:
            assert await reader.next() == 'data: [{"title":"Figs","blurb":""}]'
            yield service, reader, await opening, provider


async def drains(service: Process) -> Any:
    """Wait until the service answers that it drains."""
    async with asyncio.timeout(SECONDS):
        url = service.url + "/readyz"
        while (answer := await refused(url)).status_code != 503:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return answer


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_running_streams_finish_while_new_ones_are_refused(number: int) -> None:
    async with a_stream(DRAIN_SECONDS=HOUR) as (service, reader, exchange, provider):
        assert (await refused(service.url + "/readyz")).status_code == 200
        service.signal(number)
        answer = await drains(service)
        assert answer.headers["Retry-After"] == "1"
        assert answer.json()["code"] == "draining"
        for accept in ("*/*", "application/json"):
            answer = await refused(service.url + IDEAS, Accept=accept)
            assert (answer.status_code, answer.json()["code"]) == (503, "draining")
            assert answer.headers["Retry-After"] == "1"
        assert (await refused(service.url + "/healthz")).status_code == 200
        assert len(provider.exchanges) == 1

        await exchange.text('Sweet."}]}')
        await exchange.finish()
        assert (await reader.rest()).endswith(f"event: done\ndata: [{FIGS}]\n\n")
        assert await service.exit_code() == 0


async def test_streams_that_do_not_finish_in_time_end_in_draining_and_the_process_in_0() -> None:
    async with a_stream(DRAIN_SECONDS="1", **PATIENT) as (service, reader, exchange, _):
        loop = asyncio.get_running_loop()
        begun = loop.time()
        service.signal()
        assert await reader.rest() == DRAINING
        assert loop.time() - begun >= 1
        await exchange.is_closed()
        assert await service.exit_code() == 0


async def test_a_reader_that_does_not_read_does_not_hold_up_the_end() -> None:
    async with (
        upstream() as provider,
        process(
            OPENAI_BASE_URL=provider.base_url, MODEL="m", DRAIN_SECONDS="0", **PATIENT
        ) as service,
    ):
        client = Client(service.url + "/recipes?topic=figs&interval_ms=0")
        exchange = await provider.next()
        await exchange.send(HEAD, text('{"items": [{"name": "'))
        await client.until(b'"name"')
        for _ in range(100):  # 400 KB, a message of the whole each
            await exchange.text("x" * 4096)
        service.signal()
        assert await service.exit_code() == 0
        client.leave()


async def test_a_request_that_waits_for_the_provider_is_refused_when_time_is_up() -> None:
    async with (
        upstream() as provider,
        process(
            OPENAI_BASE_URL=provider.base_url, MODEL="m", DRAIN_SECONDS="0.2", **PATIENT
        ) as service,
    ):
        for accept in ("*/*", "application/json"):
            asking = asyncio.create_task(refused(service.url + IDEAS, Accept=accept))
            await provider.next()
            if accept == "*/*":
                first = asking
        service.signal()
        for answer in (await first, await asking):
            assert (answer.status_code, answer.json()["code"]) == (503, "draining")
        assert await service.exit_code() == 0


async def test_a_second_signal_a_second_later_ends_it_at_once() -> None:
    async with a_stream(DRAIN_SECONDS=HOUR, **PATIENT) as (service, reader, exchange, _):
        service.signal()
        await drains(service)
        await asyncio.sleep(SECOND_SIGNAL_SECONDS + 0.1)  # sooner it would be the same signal
        service.signal()
        assert await reader.rest() == DRAINING
        assert await service.exit_code() == 0
        await exchange.is_closed()
        assert not [line for line in service.lines if '"error"' in line]


async def test_two_signals_in_a_row_are_one() -> None:
    async with a_stream(DRAIN_SECONDS=HOUR) as (service, reader, exchange, _):
        service.signal(signal.SIGSTOP)  # both are there when it goes on, however slow that is
        service.signal(signal.SIGINT)
        service.signal(signal.SIGTERM)
        service.signal(signal.SIGCONT)
        await drains(service)
        await exchange.text('Sweet."}]}')
        await exchange.finish()
        assert (await reader.rest()).endswith(f"event: done\ndata: [{FIGS}]\n\n")
        assert await service.exit_code() == 0


class Drains:
    """Streams that take all the time that they are given. seconds: what each drain gave them."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def drain(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(seconds)


def test_what_follows_within_a_second_is_the_same_signal_and_what_comes_later_another() -> None:
    """In a time of the test's own, where a second does not pass by itself."""

    async def signalled() -> None:
        streams: Any = Drains()
        server = Server(uvicorn.Config("none", log_config=None), streams.drain, 60, print, print)
        with server.capture_signals():
            for wait, drains in ((0, [60]), (0.5, [60]), (0.4, [60]), (0.2, [60, 0])):
                await asyncio.sleep(wait)
                signal.raise_signal(signal.SIGTERM)
                await asyncio.sleep(0.001)
                assert streams.seconds == drains
            assert server.should_exit

    clock.run(signalled())


async def test_without_a_stream_it_ends_at_once_and_says_nothing_of_it() -> None:
    async with process(DRAIN_SECONDS=HOUR) as service:
        assert (await refused(service.url + "/healthz")).status_code == 200
        service.signal()
        assert await service.exit_code() == 0
        assert len(service.lines) == 1, service.lines
