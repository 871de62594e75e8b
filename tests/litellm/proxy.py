"""LiteLLM's proxy in a process of its own, from the environment that `make test-litellm` makes."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import ROOT
from tests.support.sockets import free_port, listens

COMMAND = ROOT / ".venv" / "litellm" / "bin" / "litellm"
SECONDS = 180
"""How long it may take to start: it imports a great deal."""


@dataclass
class Proxy:
    """base_url: where it speaks as OpenAI does. key: what it wants to be told"""

    base_url: str
    key: str


@asynccontextmanager
async def proxy(base_url: str, folder: Path) -> AsyncIterator[Proxy]:
    """The proxy of the model `tiny` at this URL. It is gone at the end."""
    config = folder / "litellm.yaml"
    server = {"model": "openai/tiny", "api_base": base_url, "api_key": "none"}
    # JSON is YAML, too.
    config.write_text(
        json.dumps({"model_list": [{"model_name": "tiny", "litellm_params": server}]})
    )
    port, key = free_port(), f"sk-{secrets.token_hex(16)}"
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, "--config", config, "--host", "127.0.0.1", "--port", str(port)),
        *("--telemetry", "False"),
        env={
            "PATH": f"{COMMAND.parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LITELLM_MASTER_KEY": key,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # it would ask GitHub for the prices
        },
        stdout=(folder / "litellm.log").open("wb"),
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(SECONDS):
            while not await listens(port):
                assert process.returncode is None, (folder / "litellm.log").read_text()[-2000:]
                await asyncio.sleep(0.1)
        yield Proxy(f"http://127.0.0.1:{port}/v1", key)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
