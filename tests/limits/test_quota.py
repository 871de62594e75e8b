"""Quotas in a store that several workers share, and when it does not answer."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from app.errors import RateLimited
from app.limits.limit_store import MAX_CONNECTIONS, STORE_SECONDS
from app.limits.quota import Quota, Used
from app.limits.running import Running
from app.redis.address import addresses
from app.settings import Settings
from tests.support.between import between
from tests.support.deaf import deaf
from tests.support.redis import redis

KEY = "redis-c4n4ry"


def settings(url: str | None, **more: Any) -> Settings:
    return Settings(limits_store=SecretStr(url) if url else None, **more)


@asynccontextmanager
async def quotas(
    number: int, url: str | None, seconds: float = 30, **more: Any
) -> AsyncIterator[list[Quota]]:
    """So many workers' quotas, whose store may take its time."""
    every = [Quota(settings(url, **more), seconds) for _ in range(number)]
    try:
        yield every
    finally:
        for quota in every:
            await quota.aclose()


async def begun(quota: Quota, caller: str = "web", tokens: int = 0) -> bool:
    """Whether a stream may begin, of which so many tokens are expected."""
    try:
        await quota.check(caller)
        await quota.begin(caller, Used(tokens))
    except RateLimited:
        return False
    return True


async def spend(quota: Quota, caller: str, tokens: int) -> None:
    """A stream that uses so many tokens, and has expected one."""
    quota.settle(await quota.begin(caller, Used(1)), Used(tokens))
    await quota.aclose()


async def test_workers_with_a_store_count_together() -> None:
    async with (
        redis() as url,
        quotas(2, url, caller_streams_per_minute=5, workers=2) as (one, other),
    ):
        assert [await begun(quota) for quota in (one, other) * 3] == [True] * 5 + [False]
        assert not await begun(one)
        assert await begun(other, "cron")


async def test_workers_without_one_have_a_share_each() -> None:
    async with quotas(2, None, caller_streams_per_minute=5, workers=2) as (one, other):
        assert [await begun(quota) for quota in (one, other) * 3] == [True] * 4 + [False] * 2


async def test_tokens_are_counted_together_too_and_beyond_the_limit() -> None:
    async with redis() as url, quotas(2, url, caller_tokens_per_day=100) as (one, other):
        await spend(one, "web", 99)
        assert await begun(other)
        await spend(other, "web", 500)
        assert not await begun(one)
        with pytest.raises(RateLimited, match="tokens in a day") as caught:
            await one.check("web")
        assert 86_390 < (caught.value.retry_after or 0) <= 86_400
        assert await begun(one, "cron")


async def test_what_is_refused_is_not_counted() -> None:
    async with redis() as url:
        for place in (url, None):
            async with quotas(1, place, caller_streams_per_minute=1) as [quota]:
                assert await begun(quota)
                for _ in range(20):
                    with pytest.raises(RateLimited):
                        await quota.begin("web", Used())


async def test_what_was_counted_for_a_stream_that_did_not_begin_is_given_back() -> None:
    limits = {"caller_streams_per_minute": 1, "caller_tokens_per_day": 10}
    async with redis() as url:
        for place in (url, None):
            async with quotas(1, place, **limits) as [quota]:
                for _ in range(3):
                    quota.give_back(await quota.begin("web", Used(10)))
                    await quota.aclose()
                assert await begun(quota)
                assert not await begun(quota)


async def test_no_limit_asks_no_store() -> None:
    with deaf() as url:
        async with quotas(1, url.replace("http", "redis"), STORE_SECONDS) as [quota]:
            loop = asyncio.get_running_loop()
            began = loop.time()
            for _ in range(100):
                assert await begun(quota)
            assert loop.time() - began < 100 * STORE_SECONDS


@contextmanager
def refusing() -> Iterator[str]:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"redis://:{KEY}@127.0.0.1:{taken.getsockname()[1]}/0"


@contextmanager
def silent() -> Iterator[str]:
    with deaf() as url:
        yield url.replace("http://", f"redis://:{KEY}@").replace("/v1", "/0")


