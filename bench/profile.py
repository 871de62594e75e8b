"""Records where the flooded service spends its time, with py-spy."""

from __future__ import annotations

import asyncio
import sysconfig
from pathlib import Path

from bench.contestants import Contestant
from bench.field import field

RATE = 250
"""Samples a second."""


async def record(contestant: Contestant, name: str, seconds: float, out: Path) -> None:
    """Write a flame graph of the contestant's server."""
    program = Path(sysconfig.get_path("scripts")) / "py-spy"
    async with field() as place:
        server = await place.server(contestant)
        await place.read(contestant, name, "flood", 10)
        arguments = ["--pid", str(server.process.pid), "--duration", str(round(seconds))]
        arguments += ["--rate", str(RATE), "--output", str(out), "--native"]
        watching = await asyncio.create_subprocess_exec(program, "record", *arguments)
        while watching.returncode is None:
            await place.read(contestant, name, "flood", 10)
        if watching.returncode:
            raise SystemExit(f"py-spy ended with {watching.returncode}")
