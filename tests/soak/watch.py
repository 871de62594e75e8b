"""What the service says of itself, and what its processes take, second by second."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.soak.fleet import Fleet, Member

PERIOD = 1.0


class Sample(NamedTuple):
    """What the first process takes, beside what all do.

    seconds: since the start. rss: bytes. load: of the machine. active: streams of all processes
    files: open ones, sockets included, but for those connections that are kept on purpose: to the
        providers and to the store
    """

    seconds: float
    rss: int
    load: float
    files: int
    active: float


@dataclass
class Metrics:
    """The counters: streams started, ended by code, active; fallbacks; and the lag's buckets."""

    started: float = 0
    active: float = 0
    fallbacks: float = 0
    ended: Counter[str] = field(default_factory=Counter)
    lag: Counter[float] = field(default_factory=Counter)

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
                    found.ended[labels["code"]] += value  # type: ignore[assignment]
                elif name == "model_fallbacks_total":
                    found.fallbacks += value
                elif name == "event_loop_lag_seconds_bucket":
                    found.lag[float(labels["le"])] = value  # type: ignore[assignment]
        return found

    @classmethod
    def sum(cls, parts: Iterable[Metrics]) -> Metrics:
        found = cls()
        for part in parts:
            found.started += part.started
            found.active += part.active
            found.fallbacks += part.fallbacks
            found.ended.update(part.ended)
            found.lag.update(part.lag)
        return found

    def lag_quantile(self, share: float, since: Metrics | None = None) -> float:
        """The bucket's bound, in seconds, below which this share of the looks at it is."""
        before = since.lag if since else Counter[float]()
        looks = {bound: count - before[bound] for bound, count in self.lag.items()}
        total = max(looks.values(), default=0)
        return min((b for b, count in looks.items() if count >= share * total), default=0)


class Watch:
    """Samples of a fleet's processes. kept: the ports to which connections are kept on purpose."""

    def __init__(self, client: httpx.AsyncClient, fleet: Fleet, kept: Collection[int]) -> None:
        self.samples: list[Sample] = []
        self.seen: dict[Member, Metrics] = {}
        self.cpu: dict[Member, float] = {}
        self._client = client
        self._fleet = fleet
        self._kept = kept
        self._process = psutil.Process(fleet.members[0].process.pid)
        self._began = fleet.now

    async def sample(self) -> Metrics:
        """One more sample; the metrics that it is made of."""
        for member in self._fleet.running:
            # It may just be going. (An AttributeError is anyio's, for a connection that is closed.)
            with suppress(httpx.TransportError, psutil.NoSuchProcess, AttributeError):
                self.seen[member] = await self._metrics(member)
                times = psutil.Process(member.process.pid).cpu_times()
                self.cpu[member] = times.user + times.system
        found = Metrics.sum(self.seen.values())
        running = self._fleet.running
        found.active = sum(it.active for member, it in self.seen.items() if member in running)
        with self._process.oneshot():
            rss, files = self._process.memory_info().rss, self._process.num_fds()
        connections = self._process.net_connections("tcp")
        kept = sum(bool(c.raddr) and c.raddr.port in self._kept for c in connections)
        now = self._fleet.now - self._began
        self.samples.append(Sample(now, rss, os.getloadavg()[0], files - kept, found.active))
        return found

    async def _metrics(self, member: Member) -> Metrics:
        return Metrics.read((await self._client.get(member.process.url + "/metrics")).text)

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
