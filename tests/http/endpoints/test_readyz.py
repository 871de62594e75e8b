"""`GET /readyz` says what is not ready."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tests.support.client import SECONDS
from tests.support.connection import asked
from tests.support.redis import redis_server
from tests.support.service import Service, eventually, running
from tests.support.sockets import free_port
from tests.support.upstream import HEAD, Exchange, end, status, text, upstream

STREAM = "/ideas?topic=figs&count=1"
ANSWER = HEAD + text('{"items": [{"title": "Figs", "blurb": "Sweet."}]}') + end()


async def parts(service: Service) -> Any:
    answer = await asked(f"{service.url}/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    return answer.json()["parts"]


async def stores(service: Service) -> dict[int, str]:
    """What is told of the stores of streams, by their places in the setting."""
    of = "streams_store_"
    found = await parts(service)
    return {int(name.removeprefix(of)): found[name] for name in found if name.startswith(of)}


async def comes(service: Service, expected: dict[int, str]) -> None:
    """Wait until this is told of the stores, and the metrics agree."""
    async with asyncio.timeout(SECONDS):
        while await stores(service) != expected:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    told = service.app.state.telemetry.exposition().decode()
    for store, words in expected.items():
        assert (f'store_full{{store="{store}"}} 1.0' in told) == words.startswith("refuses")


async def test_what_streams_can_do_without_is_told_and_leaves_it_ready() -> None:
    url = SecretStr(f"redis://127.0.0.1:{free_port()}/0")
    async with running(limits_store=url, caller_streams_per_minute=9) as service:
        assert await parts(service) == {"streams": "ready", "limits_store": "ready"}
        assert (await asked(service.url + STREAM)).status_code == 200
        assert await parts(service) == {
            "streams": "ready",
            "limits_store": "does not answer: each process counts by itself",
        }


async def test_each_store_of_streams_is_told() -> None:
    async with redis_server() as store:
        urls = f"{store.url},unix:///nowhere/redis"
        async with running(streams_store=urls) as service:
            down = "does not answer"
            assert await stores(service) == {0: "ready", 1: down}
            await store.told("CONFIG", "SET", "maxmemory", 1)
            await comes(service, {0: "refuses what is new: its memory may be full", 1: down})
            await store.told("CONFIG", "SET", "maxmemory", 0)
            await comes(service, {0: "ready", 1: down})
            await store.kill()
            await comes(service, {0: down, 1: down})


async def test_a_model_that_is_passed_over_is_told(tmp_path: Path) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(status(503) if exchange.body["model"] == "a" else ANSWER)

    models = tmp_path / "models.toml"
    async with upstream(script) as provider:
        url = f'base_url = "{provider.base_url}"'
        models.write_text(f'[models.a]\n{url}\nfallbacks = ["b"]\n[models.b]\n{url}\n')
        async with running(
            models_file=str(models), model="", open_timeout=60, circuit_failures=1
        ) as service:
            assert await parts(service) == {"streams": "ready"}
            assert "event: done" in (await asked(service.url + STREAM)).text
            await eventually(lambda: not len(service.streams))
            assert await parts(service) == {"streams": "ready", "a": "is passed over"}


async def test_without_what_streams_need_it_is_not_ready_and_says_so() -> None:
    async with running() as service:
        service.streams.draining = True
        answer = await asked(f"{service.url}/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "draining")
    assert answer.json()["errors"] == [{"path": "/streams", "message": "the service is stopping"}]
