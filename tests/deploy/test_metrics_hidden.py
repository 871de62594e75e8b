"""No way to write its path leads to `/metrics` through a proxy of `deploy/`."""

from __future__ import annotations

import asyncio
import re
import ssl
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from tests.support.front import Front, caddy, haproxy, nginx, snippet
from tests.support.service import running

PROXIES: dict[str, Any] = {"nginx": nginx, "caddy": caddy, "haproxy": haproxy}
PREFIX = "/api"
SHOWN = "streams_active"

OPEN = (
    "/metrics",
    "/metrics?",
    "/metrics?topic=figs",
    "/%6detrics",
    "/%6Detrics",
    "/metric%73",
    "/m%65t%72ics",
    "/%6d%65%74%72%69%63%73",
    "/api/metrics",
    "/api/metrics?x",
    "/api/%6detrics",
    "/%61pi/metrics",
    "/%61%70%69/%6d%65%74%72%69%63%73",
    "/api%2fmetrics",
    "/api%2Fmetrics",
    "/api%2f%6detrics",
    "http://localhost/metrics",
    "http://localhost/%6detrics",
    "http://localhost/api/metrics",
    "http://other.example/metrics",
    "HTTP://localhost/metrics",
    "/metrics#x",
    "/metrics%0a",
    "/api/metrics%0A",
)
"""The service itself shows its numbers at each of these, as its ROOT_PATH is `/api`."""

OTHERS = (
    "//metrics",
    "///metrics",
    "/metrics/",
    "/metrics//",
    "/./metrics",
    "/metrics/.",
    "/x/../metrics",
    "/x/%2e%2e/metrics",
    "/%2e/metrics",
    "/x/..%2fmetrics",
    "/%2fmetrics",
    "/%2Fmetrics",
    "/%2f%2fmetrics",
    "/metrics%2f",
    "/api//metrics",
    "//api/metrics",
    "/api/./metrics",
    "/api/x/../metrics",
    "/api/%2e%2e/metrics",
    "/api/metrics/",
    "/METRICS",
    "/Metrics",
    "/%4detrics",
    "/%256detrics",
    "/%25%36detrics",
    "/metrics;x=1",
    "/metrics%3bx",
    "/metrics%3f",
    "/metrics%23",
    "/metrics%00",
    "/metrics%20",
    "/metrics%0d",
    "/metrics%zz",
    "/%5cmetrics",
    "/\\metrics",
    "/x\\..\\metrics",
    "/metrics&x",
    "/%c0%afmetrics",
    "/%u006detrics",
    "metrics",
    "*",
)
"""At these it does not. A proxy must not make one of the above of them, either."""


async def over_http1(port: int, target: str, tls: ssl.SSLContext | None) -> str:
    """What comes for this target, as it stands here."""
    reader, writer = await asyncio.open_connection("localhost", port, ssl=tls)
    head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    writer.write(head.encode())
    try:
        return (await asyncio.wait_for(reader.read(), 10)).decode()
    except ConnectionError:
        return ""
    finally:
        writer.close()


async def over_http2(front: Front, targets: tuple[str, ...], folder: Path) -> str:
    """All that comes for these targets, one after the other."""
    quoted = (target.replace("\\", "\\\\") for target in targets)
    requests = (f'url = "{front.url}"\nrequest-target = "{target}"\n' for target in quoted)
    common = f'http2\nsilent\ninclude\ncacert = "{front.ca}"\n'
    (folder / "curl").write_text("next\n".join(common + request for request in requests))
    process = await asyncio.create_subprocess_exec(
        "curl", "--config", str(folder / "curl"), stdout=PIPE
    )
    out, _ = await process.communicate()
    return out.decode()


async def test_the_service_itself_shows_its_numbers_where_the_table_says() -> None:
    async with running(root_path=PREFIX) as service:
        port = int(service.url.rsplit(":", 1)[1])
        shown = [t for t in (*OPEN, *OTHERS) if SHOWN in await over_http1(port, t, None)]
    assert shown == list(OPEN)


@pytest.mark.parametrize("name", PROXIES)
async def test_a_proxy_shows_them_to_nobody(name: str, tmp_path: Path) -> None:
    targets = (*OPEN, *OTHERS)
    async with (
        running(root_path=PREFIX) as service,
        PROXIES[name](service.url, tmp_path) as front,
    ):
        shown = [t for t in targets if SHOWN in await over_http1(front.port, t, front.tls)]
        assert shown == []
        paths = tuple(target for target in targets if target.startswith("/"))
        over = await over_http2(front, paths, tmp_path)
        assert over.count("HTTP/2 404") >= 20
        assert SHOWN not in over
        assert '"status":"ok"' in await over_http1(front.port, "/healthz", front.tls)


def test_the_expression_for_envoy_matches_each_of_them_and_little_else() -> None:
    """Envoy matches the whole path as it was sent, without a query, in RE2's form."""
    found = re.search(r'regex: "(\(\?i\).+)"', snippet("yaml", "http_connection_manager"))
    assert found
    for target in OPEN:
        path = re.sub(r"^https?://[^/]+", "", target, flags=re.IGNORECASE).partition("?")[0]
        assert re.fullmatch(found[1], path)
    for path in ("/", "/healthz", "/ideas", "/web/metrics.js", "/metricsx", "/metrics/x"):
        assert not re.fullmatch(found[1], path)
