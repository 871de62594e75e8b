"""Signals that end nothing, and one that comes before there is anything to end."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from app.http.auth.keys import make_key
from tests.support.callers import bearer
from tests.support.client import reading
from tests.support.http_client import http_client
from tests.support.process import SECONDS, start
from tests.support.service import eventually, running
from tests.support.upstream import HEAD, upstream


async def test_sighup_reads_the_keys_again_and_cuts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.auth.keys.CHECK_SECONDS", 3600)  # nothing else reads them again
    (old, old_pair), (new, new_pair) = make_key("web"), make_key("web")
    file = tmp_path / "keys"
    file.write_text(old_pair)
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, api_keys_file=str(file)) as service,
    ):
        opening = asyncio.create_task(provider.next())
        task = asyncio.create_task(_read_on(service.url, old))
        exchange = await opening
        await exchange.send(HEAD)
        await exchange.text('{"items": [{"title": "Tea", "blurb": "')
        file.write_text(f"{old_pair}\n{new_pair}\n")
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: service.app.state.keys.caller(new) == "web")
        assert not service.server.should_exit
        file.write_text("nonsense")
        os.kill(os.getpid(), signal.SIGHUP)  # the keys stay as they were
        async with http_client(timeout=60, base_url=service.url, headers=bearer(new)) as client:
            assert (await client.get("/streams/none")).status_code == 404
        await exchange.text('Hot."}]}')
        await exchange.finish()
        assert "event: done" in await task


async def _read_on(url: str, key: str) -> str:
    async with reading(f"{url}/ideas?topic=tea&count=1", **bearer(key)) as reader:
        return await reader.rest()


async def test_an_interrupt_while_it_starts_ends_it_without_a_word() -> None:
    """First while it imports, and then while it makes the app."""
    for seconds in (0.3, 1.5):
        process = await start()
        await asyncio.sleep(seconds)  # there is nothing to wait for: any moment is as good
        process.send_signal(signal.SIGINT)
        out, said = await asyncio.wait_for(process.communicate(), SECONDS)
        assert process.returncode in (0, 130, -signal.SIGINT)
        assert b"Traceback" not in out + said
