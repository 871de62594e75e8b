"""The processes of the bench: they are pinned to cores, and their CPU and memory are measured."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from bench.client import Job, Report

ROOT: Final = Path(__file__).parents[1]
CORES: Final = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = CORES[0]
OTHER_CORES: Final = set(CORES[1:]) or set(CORES)
START_SECONDS: Final = 60
PR_SET_PDEATHSIG: Final = 1
SETTLE_SECONDS: Final = 30
LOOK_SECONDS: Final = 0.2
IDLE: Final = 0.03
"""The part of a core that an idle server may use."""


class Process:
    """A process, with its first line of output. `seconds`: the time until this line."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, seconds: float) -> None:
        self.process = process
        self.url = url
        self.seconds = seconds

    @property
    def cpu(self) -> float:
        """CPU seconds so far, user and system."""
        # This is what clock_getcpuclockid(3) returns. Python doesn't have that function, and /proc
        # counts only hundredths of a second.
        return time.clock_gettime(~self.process.pid << 3 | 2)

    async def settle(self) -> None:
        """Wait until the process is idle, as streams may go on after their readers have left."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                before = -1.0
                while self.cpu - before > IDLE * LOOK_SECONDS:
                    before = self.cpu
                    await asyncio.sleep(LOOK_SECONDS)

    @property
    def memory(self) -> int:
        """Resident bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE")

    @property
    def peak(self) -> int:
        """The most resident bytes since `reset_peak`."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(status.split("VmHWM:")[1].split()[0])

    def reset_peak(self) -> None:
        """Reset the peak to the present resident bytes. See proc_pid_clear_refs(5)."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    @property
    def address(self) -> tuple[str, int]:
        """The host and port of its `url`."""
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)


@asynccontextmanager
async def started(
    *arguments: str, cores: set[int], speaks: bool = True, **settings: str
) -> AsyncIterator[Process]:
    """Run `python -m …` until the end of the block. speaks: it prints a line when it is ready."""
    began = time.monotonic()
    environment = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    with tempfile.TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            cwd=ROOT,
            env=environment | settings,
            stdin=PIPE,
            stdout=PIPE,
            stderr=said,
            preexec_fn=_end_with_parent,
        )
        try:
            os.sched_setaffinity(process.pid, cores)
            assert process.stdout is not None
            line = b""
            if speaks:
                line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
                if not line:
                    said.seek(0)
                    raise RuntimeError(f"{arguments[0]} did not start:\n{said.read().decode()}")
            yield Process(process, line.decode().strip(), time.monotonic() - began)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


def _end_with_parent() -> None:
    """End with the parent, however it ends: a server that runs on would disturb the next run.

    See prctl(2).
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Client:
    """The process with the readers."""

    def __init__(self, process: Process) -> None:
        self._process = process.process

    async def read(self, job: Job) -> Report:
        """Let the process do a job. Returns its report."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(job) + b"\n")
        line = await self._process.stdout.readline()
        return msgspec.json.decode(line, type=Report)
