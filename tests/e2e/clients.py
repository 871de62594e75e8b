"""The real clients of other front ends: npm packages, run by Node and by Chromium.

`npm ci` in `front_ends/` gets them, `npm run build` bundles the page with the hooks.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

front_ends = Path(__file__).parent / "front_ends"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "google-chrome"


async def client(script: str, url: str, **options: Any) -> Any:
    """What a script in `front_ends/` reports of `url`.

    options: `topic`, `parameters` and `headers` of its request
    """
    path = front_ends / f"{script}.mjs"
    node = await asyncio.create_subprocess_exec(
        "node", path, url, json.dumps(options), stdout=PIPE, stderr=PIPE
    )
    try:
        out, said = await asyncio.wait_for(node.communicate(), 30)
    finally:
        if node.returncode is None:
            node.kill()
            await node.wait()
    assert node.returncode == 0, said.decode()
    return json.loads(out)


@asynccontextmanager
async def chromium(url: str, *options: str) -> AsyncIterator[None]:
    """A headless Chromium that shows a page."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = await asyncio.create_subprocess_exec(
            CHROMIUM,
            "--headless",
            "--no-first-run",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            "--remote-debugging-port=0",  # without one it would end with the page's load
            f"--user-data-dir={profile}",
            *options,
            url,
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
        try:
            yield
        finally:
            browser.terminate()
            await browser.wait()
