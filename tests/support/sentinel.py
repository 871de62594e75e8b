"""A Redis, a replica of it, and a Sentinel that puts the replica in its place when it falls."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.support.redis import PROGRAMS, SECONDS, RedisServer, answers, redis_server
from tests.support.sockets import free_port

NAME = "streams"
"""By which the Sentinel knows them."""

_CONFIG = f"""
port {{port}}
dir {{folder}}
sentinel monitor {NAME} 127.0.0.1 {{main}} 1
sentinel down-after-milliseconds {NAME} 500
sentinel failover-timeout {NAME} 3000
"""


class Watched:
    """first, second: the servers, of which the first one is the main one in the beginning.

    url: of the Sentinel, which says which of them is the main one
    """

    def __init__(self, first: RedisServer, second: RedisServer, port: int) -> None:
        self.first = first
        self.second = second
        self.url = f"redis+sentinel://127.0.0.1:{port}/{NAME}"

    async def cut(self) -> None:
        """Let the replica get nothing more: what is written from now on is lost with the first."""
        for name in ("masteruser", "masterauth"):
            await self.second.told("CONFIG", "SET", name, "nobody")
        await self.second.told("CLIENT", "KILL", "TYPE", "master")
        await _until(self.second, "slave", "connect")

    async def fails_over(self) -> None:
        """Wait until the replica is the main one."""
        await _until(self.second, "master")


async def _until(server: RedisServer, *role: str) -> None:
    """Wait until a server's role is this one, with the state of its link if it is a replica."""
    async with asyncio.timeout(SECONDS):
        while await _role(server) != role:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _role(server: RedisServer) -> tuple[str, ...]:
    """None of them while the server changes it: then it closes all connections."""
    try:
        told: list[Any] = await server.told("ROLE")
    except RedisError:
        return ()
    return (told[0], told[3]) if told[0] == "slave" else (told[0],)


@asynccontextmanager
async def watched(kind: str = "redis") -> AsyncIterator[Watched]:
    """Both servers and the Sentinel, all linked. kind: one of `PROGRAMS`."""
    options = ("--repl-diskless-sync-delay", "0")
    async with redis_server(kind, *options) as first, redis_server(kind, *options) as second:
        await second.told("REPLICAOF", "127.0.0.1", first.port)
        await _until(second, "slave", "connected")
        async with _sentinel(kind, first) as port:
            yield Watched(first, second, port)


@asynccontextmanager
async def _sentinel(kind: str, main: RedisServer) -> AsyncIterator[int]:
    """The port of a Sentinel that knows the main server and its replica."""
    port = free_port()
    with TemporaryDirectory() as folder:
        config = Path(folder) / "sentinel.conf"
        config.write_text(_CONFIG.format(port=port, folder=folder, main=main.port))
        process = await asyncio.create_subprocess_exec(
            *(PROGRAMS[kind], str(config), "--sentinel"), stdout=DEVNULL
        )
        try:
            await answers(port)
            await _knows_a_replica(port)
            yield port
        finally:
            process.kill()
            await process.wait()


async def _knows_a_replica(port: int) -> None:
    async with asyncio.timeout(SECONDS), Redis(port=port) as sentinel:
        while not await sentinel.execute_command("SENTINEL", "REPLICAS", NAME):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
