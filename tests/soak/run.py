"""A soak: the demo model as a provider at a pace, the service, and the clients."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence

import httpx

from tests.soak.clients import KINDS, SECONDS, World, visiting
from tests.soak.report import Soak
from tests.soak.watch import PERIOD, Metrics, Watch
from tests.support.demo import OUTCOMES
from tests.support.process import process

AT_ONCE = 12
WARM_UP = 0.25
"""Of the time, in which memory may grow."""
SHORTEST = 60
"""Seconds: nothing is said of the memory in less."""
PATIENCE = 60

KEYS = {visit.__name__: f"soak-{visit.__name__}-0123456789abcdef" for visit in KINDS}
LIMITS = {
    "API_KEYS": ",".join(
        f"{name}={hashlib.sha256(key.encode()).hexdigest()}" for name, key in KEYS.items()
    ),
    "CALLER_STREAMS": str(AT_ONCE),
}
PATIENT = {
    # Shorter than usual, so that silence is soon over; long enough for a machine that is busy.
    "CONTENT_GAP_TIMEOUT": "4",
    "FIRST_CONTENT_TIMEOUT": "8",
    "RESUME_GRACE_SECONDS": "15",
    "RETENTION_SECONDS": "20",
}


async def soak(
    seconds: float,
    say: Callable[[str], None] = print,
    *,
    scale: int = 1,
    seed: int = 0,
    models: Sequence[str] = tuple(OUTCOMES),
    pace: int = 200,
) -> Soak:
    """Serve `scale` times the clients for so long, and see what is left.

    pace: tokens a second of the provider
    """
    async with (
        process("demo", "--port", "0", "--tokens-per-second", str(pace)) as provider,
        process(
            OPENAI_BASE_URL=f"{provider.url}/v1",
            MODELS=",".join(OUTCOMES),
            **PATIENT,
            **LIMITS,
        ) as service,
        httpx.AsyncClient(base_url=service.url, timeout=SECONDS) as observer,
    ):
        watch = Watch(observer, service.pid, httpx.URL(provider.url).port or 0)
        async with httpx.AsyncClient(
            base_url=service.url, timeout=SECONDS, limits=httpx.Limits(max_connections=None)
        ) as client:
            world = World(client, KEYS, seed, AT_ONCE, models)
            warm = await _soak(world, watch, seconds, say, scale)
        metrics = await watch.idle(PATIENCE)
        return Soak(
            seconds=seconds,
            world=world,
            metrics=metrics,
            lag_p99=metrics.lag_quantile(0.99, warm),
            samples=watch.samples,
            grown=watch.growth(WARM_UP * seconds) if seconds >= SHORTEST else None,
            at_rest=(watch.samples[0], watch.samples[-1]),
            log=service.lines,
        )


async def _soak(
    world: World, watch: Watch, seconds: float, say: Callable[[str], None], scale: int
) -> Metrics:
    """Let the clients visit. The metrics after the warm-up."""
    warm = before = await watch.sample()
    loop = asyncio.get_running_loop()
    began = loop.time()
    kinds = [visit for visit, count in KINDS.items() for _ in range(count * scale)]
    visits = [asyncio.create_task(visiting(world, each, began + seconds)) for each in kinds]
    told = 0.0
    while (now := loop.time() - began) < seconds:
        metrics = await watch.sample()
        if now < WARM_UP * seconds:
            warm = metrics
        if now >= told:
            told += max(seconds / 40, PERIOD)
            say(_progress(now, seconds, watch, world, metrics.lag_quantile(0.99, before)))
        await asyncio.sleep(min(PERIOD, seconds - now))
    await asyncio.wait_for(asyncio.gather(*visits), PATIENCE)
    return warm


def _progress(now: float, seconds: float, watch: Watch, world: World, lag: float) -> str:
    last = watch.samples[-1]
    return (
        f"{now:5.0f} of {seconds:.0f} s: {sum(world.visits.values())} visits,"
        f" {last.active:.0f} streams, {last.rss / 2**20:.1f} MiB, {last.files} files,"
        f" lag p99 ≤ {lag * 1000:.0f} ms, {len(world.broken)} broken"
    )
