"""`app.asgi:app` under the servers of others: it streams, a reader may leave, and a stop drains."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL
from pathlib import Path

import httpx
import pytest

from tests.support.documents import commands
from tests.support.events import messages
from tests.support.http_client import http_client
from tests.support.process import ROOT, environment
from tests.support.sockets import free_port, listens

BIN = Path(sys.executable).parent

SERVERS = {
    command.split()[0]: command
    for page, command in commands()
    if page == "docs/your-app.md" and ("app.asgi:app" in command or "app/asgi.py" in command)
}
"""The commands of the document."""


def test_the_document_has_four_servers() -> None:
    assert list(SERVERS) == ["uvicorn", "fastapi", "gunicorn", "hypercorn"]


async def ready(url: str, process: asyncio.subprocess.Process, port: int) -> None:
    async with asyncio.timeout(60):
        while not await listens(port):
            assert process.returncode is None
            await asyncio.sleep(0.05)
    async with http_client(timeout=60) as client:
        assert (await client.get(f"{url}/readyz", timeout=30)).status_code == 200


async def active(client: httpx.AsyncClient) -> str:
    lines = (await client.get("/metrics")).text.splitlines()
    return next(line for line in lines if line.startswith("streams_active "))


@pytest.mark.parametrize("name", SERVERS)
async def test_it_streams_a_reader_may_leave_and_a_stop_drains(name: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program, *arguments = SERVERS[name].replace("8000", str(port)).split()
    process = await asyncio.create_subprocess_exec(
        *(str(BIN / program), *arguments),
        cwd=ROOT,
        # Other programs' own warnings are not ours.
        env=environment(DRAIN_SECONDS="0.1", DEMO_TOKENS_PER_SECOND="200", PYTHONWARNINGS=""),
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        await ready(url, process, port)
        async with http_client(base_url=url, timeout=30) as client:
            whole = await client.post("/ideas", json={"topic": "tea", "count": 1})
            assert messages(whole.content)[-1].event == "done"
            stalled = "/ideas?topic=tea&model=demo-stall"
            async with client.stream("GET", stalled) as response:
                pieces = response.aiter_bytes()  # once it is collected, the response is closed
                await anext(pieces)
                assert await active(client) == "streams_active 1.0"
            async with asyncio.timeout(10):
                while await active(client) != "streams_active 0.0":  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            async with client.stream("GET", stalled) as response:
                pieces = response.aiter_bytes()
                begun = await anext(pieces)
                process.send_signal(signal.SIGTERM)
                rest = b"".join([piece async for piece in pieces])
        last = messages(begun + rest)[-1]
        assert (last.event, last.data["code"]) == ("error", "draining")
        async with asyncio.timeout(60):
            assert await process.wait() in (0, -signal.SIGTERM)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
