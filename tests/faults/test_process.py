"""What befalls the process: signals with many streams, no more files, no more disk."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import NamedTuple

import httpx
import psutil
import pytest

from app.http.server.server import SECOND_SIGNAL_SECONDS
from tests.support.client import read, refused
from tests.support.process import HOUR, ROOT, SECONDS, Process, environment, process
from tests.support.service import eventually
from tests.support.sockets import free_port, listens
from tests.support.upstream import HEAD, Exchange, Upstream, end, text, upstream

IDEAS = "/ideas?topic=figs&count=1&interval_ms=0"
FIRST, REST = '{"items": [{"title": "Figs", "blurb": "', 'Sweet."}]}'
DONE = 'event: done\ndata: [{"title":"Figs","blurb":"Sweet."}]\n\n'


# -- signals ----------------------------------------------------------------------------------


class Many(NamedTuple):
    """A service with many streams, each in the middle of its answer."""

    service: Process
    provider: Upstream
    streams: list[asyncio.Task[bytes]]


@asynccontextmanager
async def many(number: int, **environment: str) -> AsyncIterator[Many]:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD, text(FIRST))
        await exchange.closed.wait()

    async with (
        upstream(script) as provider,
        process(OPENAI_BASE_URL=provider.base_url, MODEL="m", **environment) as service,
    ):
        streams = [asyncio.create_task(stream(service.url)) for _ in range(number)]
        for _ in streams:
            await provider.next()
        yield Many(service, provider, streams)


async def stream(url: str) -> bytes:
    """All of a stream, whatever its end."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {IDEAS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    got = b""
    try:
        while more := await reader.read(65536):
            got += more
    except OSError:
        pass
    writer.close()
    return got


def outcome(stream: bytes) -> str:
    """How it has ended: in `done`, in a code, or cut off."""
    ends = re.findall(r'event: (done|error)\n(?:data: .*"code":"(\w+)")?', stream.decode())
    assert len(ends) <= 1
    return ends[0][1] or ends[0][0] if ends else "cut off"


@pytest.mark.parametrize("number", [20, pytest.param(200, marks=pytest.mark.chaos)])
async def test_of_many_streams_each_has_its_end_when_the_service_is_told_twice_to_stop(
    number: int,
) -> None:
    half = number // 2
    async with many(number, DRAIN_SECONDS=HOUR) as (service, provider, streams):
        service.signal(signal.SIGTERM)
        async with asyncio.timeout(SECONDS):
            while (await refused(service.url + "/readyz")).status_code != 503:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        for exchange in provider.exchanges[:half]:
            await exchange.send(text(REST), end())
        await eventually(lambda: sum(task.done() for task in streams) == half)
        await asyncio.sleep(SECOND_SIGNAL_SECONDS + 0.1)  # sooner it would be the same signal
        service.signal(signal.SIGTERM)
        ended = map(outcome, await asyncio.gather(*streams))
        assert sorted(ended) == ["done"] * half + ["draining"] * half
        assert await service.exit_code() == 0
        for exchange in provider.exchanges:
            await exchange.is_closed()


async def test_a_killed_service_ends_no_stream_falsely_and_leaves_no_answer_open() -> None:
    async with many(20) as (service, provider, streams):
        service.signal(signal.SIGKILL)
        assert set(map(outcome, await asyncio.gather(*streams))) == {"cut off"}
        for exchange in provider.exchanges:
            await exchange.is_closed()
        assert await service.exit_code() == -signal.SIGKILL


# -- files ------------------------------------------------------------------------------------


def files(pid: int) -> set[int]:
    return {int(name) for name in os.listdir(f"/proc/{pid}/fd")}


@contextmanager
def few_files(pid: int, *, more: int) -> Iterator[None]:
    """The process may open so many more files, and no others."""
    open_ = files(pid)
    free = [n for n in range(max(open_) + more + 2) if n not in open_]
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free[more], before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


async def test_without_files_running_streams_go_on_and_others_come_when_there_are_some() -> None:
    async with (
        upstream() as provider,
        process(OPENAI_BASE_URL=provider.base_url, MODEL="m") as service,
    ):
        idle = files(service.pid)
        reading = asyncio.create_task(stream(service.url))
        exchange = await provider.next()
        await exchange.send(HEAD, text(FIRST))
        host, port = service.url.removeprefix("http://").split(":")

        with few_files(service.pid, more=3), ExitStack() as stack:
            for _ in range(20):  # the last of them are closed at once
                stack.enter_context(socket.create_connection((host, int(port))))
            with pytest.raises(httpx.TransportError):
                await refused(service.url + "/healthz")
            await exchange.send(text(REST), end())
            assert DONE in re.sub(r"\nid: \S+", "", (await reading).decode())
            before = psutil.Process(service.pid).cpu_times().user
            await asyncio.sleep(0.5)
            assert psutil.Process(service.pid).cpu_times().user - before < 0.25, "it spins"
        assert (await refused(service.url + "/healthz")).status_code == 200

        await eventually(lambda: files(service.pid) == idle)
        with few_files(service.pid, more=1):  # for the client, and none for the provider
            answer = await refused(service.url + IDEAS)
            assert (answer.status_code, answer.json()["code"]) == (502, "provider_unavailable")


# -- the disk ---------------------------------------------------------------------------------


async def test_a_full_disk_for_its_logs_stops_nothing() -> None:
    port = free_port()
    with open("/dev/full", "wb") as full:  # noqa: ASYNC230
        service = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app"),
            cwd=ROOT,
            env=environment(PORT=str(port), DEMO_TOKENS_PER_SECOND="0"),
            stdout=full,
            stderr=full,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(SECONDS):
            while not await listens(port):
                assert service.returncode is None
                await asyncio.sleep(0.05)
        assert "event: done" in await read(f"{url}/ideas?topic=figs")
        assert "output_truncated" in await read(f"{url}/ideas?topic=figs&model=demo-truncated")
        service.terminate()
        assert await asyncio.wait_for(service.wait(), SECONDS) == 0
    finally:
        if service.returncode is None:
            service.kill()
            await service.wait()
