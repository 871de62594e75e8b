"""The streams that a caller has at once in all processes, when the store misses something."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from structlog.testing import capture_logs

from app.limits.admission import Admission
from app.limits.running import Running
from app.redis.address import addresses
from app.settings import Settings
from app.store import keys
from app.telemetry.metrics import Telemetry
from tests.support.between import Between, between
from tests.support.redis import SECONDS, redis
from tests.support.service import eventually

PATIENT = 30.0
"""Seconds in which any answer comes, however busy the machine is."""


@asynccontextmanager
async def store() -> AsyncIterator[tuple[str, Between, Redis]]:
    """A store's URL, a gate before it, and a client of it. The process `p` has a lease there."""
    async with redis() as url, between(url) as gate, Redis.from_url(url) as client:
        await client.set(keys.lease("p"), 1)
        yield url, gate, client


@asynccontextmanager
async def counting(url: str, process: str, streams: Counter[str]) -> AsyncIterator[Running]:
    running = Running(addresses(url)[0], process, streams.__getitem__, PATIENT)
    try:
        yield running
    finally:
        await running.aclose()


async def is_counted(client: Redis, process: str, count: int) -> None:
    """Wait until the store has this count of the caller `web`."""
    async with asyncio.timeout(SECONDS):
        while int(await client.hget(keys.caller("web"), process) or 0) != count:  # type: ignore[misc]  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_an_end_that_the_store_has_missed_is_told_when_it_answers_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.limits.running.DOWN_SECONDS", 0.01)
    mine = Counter(web=1)
    async with store() as (url, gate, client), counting(gate.url, "p", mine) as running:
        assert await running.admits("web", 1)
        async with counting(url, "q", Counter(web=1)) as other:
            assert await other.admits("web", 1) is False
            with capture_logs() as lines:
                gate.close()
                del mine["web"]
                running.changed("web")
                await eventually(lambda: bool(lines))
                await gate.open()
                await is_counted(client, "p", 0)
            assert [line["event"] for line in lines] == [
                "the store does not count callers' streams",
                "the store counts callers' streams again",
            ]
            assert await other.admits("web", 1)


async def test_a_begin_that_the_store_has_missed_is_told_when_it_answers_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.limits.running.DOWN_SECONDS", 0.01)
    async with store() as (_, gate, client), counting(gate.url, "p", Counter(web=1)) as running:
        gate.close()
        assert await running.admits("web", 1) is None
        await gate.open()
        await is_counted(client, "p", 1)
        assert await client.pttl(keys.caller("web")) > 0


async def test_a_call_waits_for_its_turn_at_the_store_for_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.limits.running.BUSY_SECONDS", 0.01)
    async with store() as (url, _, client), counting(url, "p", Counter(web=1)) as running:
        async with asyncio.timeout(SECONDS), running._lock:  # another call's turn does not end
            assert await running.admits("web", 1) is None
        await is_counted(client, "p", 1)


async def test_a_stream_that_was_taken_over_is_counted() -> None:
    async with store() as (url, _, client):
        told = Settings(streams_store=SecretStr(url), caller_streams=1)
        admission = Admission(told, Telemetry(), "p")
        assert admission.take_over("web")
        await is_counted(client, "p", 1)
        await admission.aclose()


async def test_closing_does_not_wait_for_a_store_that_is_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.limits.running.DOWN_SECONDS", 3600)
    async with asyncio.timeout(SECONDS):
        async with store() as (_, gate, _), counting(gate.url, "p", Counter()) as running:
            gate.close()
            with capture_logs() as lines:
                running.changed("web")
                await eventually(lambda: bool(lines))
