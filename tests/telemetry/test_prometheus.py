"""Two workers, and a real Prometheus that scrapes them: it has the sums over both."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from signal import SIGKILL

import httpx
import psutil
from prometheus_client.multiprocess import MultiProcessCollector

from tests.http.server.test_workers import workers
from tests.support.http_client import http_client
from tests.support.process import SECONDS, Process, process
from tests.support.service import eventually, running
from tests.support.sockets import free_port

STREAM = "/ideas?topic=figs&count=1&interval_ms=0"
SETTINGS = {"WORKERS": "2", "DEMO_TOKENS_PER_SECOND": "0"}
CONFIG = """
global: {{scrape_interval: 250ms}}
scrape_configs:
  - job_name: structured-streams
    static_configs: [{{targets: ["{target}"]}}]
"""


def files_of(worker: int) -> list[Path]:
    """The files into which a worker counts."""
    maps = psutil.Process(worker).memory_maps()
    return [Path(each.path) for each in maps if each.path.endswith(".db")]


def counted_by(worker: int) -> float:
    """The streams that a worker has begun, by its own files."""
    found = MultiProcessCollector.merge([str(file) for file in files_of(worker)])
    samples = (sample for metric in found for sample in metric.samples)
    return sum(each.value for each in samples if each.name == "streams_started_total")


async def begin(service: Process) -> httpx.Response:
    """A stream on a new connection, which either worker may get."""
    async with http_client(base_url=service.url, timeout=SECONDS) as client:
        return await client.get(STREAM)


async def told(service: Process) -> dict[str, float]:
    """What one of the workers tells, by series."""
    async with http_client(base_url=service.url, timeout=SECONDS) as client:
        text = (await client.get("/metrics")).text
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {series: float(value) for series, value in lines}


@asynccontextmanager
async def prometheus(folder: Path, service: Process) -> AsyncIterator[httpx.AsyncClient]:
    """A Prometheus that scrapes the service, and a client of it."""
    (folder / "prometheus.yml").write_text(CONFIG.format(target=service.url.split("//")[1]))
    url = f"127.0.0.1:{free_port()}"
    program = await asyncio.create_subprocess_exec(
        *("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data"),
        f"--web.listen-address={url}",
        cwd=folder,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with http_client(base_url=f"http://{url}", timeout=SECONDS) as client:
            yield client
    finally:
        program.kill()
        await program.wait()


async def until(client: httpx.AsyncClient, query: str, expected: float) -> None:
    """Wait until Prometheus answers a query with this."""
    async with asyncio.timeout(SECONDS):
        while await answer(client, query) != expected:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def answer(client: httpx.AsyncClient, query: str) -> float | None:
    """What Prometheus answers now, if it has started and knows any such series."""
    try:
        answer = await client.get("/api/v1/query", params={"query": query})
    except httpx.TransportError:
        return None
    found = answer.json()["data"]["result"] if answer.status_code == 200 else []
    return float(found[0]["value"][1]) if found else None


async def test_prometheus_has_the_sums_over_two_workers_also_when_one_has_died(
    tmp_path: Path,
) -> None:
    async with process(**SETTINGS) as service:
        pair = workers(service)
        folder = files_of(min(pair))[0].parent
        begun = 0
        while not all(map(counted_by, pair)):
            assert "event: done" in (await begin(service)).text
            begun += 1
        assert sum(map(counted_by, pair)) == begun
        async with prometheus(tmp_path, service) as client:
            await until(client, "sum(streams_started_total)", begun)
            await until(client, 'sum(streams_ended_total{code="done"})', begun)
            await until(client, "sum(overhead_first_content_seconds_count)", begun)
            lost = await begin_some_that_stall(service, pair)
            await until(client, "sum(streams_started_total) - sum(streams_ended_total)", lost)
        # What runs in a worker ends with it. What it has counted stays.
        assert (await told(service))["streams_active"] == 0
        assert len(list(folder.glob("counter_*.db"))) == 2
        service.signal(SIGKILL)
        await eventually(lambda: not folder.exists(), SECONDS)  # its workers remove it


async def begin_some_that_stall(service: Process, pair: set[int]) -> int:
    """Streams that run, and a worker that dies with some of them. Gives with how many."""
    before = {worker: counted_by(worker) for worker in pair}
    async with AsyncExitStack() as stack:
        number = 0
        while not all(counted_by(worker) > before[worker] for worker in pair):
            client = await stack.enter_async_context(
                http_client(base_url=service.url, timeout=SECONDS)
            )
            stalled = client.stream("GET", f"{STREAM}&model=demo-stall")
            await stack.enter_async_context(stalled)
            number += 1
        async with asyncio.timeout(SECONDS):
            while (await told(service))["streams_active"] != number:  # of both, by either
                pass
        killed = min(pair)
        lost = round(counted_by(killed) - before[killed])
        psutil.Process(killed).send_signal(SIGKILL)
        await eventually(lambda: len(workers(service) - {killed}) == 2, SECONDS)
        async with asyncio.timeout(SECONDS):
            while (await told(service))["streams_active"] != number - lost:
                pass
        return lost


async def test_promtool_is_content_with_what_is_told() -> None:
    async with (
        running(model="") as service,
        http_client(base_url=service.url, timeout=SECONDS) as client,
    ):
        for model in ("demo", "demo-invalid", "demo-401", "demo-down"):
            await client.get(f"{STREAM}&model={model}")
        metrics = (await client.get("/metrics")).content
    checking = await asyncio.create_subprocess_exec(
        *("promtool", "check", "metrics"), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert await checking.communicate(metrics) == (b"", b"")
    assert checking.returncode == 0
