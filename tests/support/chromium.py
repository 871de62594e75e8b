"""Chromium, without a window."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "google-chrome"
OPTIONS = ("--disable-dev-shm-usage", *(("--no-sandbox",) if os.geteuid() == 0 else ()))
"""Options that Chromium needs in a container."""

HEADLESS = (CHROMIUM, "--headless", "--no-first-run", "--disable-gpu", *OPTIONS)


@asynccontextmanager
async def chromium(url: str, *options: str) -> AsyncIterator[None]:
    """A headless Chromium that shows a page."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = await asyncio.create_subprocess_exec(
            *HEADLESS,
            "--remote-debugging-port=0",  # without this it would exit when the page has loaded
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
