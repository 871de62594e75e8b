"""A soak: the providers, the service in one process or several, what befalls it, the clients."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.soak.account import account
from tests.soak.clients import KINDS, SECONDS, World, visiting
from tests.soak.fleet import fleet
from tests.soak.models import MODELS, Model, answers, models_file
from tests.soak.provider import recorded_provider
from tests.soak.report import Soak
from tests.soak.watch import PERIOD, Metrics, Watch
from tests.support.http_client import http_client
from tests.support.process import process
from tests.support.redis import RedisServer, redis_server

AT_ONCE = 20
WARM_UP = 0.25
"""Of the time, in which memory may grow."""
SHORTEST = 60
"""Seconds: nothing is said of the memory in less."""
PATIENCE = 180
CHANGE_SECONDS = 20
"""The time after which a process is killed or replaced."""

KEYS = {visit.__name__: f"soak-{visit.__name__}-0123456789abcdef" for visit in KINDS}
SETTINGS = {
    "API_KEYS": ",".join(
        f"{name}={hashlib.sha256(key.encode()).hexdigest()}" for name, key in KEYS.items()
    ),
    "CALLER_STREAMS": str(AT_ONCE),
    # Long enough for a machine that has other work, too. Silence still ends within a minute.
    "CONNECT_TIMEOUT": "30",
    "CONTENT_GAP_TIMEOUT": "30",
    "FIRST_CONTENT_TIMEOUT": "40",
    # Short, so that what is kept is dropped again and again.
    "RESUME_GRACE_SECONDS": "15",
    "RETENTION_SECONDS": "60",
    "DRAIN_SECONDS": "5",
}


async def soak(
    seconds: float,
    say: Callable[[str], None] = print,
    *,
    processes: int = 1,
    scale: int = 1,
    seed: int = 0,
    models: Mapping[str, Model] = MODELS,
    pace: int = 200,
    change: float = CHANGE_SECONDS,
) -> Soak:
    """Serve `scale` times the clients for so long, and see what is left.

    processes: if there are several, they share a store, and all but the first are killed or
        replaced, one each `change` seconds
    models: those that clients ask for. pace: tokens a second of the demo model
    """
    async with (
        process("demo", "--port", "0", "--tokens-per-second", str(pace)) as demo,
        recorded_provider(answers(), seed) as recorded,
        _settings(demo.url, recorded.url) as settings,
        _stored(processes > 1) as store,
        fleet(processes, **settings, **({"STREAMS_STORE": store.url} if store else {})) as serving,
        http_client(timeout=SECONDS) as observer,
    ):
        kept = [httpx.URL(it.url).port for it in (demo, recorded, store) if it]
        watch = Watch(observer, serving, kept)
        # A request on a connection that is kept may meet its end, and would have to be sent again.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with http_client(timeout=SECONDS, limits=limits) as client:
            world = World(client, serving, KEYS, seed, AT_ONCE, models)
            warm = await _soak(world, watch, seconds, say, scale, change)
        metrics = await watch.idle(PATIENCE)
        return Soak(
            seconds=seconds,
            world=world,
            watch=watch,
            recorded=recorded,
            metrics=metrics,
            account=account((it.process.lines, it.was_killed) for it in serving.members),
            lag_p99=metrics.lag_quantile(0.99, warm),
            grown=watch.growth(WARM_UP * seconds) if seconds >= SHORTEST else None,
            store_bytes=int((await store.told("INFO", "memory"))["used_memory"]) if store else None,
        )


@asynccontextmanager
async def _settings(demo: str, recorded: str) -> AsyncIterator[dict[str, str]]:
    """Those of the service, with a file of models. demo, recorded: the URLs of the providers."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "models.toml"
        file.write_text(models_file(f"{demo}/v1", f"{recorded}/v1"))
        yield {**SETTINGS, "MODELS_FILE": str(file)}


@asynccontextmanager
async def _stored(shares: bool) -> AsyncIterator[RedisServer | None]:
    """The store of processes that share one."""
    if not shares:
        yield None
        return
    async with redis_server() as store:
        yield store


async def _soak(
    world: World,
    watch: Watch,
    seconds: float,
    say: Callable[[str], None],
    scale: int,
    change: float,
) -> Metrics:
    """Let the clients visit while processes come and go. The metrics after the warm-up."""
    warm = before = await watch.sample()
    began = world.fleet.now
    until = began + seconds
    kinds = [visit for visit, count in KINDS.items() for _ in range(count * scale)]
    visits = [asyncio.create_task(visiting(world, each, until)) for each in kinds]
    changing = asyncio.create_task(world.fleet.change(until, change))
    minding = asyncio.create_task(world.mind_itself())
    told, shown = 0.0, 0
    while (now := world.fleet.now - began) < seconds:
        metrics = await watch.sample()
        if now < WARM_UP * seconds:
            warm = metrics
        if now >= told:
            told = now + max(seconds / 40, PERIOD)
            say(_progress(now, seconds, watch, world, metrics.lag_quantile(0.99, before)))
        while shown < len(world.broken):
            say(world.broken[shown])
            shown += 1
        await asyncio.sleep(max(min(PERIOD, seconds - now), 0))
    await asyncio.wait_for(asyncio.gather(*visits), PATIENCE)
    minding.cancel()
    await world.fleet.end(changing)
    return warm


def _progress(now: float, seconds: float, watch: Watch, world: World, lag: float) -> str:
    last = watch.samples[-1]
    return (
        f"{now:5.0f} of {seconds:.0f} s: {sum(world.visits.values())} visits,"
        f" {last.active:.0f} streams, {last.rss / 2**20:.1f} MiB, {last.files} files,"
        f" lag p99 ≤ {lag * 1000:.0f} ms, load {last.load:.1f},"
        f" {world.fleet.killed} killed, {world.fleet.replaced} replaced,"
        f" {len(world.broken)} broken"
    )
