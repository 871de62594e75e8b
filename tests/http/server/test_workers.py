"""`WORKERS`: several processes behind one port."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import jsonschema
import psutil
import pytest

from app.http.server.server import SECOND_SIGNAL_SECONDS
from app.http.server.workers import how_ended
from tests.support.callers import WEB, WEB_PAIR, bearer
from tests.support.http_client import http_client
from tests.support.process import HOUR, ROOT, SECONDS, Process, ended, process
from tests.support.redis import redis
from tests.support.service import eventually

LOG = json.loads((ROOT / "docs" / "log.schema.json").read_text(encoding="utf-8"))
SETTINGS = {
    "WORKERS": "2",
    "LOG_FORMAT": "console",
    "DEMO_TOKENS_PER_SECOND": "0",
    "DRAIN_SECONDS": HOUR,
}


def workers(service: Process) -> set[int]:
    """The processes that serve (beside them is multiprocessing's own resource tracker)."""
    children = psutil.Process(service.pid).children()
    alive = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
    return {child.pid for child in alive if "spawn_main" in " ".join(child.cmdline())}


@asynccontextmanager
async def client(service: Process) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(base_url=service.url, timeout=60) as client:
        yield client


async def answer(client: httpx.AsyncClient) -> str:
    return (await client.get("/ideas?topic=figs&count=1")).text


async def test_what_has_to_find_a_stream_again_is_refused_and_the_start_says_so() -> None:
    async with process(**SETTINGS) as service, client(service) as called:
        assert "in 2 processes" in service.lines[0]
        assert "resumable, Idempotency-Key and /streams/… are refused" in service.lines[0]
        body = {"topic": "figs"}
        for refused in (
            await called.get("/ideas?topic=figs&resumable=true"),
            await called.post("/ideas", json=body, headers={"Idempotency-Key": "k"}),
            await called.get("/ideas?topic=figs", headers={"Last-Event-ID": "a-1"}),
            await called.get("/streams/a"),
            await called.delete("/streams/a"),
        ):
            assert refused.status_code == 422
            assert refused.json()["code"] == "invalid_request"
            assert "several processes" in refused.json()["detail"]
        assert "event: done\n" in await answer(called)
        started_by_body = await called.post("/streams", json={"schema": "ideas", "topic": "figs"})
        assert "event: done\n" in started_by_body.text


async def test_with_a_store_any_of_them_serves_any_stream() -> None:
    async with redis() as store, process(**SETTINGS, STREAMS_STORE=store) as service:
        assert "in 2 processes" in service.lines[-1]
        assert "are refused" not in service.lines[-1]
        async with client(service) as called:
            first = await called.get("/ideas?topic=figs&count=1&resumable=true")
        served: set[str] = set()
        while len(served) < 2:
            async with client(service) as called:  # a new connection may reach another one
                again = await called.get(first.headers["location"])
            assert again.text[-200:] == first.text[-200:]
            served.add(again.headers["x-served-by"])


async def test_a_worker_that_dies_is_replaced_and_the_service_goes_on_meanwhile(
    tmp_path: Path,
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(WEB_PAIR)
    keyed = {"API_KEYS_FILE": str(keys), "TICKET_SECRET": "x" * 32}
    async with process(**{**SETTINGS, "LOG_FORMAT": "json", **keyed}) as service:
        first, second = workers(service)
        os.kill(first, signal.SIGKILL)
        async with client(service) as called:
            called.headers.update(bearer(WEB))
            assert "event: done\n" in await answer(called)
        told = json.loads(await service.line("a worker has died, and another one starts"))
        assert (told["level"], told["worker"]) == ("warning", first)
        assert told["cause"] == "signal 9: Killed"
        jsonschema.validate(told, LOG)
        await eventually(lambda: len(workers(service) - {first}) == 2, SECONDS)
        assert second in workers(service)
        (third,) = workers(service) - {second}
        os.kill(third, signal.SIGHUP)  # while it starts
        assert json.loads(await service.line("keys reread"))["callers"] == 1  # once it has started
        assert workers(service) == {second, third}
        service.signal()
        assert await service.exit_code() == 0
        assert not psutil.pid_exists(second)


@pytest.mark.parametrize(
    ("code", "was_hung", "cause"),
    [
        (-9, True, "did not answer"),
        (-9, False, "signal 9: Killed"),
        (-11, False, "signal 11: Segmentation fault"),
        (1, False, "exit code 1"),
    ],
)
def test_the_log_says_how_a_worker_has_ended(code: int, was_hung: bool, cause: str) -> None:
    assert how_ended(code, was_hung=was_hung) == cause


async def test_a_signal_drains_all_and_a_second_one_ends_them() -> None:
    async with process(**SETTINGS) as service, client(service) as called:
        async with called.stream("GET", "/ideas?topic=figs&model=demo-stall") as stalled:
            lines = stalled.aiter_lines()
            await anext(lines)
            service.signal()
            await asyncio.sleep(SECOND_SIGNAL_SECONDS + 0.5)  # sooner it is the same signal
            assert service.is_running
            service.signal()
            rest = [line async for line in lines]
        assert "event: error" in rest
        assert any('"code":"draining"' in line for line in rest)
        assert await service.exit_code() == 0


async def test_a_port_in_use_stops_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stopped = await ended(**SETTINGS, PORT=str(listener.getsockname()[1]))
    assert stopped.code not in (0, None)
    assert "address already in use" in stopped.said.lower()
    assert "Traceback" not in stopped.said
