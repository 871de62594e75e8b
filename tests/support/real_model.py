"""A model that is real, if tiny, behind llama.cpp's own server in a process of its own."""

from __future__ import annotations

import asyncio
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from select import select
from typing import Any

import httpx

from tests.support.http_client import http_client
from tests.support.service import Service, running

SERVER = Path(__file__).parents[2] / "deploy" / "llama_server.py"
SECONDS = 60

IS_THERE = sys.platform == "linux" and platform.machine() == "x86_64"
"""Whether it is installed here: nobody has tried it elsewhere, and few systems have a wheel."""


class RealModel:
    """A model that is served.

    url: the server's
    process: in which it runs
    """

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self.process = process

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    async def writes(self, count: int, seconds: float = SECONDS) -> None:
        """Wait until it writes so many answers at once."""
        async with (
            asyncio.timeout(seconds),
            http_client(timeout=SECONDS, trust_env=False) as client,
        ):
            while await self._writing(client) != count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def is_idle(self, seconds: float = 1) -> None:
        """Wait until it writes nothing: within one second, once nobody reads."""
        await self.writes(0, seconds)

    async def _writing(self, client: httpx.AsyncClient) -> int:
        slots = (await client.get(f"{self.url}/slots")).json()
        return sum(slot["is_processing"] for slot in slots)


@contextmanager
def serving(file: Path, *options: str) -> Iterator[RealModel]:
    """llama.cpp's server with the model in this file. It is gone at the end."""
    process = subprocess.Popen(
        [sys.executable, SERVER, file, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield RealModel(_address(process), process)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def tiny(folder: Path, seed: int = 1, *, ends: bool = True) -> Iterator[RealModel]:
    """A tiny model. The seed gives its weights and its choices.

    folder: where its file is written
    ends: whether it ends an answer by itself
    """
    # Imported only here: where it can't run, what writes the file isn't installed either.
    from tests.support import tiny_model

    file = folder / "tiny.gguf"
    tiny_model.write(file, seed, ends=ends)
    options = ("--seed", str(seed), "--context", str(tiny_model.CONTEXT))
    with serving(file, *options) as model:
        yield model


def asking(model: RealModel, **settings: Any) -> AbstractAsyncContextManager[Service]:
    """The service, which asks this model, with these settings."""
    defaults = {"model": "tiny", "instructor_mode": "json_schema"}
    return running(**{**defaults, "openai_base_url": model.base_url, **settings})


def _address(process: subprocess.Popen[str]) -> str:
    """Its first line, which it writes once the model is loaded."""
    assert process.stdout is not None
    ready, _, _ = select([process.stdout], [], [], SECONDS)
    address = process.stdout.readline().strip() if ready else ""
    assert address, "llama.cpp's server has not started"
    return address
