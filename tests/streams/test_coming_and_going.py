"""Clients that leave at some moment: everything is given back, on every path."""

from __future__ import annotations

import asyncio
import gc
import random
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil
import pytest

from tests.support.callers import CRON, KEYED, WEB
from tests.support.http_client import http_client
from tests.support.service import Service, eventually, running
from tests.support.sockets import reset_when_closed

WARMING = 250
"""Clients after whom what is made once has been made."""

AT_ONCE = 24
SEED = 20
OBJECTS = 0.5
"""By which the interpreter's own may grow for each client: by less than the one that a leak costs.
Two counts of the same state differ by up to 150 objects."""

END_OBJECTS = 30
"""What one end of a connection that is held open takes."""

BYTES = 16 * 1024 * 1024
STREAMS = 4
IDLE = 2 * STREAMS
"""Both ends of the connections to the model that are held open for the next streams."""

HEADERS = [f"X-API-Key: {WEB}", f"X-API-Key: {CRON}", "X-API-Key: wrong"]
STREAM = "/ideas?topic=figs&count=2&interval_ms=0"
PATHS = [
    STREAM,
    f"{STREAM}&view=delta",
    f"{STREAM}&view=text",
    f"{STREAM}&resumable=true",
    *(f"{STREAM}&model=demo-{fault}" for fault in ("silent", "stall", "drip", "disconnect", "500")),
    "/ideas?topic=figs&count=0",
    "/streams/none",
]


async def visit(url: str, chance: random.Random) -> None:
    """Send a request, or a part of it; read so much of the answer; go, in good order or not."""
    parts = urlsplit(url)
    lines = [
        f"GET {chance.choice(PATHS)} HTTP/1.1",
        f"Host: {parts.netloc}",
        chance.choices(HEADERS, [8, 8, 1])[0],
        f"Accept: {chance.choice(['*/*', 'application/json', 'application/x-ndjson'])}",
    ]
    request = "\r\n".join([*lines, "", ""]).encode()
    reads, resets = chance.randrange(6), chance.random() < 0.5
    if chance.random() < 0.1:
        request = request[: chance.randrange(len(request))]
        reads = 0
    client = socket.socket()
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(client, (parts.hostname, parts.port))
        await loop.sock_sendall(client, request)
        for _ in range(reads):
            try:
                async with asyncio.timeout(chance.random() / 50):
                    if not await loop.sock_recv(client, 200):
                        break
            except TimeoutError:
                break
        if resets:
            reset_when_closed(client)
    finally:
        client.close()


async def crowd(url: str, number: int, chance: random.Random) -> None:
    """So many clients, a few at a time."""
    left = iter(range(number))

    async def one_after_another() -> None:
        for _ in left:
            await visit(url, chance)

    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))


class State(NamedTuple):
    """What the process holds."""

    tasks: int
    files: int
    objects: int
    bytes: int


async def settled(service: Service, at_most: State | None = None) -> State:
    """What is held once everybody has gone, and the timers of what they left are over."""
    admission, process = service.app.state.admission, psutil.Process()
    await eventually(lambda: not service.connections and not len(service.streams), 30)
    assert (admission.slots.taken, admission.slots.waiting, dict(admission.streams)) == (0, 0, {})
    if at_most:
        await eventually(lambda: len(asyncio.all_tasks()) <= at_most.tasks)
        await eventually(lambda: process.num_fds() <= at_most.files + IDLE)
    held, memory = objects(), process.memory_info().rss
    return State(len(asyncio.all_tasks()), process.num_fds(), held, memory)


def objects() -> int:
    """How many objects there are."""
    gc.collect()
    return len(gc.get_objects())


@pytest.mark.parametrize("clients", [400, pytest.param(2000, marks=pytest.mark.chaos)])
async def test_clients_that_come_and_go_leave_nothing_behind(clients: int) -> None:
    limits = {"caller_streams": 3, "max_streams": STREAMS, "max_queued": 1, "queue_seconds": 0.05}
    limits |= {"caller_tokens_per_day": 10**9, "caller_streams_per_minute": 10**6}
    kept = {"resume_grace_seconds": 0.05, "retention_seconds": 0.05}
    chance = random.Random(SEED)
    async with running(**KEYED, **limits, **kept, model="demo") as service:
        await crowd(service.url, WARMING, chance)
        before = await settled(service)
        await crowd(service.url, clients, chance)
        after = await settled(service, before)
        assert after.tasks <= before.tasks
        assert after.files <= before.files + IDLE
        held = END_OBJECTS * max(after.files - before.files, 0)
        await eventually(lambda: objects() - before.objects < OBJECTS * clients + held)
        assert after.bytes - before.bytes < BYTES
        async with http_client(
            timeout=60, base_url=service.url, headers={"X-API-Key": WEB}
        ) as client:
            assert "event: done\n" in (await client.get(STREAM)).text
            told = (await client.get("/metrics")).text
    for code in ("done", "cancelled", "unauthorized", "rate_limited", "overloaded"):
        assert f'code="{code}"' in told, f"no client came upon {code}"
