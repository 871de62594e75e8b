"""The proxy lines of docs/front-ends.md, each in the development server that they are for.

`make test-front-ends` installs the servers and runs this. A front end is as small as it can be: the
lines of the document, and a page.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio.subprocess import STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.browsers.count import Count
from tests.browsers.site import sample
from tests.support.http_client import http_client
from tests.support.service import Service, running
from tests.support.sockets import free_port
from tests.support.upstream import HEAD, Exchange, end, text, upstream

HERE = Path(__file__).parent
BIN = HERE / "node_modules" / ".bin"
GUIDE = "docs/front-ends.md"
SECONDS = 120
QUIET = {"NEXT_TELEMETRY_DISABLED": "1", "NUXT_TELEMETRY_DISABLED": "1", "CI": "1"}
FIRST, SECOND = '{"items": [{"title": "Figs", "blurb": "Sw', 'eet."}]}'

NEXT_PAGE = "export default () => <p>Ideas</p>;\n"
NEXT_LAYOUT = "export default ({ children }) => <html><body>{children}</body></html>;\n"
SVELTE_HTML = "<!doctype html><head>%sveltekit.head%</head><body>%sveltekit.body%</body>\n"
SVELTE_CONFIG = "export default {};\n"


class Kind(NamedTuple):
    """A front end: the file that the document shows and what is in it, other files, a command."""

    file: str
    part: str
    others: dict[str, str]
    command: tuple[str, ...]


KINDS = {
    "vite": Kind(
        "vite.config.js",
        "export default {\n  server: { proxy",
        {"index.html": "<p>Ideas"},
        ("vite", "--port", "{port}"),
    ),
    "next": Kind(
        "next.config.mjs",
        "rewrites",
        {"app/page.jsx": NEXT_PAGE, "app/layout.jsx": NEXT_LAYOUT},
        ("next", "dev", "--port", "{port}"),
    ),
    "sveltekit": Kind(
        "vite.config.js",
        "sveltekit()",
        {
            "src/app.html": SVELTE_HTML,
            "src/routes/+page.svelte": "<p>Ideas</p>\n",
            "svelte.config.js": SVELTE_CONFIG,
        },
        ("vite", "dev", "--port", "{port}"),
    ),
    "nuxt": Kind(
        "nuxt.config.js",
        "$client",
        {"app.vue": "<template><p>Ideas</p></template>\n"},
        ("nuxt", "dev", "--port", "{port}", "--host", "localhost", "--no-fork"),
    ),
}


@asynccontextmanager
async def front_end(name: str, service: Service) -> AsyncIterator[str]:
    """The URL of a front end whose development server runs, with the document's lines."""
    kind, port = KINDS[name], free_port()
    folder = HERE / "build" / name
    lines = sample(GUIDE, "js", kind.part).replace("http://localhost:8000", service.url)
    _write(folder, {**kind.others, kind.file: lines, "package.json": '{"type": "module"}'})
    command = [BIN / kind.command[0], *(part.format(port=port) for part in kind.command[1:])]
    log = folder / "log"
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=os.environ | QUIET,
            stdout=said,
            stderr=STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://localhost:{port}"
        await _answering(url, process)
        yield url
    except BaseException:
        print(log.read_text(encoding="utf-8", errors="replace")[-3000:])
        raise
    finally:
        os.killpg(process.pid, 15)
        await process.wait()


def _write(folder: Path, files: dict[str, str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


async def _answering(url: str, process: asyncio.subprocess.Process) -> None:
    """Wait until the page is there."""
    async with asyncio.timeout(SECONDS), http_client(timeout=SECONDS) as client:
        while True:
            assert process.returncode is None, "the development server has ended"
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("name", list(KINDS))
async def test_a_stream_comes_through_as_it_is_written_and_stops_when_it_is_left(name: str) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD, text(FIRST))
        await go_on.wait()
        await exchange.send(text(SECOND) + end())

    go_on = asyncio.Event()
    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url) as service,
        front_end(name, service) as url,
        http_client(base_url=url, timeout=SECONDS) as page,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        # What the browser sends from the front end's page, which asks for compression.
        headers = {"Origin": url, "Sec-Fetch-Site": "same-origin", "Accept-Encoding": "gzip, br"}
        body = {"topic": "figs", "count": 1}
        count = Count(client)

        # As it is written: the model waits until the first words have come.
        async with page.stream("POST", "/ideas", json=body, headers=headers) as response:
            assert response.status_code == 200, await response.aread()
            found = ""
            async for piece in response.aiter_text():
                found += piece
                if "Sw" in found:
                    go_on.set()
        assert 'event: done\ndata: [{"title":"Figs","blurb":"Sweet."}]' in found

        # Left: the connection ends, and the model with it.
        go_on.clear()
        async with page.stream("POST", "/ideas", json=body, headers=headers) as response:
            await anext(response.aiter_text())
        await count.stopped()

        # Cancelled by its id.
        async with page.stream(
            "POST", "/ideas?resumable=true", json=body, headers=headers
        ) as response:
            await anext(response.aiter_text())
            await count.running()
            path = f"{response.headers['location']}/cancel"
            assert (await page.post(path, headers=headers)).status_code == 204
        await count.stopped()
        go_on.set()
