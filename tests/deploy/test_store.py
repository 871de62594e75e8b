"""`deploy/redis` and the README's ACL suffice for the service, and allow little more."""

from __future__ import annotations

import asyncio
import re
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from app.redis.address import Address
from app.redis.link import Link, Unreachable
from tests.support.callers import KEYED, WEB, bearer
from tests.support.client import SECONDS
from tests.support.front import DEPLOY, certificate
from tests.support.http_client import http_client
from tests.support.service import running
from tests.support.sockets import free_port

JUDGE = "user judge on nopass ~* &* +@all\n"


def commands() -> str:
    """The README's commands that make the files of secrets."""
    text = (DEPLOY / "README.md").read_text()
    found = re.search(r"    cd deploy\n(.+?)    mkdir tls", text, re.DOTALL)
    assert found
    return found[1]


@asynccontextmanager
async def store(folder: Path) -> AsyncIterator[str]:
    """What the README's commands make, run by redis-server. Gives the service's URL of it."""
    (folder / "redis").mkdir()
    for name in ("service.env.example", "redis/users.acl.example", "redis/redis.conf"):
        copy(DEPLOY / name, folder / name)
    making = await asyncio.create_subprocess_exec("bash", "-euc", commands(), cwd=folder)
    assert await making.wait() == 0
    users = folder / "redis" / "users.acl"
    with users.open("a") as file:
        file.write(JUDGE)
    socket = folder / "socket"
    options = ("--port", "0", "--unixsocket", str(socket), "--aclfile", str(users))
    async with server(str(folder / "redis" / "redis.conf"), *options):
        url = re.search(r"STREAMS_STORE=redis://(.+)@", (folder / "service.env").read_text())
        assert url
        yield f"unix://{url[1]}@{socket}"


@asynccontextmanager
async def server(*options: str) -> AsyncIterator[None]:
    """A redis-server that accepts connections."""
    process = await asyncio.create_subprocess_exec("redis-server", *options, stdout=PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(SECONDS):
            while b"eady to accept" not in (line := await process.stdout.readline()):
                assert line, "redis-server has ended"
        yield
    finally:
        process.terminate()
        await process.communicate()


LIMITS: dict[str, Any] = {
    "caller_streams": 9,
    "caller_streams_per_minute": 99,
    "caller_tokens_per_day": 99_999,
}
DENIED = (
    ("FLUSHALL",),
    ("KEYS", "*"),
    ("CONFIG", "GET", "*"),
    ("ACL", "LIST"),
    ("SHUTDOWN",),
    ("MONITOR",),
    ("SUBSCRIBE", "all"),
    ("SET", "other", "1"),
    ("GET", "other"),
)


async def test_the_service_needs_no_right_that_it_is_not_given(tmp_path: Path) -> None:
    async with (
        store(tmp_path) as url,
        running(streams_store=url, **KEYED, **LIMITS) as first,
        running(streams_store=url, **KEYED, **LIMITS, demo_tokens_per_second=20) as second,
        http_client(headers=bearer(WEB), timeout=SECONDS) as client,
    ):
        key = {"Idempotency-Key": "one"}
        begun = await client.post(f"{first.url}/ideas", json={"topic": "figs"}, headers=key)
        assert "event: done" in begun.text
        elsewhere = await client.get(f"{second.url}{begun.headers['location']}")
        assert elsewhere.text.splitlines()[-3:] == begun.text.splitlines()[-3:]
        again = await client.post(f"{second.url}/ideas", json={"topic": "figs"}, headers=key)
        assert again.headers["location"] == begun.headers["location"]
        made = await client.post(f"{first.url}/tickets", json={})
        ticket = bearer(made.json()["ticket"])
        used = await client.get(f"{first.url}/ideas?topic=figs", headers=ticket)
        assert used.status_code == 200
        async with client.stream("GET", f"{second.url}/ideas?topic=nuts&resumable=true") as slow:
            location = slow.headers["location"]
            assert (await client.delete(f"{first.url}{location}")).status_code == 204
            assert "cancelled" in (await slow.aread()).decode()
        assert (await client.get(f"{first.url}{location}")).status_code in (404, 410)

        judge = Redis.from_url(re.sub("//.+@", "//judge:x@", url))
        assert await judge.acl_log() == []
        await judge.aclose()


async def test_its_account_is_good_for_nothing_else(tmp_path: Path) -> None:
    async with store(tmp_path) as url:
        account = Redis.from_url(url)
        for command in DENIED:
            with pytest.raises(NoPermissionError):
                await account.execute_command(*command)
        await account.aclose()
        nobody = Redis.from_url(re.sub("//.+@", "//", url), protocol=2)
        with pytest.raises(AuthenticationError):
            await nobody.ping()
        await nobody.aclose()


def test_the_account_is_the_one_that_the_documentation_shows() -> None:
    shown = (DEPLOY.parent / "docs" / "scaling.md").read_text()
    nobody, account = (DEPLOY / "redis" / "users.acl.example").read_text().splitlines()
    assert nobody == "user default off"
    assert f"\n      {account}\n" in shown


async def test_a_store_over_tls_is_believed_by_its_certificate(tmp_path: Path) -> None:
    await certificate(tmp_path)
    own, key = str(tmp_path / "fullchain.pem"), str(tmp_path / "privkey.pem")
    port = free_port()
    tls = ("--tls-port", str(port), "--tls-cert-file", own, "--tls-key-file", key)
    ours = ("--tls-ca-cert-file", own, "--tls-auth-clients", "no")
    async with server("--port", "0", *tls, *ours, "--dir", str(tmp_path)):
        believed = Link(Address(f"rediss://localhost:{port}?ssl_ca_certs={own}"))
        assert await believed.call([("PING",)]) == [b"PONG"]
        await believed.close()
        for url in (f"rediss://localhost:{port}", f"redis://localhost:{port}"):
            doubted = Link(Address(url))
            with pytest.raises(Unreachable):
                await doubted.call([("PING",)])
            await doubted.close()
