"""nginx in front of several replicas, which it finds by their common name."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

from app.schemas.registry import load
from tests.support.dns import name_server
from tests.support.front import nginx
from tests.support.schema_files import FOLDER
from tests.support.service import Service, running
from tests.support.sockets import free_port

ADDRESSES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


async def test_replicas_are_found_as_they_come_and_passed_over_when_they_are_gone(
    tmp_path: Path,
) -> None:
    registry = load(FOLDER)
    port = free_port()
    first, second, third = ADDRESSES

    async def start(stack: AsyncExitStack, address: str) -> Service:
        return await stack.enter_async_context(
            running(registry=registry, host=address, port=port, model=address, models=(address,))
        )

    async with (
        name_server(first, second) as (names, names_port),
        nginx(
            f"http://service:{port}",
            tmp_path,
            ("resolver 127.0.0.11 valid=2s", f"resolver 127.0.0.1:{names_port} valid=1s"),
        ) as front,
        httpx.AsyncClient(timeout=60, base_url=front.url, verify=front.tls) as client,
        AsyncExitStack() as staying,
    ):

        async def answered() -> str:
            """The address of the replica that answers a request now."""
            answer = await client.get("/schemas")
            assert answer.status_code == 200
            models: str = answer.json()["schemas"][0]["model"]
            return models

        async def all_answer(*addresses: str) -> None:
            seen = set()
            async with asyncio.timeout(20):
                while seen != set(addresses):
                    seen.add(await answered())

        await start(staying, first)
        async with AsyncExitStack() as leaving:
            await start(leaving, second)
            await all_answer(first, second)
        for _ in range(10):  # the name still has the address of the one that is gone
            assert await answered() == first
        await start(staying, third)
        names.addresses = [first, third]
        await all_answer(first, third)
