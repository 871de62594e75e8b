"""What the service says of itself, and what its process takes, second by second."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

PERIOD = 1.0


class Sample(NamedTuple):
    """seconds: since the start. rss: bytes. cpu: seconds of the processor's time so far.

    files: open ones, sockets included, but for the connections to the provider: those are kept
    for a while on purpose
    """

    seconds: float
    rss: int
    cpu: float
    files: int
    active: float


@dataclass
class Metrics:
    """The counters: streams started, ended by code, active; and the lag's buckets."""

    started: float = 0
    active: float = 0
    ended: dict[str, float] = field(default_factory=dict)
    lag: dict[float, float] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Metrics:
        found = cls()
        for family in text_string_to_metric_families(text):
            for name, labels, value, *_ in family.samples:
                if name == "streams_started_total":
                    found.started += value
                elif name == "streams_active":
                    found.active = value
                elif name == "streams_ended_total":
                    found.ended[labels["code"]] = found.ended.get(labels["code"], 0) + value
                elif name == "event_loop_lag_seconds_bucket":
                    found.lag[float(labels["le"])] = value
        return found

    def lag_quantile(self, share: float, since: Metrics | None = None) -> float:
        """The bucket's bound, in seconds, below which this share of the looks at it is."""
        before = since.lag if since else {}
        looks = {bound: count - before.get(bound, 0) for bound, count in self.lag.items()}
        total = max(looks.values(), default=0)
        return min((b for b, count in looks.items() if count >= share * total), default=0)


class Watch:
    """Samples of a process that `client` reaches, and whose provider is on this port."""

    def __init__(self, client: httpx.AsyncClient, pid: int, provider: int) -> None:
        self.samples: list[Sample] = []
        self._client = client
        self._provider = provider
        self._process = psutil.Process(pid)
        self._began = asyncio.get_running_loop().time()

    async def metrics(self) -> Metrics:
        return Metrics.read((await self._client.get("/metrics")).text)

    async def sample(self) -> Metrics:
        """One more sample; the metrics that it is made of."""
        metrics = await self.metrics()
        now = asyncio.get_running_loop().time() - self._began
        with self._process.oneshot():
            rss, files = self._process.memory_info().rss, self._process.num_fds()
            times = self._process.cpu_times()
        connections = self._process.net_connections("tcp")
        kept = sum(bool(c.raddr) and c.raddr.port == self._provider for c in connections)
        self.samples.append(
            Sample(now, rss, times.user + times.system, files - kept, metrics.active)
        )
        return metrics

    async def idle(self, seconds: float) -> Metrics:
        """The metrics, once no stream runs."""
        async with asyncio.timeout(seconds):
            while (metrics := await self.sample()).active:  # noqa: ASYNC110
                await asyncio.sleep(PERIOD / 10)
        return metrics

    def growth(self, since: float) -> float:
        """Bytes that the memory has grown by since then, along the line of least squares."""
        taken = [sample for sample in self.samples if sample.seconds >= since]
        if len(taken) < 2:
            return 0
        mean_x = sum(s.seconds for s in taken) / len(taken)
        mean_y = sum(s.rss for s in taken) / len(taken)
        over = sum((s.seconds - mean_x) * (s.rss - mean_y) for s in taken)
        under = sum((s.seconds - mean_x) ** 2 for s in taken)
        return over / under * (taken[-1].seconds - taken[0].seconds) if under else 0
