"""The memory of a stream, while it runs and while it is kept, and the start of a server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from bench.contestants import Contestant
from bench.field import Field
from bench.paced import DOCUMENT, PACE, all_at_once

LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Memory:
    """start: seconds until a server is ready. idle: its bytes then. stream: bytes of a stream."""

    start: float
    idle: int
    stream: float


async def open_streams(
    place: Field, contestant: Contestant, streams: int, name: str = DOCUMENT
) -> Memory:
    """The most resident memory that a number of streams at once add."""
    async with place.new_server(contestant) as server:
        idle = server.memory
        await place.read(contestant, name, "flood", 10, server, at_once=5)
        before = most = server.memory
        reading = asyncio.create_task(
            place.read(contestant, name, str(PACE), streams, server, **all_at_once(name))
        )
        while not reading.done():
            most = max(most, server.memory)
            await asyncio.wait([reading], timeout=LOOK_SECONDS)
        report, _ = await reading
        if report.failed:
            raise RuntimeError(f"{contestant.name}: {report.failures}")
        return Memory(server.seconds, idle, (most - before) / streams)


async def kept_streams(place: Field, contestant: Contestant, streams: int) -> Memory:
    """The resident memory of a number of ended streams that the contestant keeps."""
    async with place.new_server(contestant) as server:
        idle = server.memory
        await place.read(contestant, DOCUMENT, "flood", 50, server, at_once=2)
        before = server.memory
        report, _ = await place.read(contestant, DOCUMENT, "flood", streams, server, at_once=2)
        if report.failed:
            raise RuntimeError(f"{contestant.name}: {report.failures}")
        return Memory(server.seconds, idle, (server.memory - before) / streams)