@pytest.mark.parametrize("store", [refusing, silent])
async def test_while_the_store_does_not_answer_the_counts_go_on_here(store: Any) -> None:
    with store() as url, capture_logs() as logs:
        limits = {"caller_streams_per_minute": 2, "caller_tokens_per_day": 9}
        async with quotas(1, url, STORE_SECONDS, **limits) as [quota]:
            assert [await begun(quota) for _ in range(4)] == [True, True, False, False]
            await spend(quota, "cron", 9)
            assert not await begun(quota, "cron")
    assert [log["log_level"] for log in logs] == ["warning"]
    assert KEY not in str(logs)


async def test_a_store_whose_connections_are_all_in_use_is_not_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each answer takes 20 ms, so 400 calls wait longer for a connection than for an answer.

    Tokens of a day are counted: a minute may pass on a busy machine.
    """
    monkeypatch.setattr("app.limits.limit_store.BUSY_SECONDS", 30)
    async with redis() as url, between(url) as gate:
        gate.seconds = 0.02
        async with quotas(1, gate.url, 2, caller_tokens_per_day=30) as [quota]:
            with capture_logs() as logs:
                waits = [begun(quota, tokens=1) for _ in range(MAX_CONNECTIONS * 20)]
                assert sum(await asyncio.gather(*waits)) == 30
            assert logs == []


async def test_a_process_that_is_late_does_not_take_the_store_for_down() -> None:
    async with redis() as url, quotas(1, url, 0.5, caller_streams_per_minute=1) as [quota]:
        assert await begun(quota)
        with capture_logs() as logs:
            asked = [asyncio.create_task(begun(quota)) for _ in range(10)]
            await asyncio.sleep(0)
            time.sleep(1)  # noqa: ASYNC251 - which is the fault
            assert not any(await asyncio.gather(*asked))
        assert logs == []


async def test_nor_does_it_while_it_counts_the_streams_that_run() -> None:
    """The answer comes through the same loop, so it is late, too."""
    async with redis() as url, between(url) as gate:
        running = Running(addresses(gate.url)[0], "p", lambda caller: 1, 0.1)
        assert await running.admits("web", 1)
        gate.seconds = 0.02
        with capture_logs() as logs:
            asked = asyncio.create_task(running.admits("web", 1))
            await asyncio.sleep(0.01)
            time.sleep(0.3)  # noqa: ASYNC251 - which is the fault
            assert await asked
        await running.aclose()
        assert logs == []
    with silent() as url, capture_logs() as logs:
        running = Running(addresses(url)[0], "p", lambda caller: 1, 0.05)
        assert await running.admits("web", 1) is None
        await running.aclose()
        assert [log["cause"] for log in logs] == ["TimeoutError"]


async def test_there_is_one_warning_when_the_store_goes_down_and_a_word_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.limits.limit_store.DOWN_SECONDS", 0)
    states: list[bool] = []
    async with redis() as url, between(url) as gate:
        with capture_logs() as logs:
            limits = settings(gate.url, caller_streams_per_minute=3)
            quota = Quota(limits, 30, states.append)
            assert await begun(quota)
            gate.close()
            assert sum([await begun(quota) for _ in range(5)]) == 3  # those of this process
            await asyncio.gather(*(begun(quota) for _ in range(20)))
            await gate.open()
            assert [await begun(quota) for _ in range(3)] == [True, True, False]
            gate.close()
            assert not await begun(quota)
            await quota.aclose()
    assert [(log["log_level"], log["event"]) for log in logs] == [
        ("warning", "the limits' store does not answer"),
        ("info", "the limits' store answers again"),
        ("warning", "the limits' store does not answer"),
    ]
    assert states == [True, False, True]


async def test_a_store_that_refuses_a_call_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.limits.limit_store.DOWN_SECONDS", 0)
    states: list[bool] = []
    async with redis() as url, between(url) as gate:
        quota = Quota(settings(gate.url, caller_streams_per_minute=1), 30, states.append)
        assert await begun(quota)
        gate.close()
        assert await begun(quota)  # by the count of this process
        await gate.open()
        assert not await begun(quota)
        assert not quota.is_down
        await quota.aclose()
    assert states == [True, False]
