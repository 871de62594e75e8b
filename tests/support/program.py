"""Programs that run to their end."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE
from pathlib import Path

SECONDS = 60


async def printed(
    *command: str | Path, seconds: float = SECONDS, cwd: Path | None = None, **environment: str
) -> str:
    """The output of a program, which must exit with 0 and in time."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=PIPE, stderr=PIPE, env=os.environ | environment, cwd=cwd
    )
    try:
        out, said = await asyncio.wait_for(process.communicate(), seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said.decode()
    return out.decode()
