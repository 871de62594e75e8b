"""`make run-many`: nginx, three processes and their Redis, one of which is killed in a stream."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from structured_streams import stream

from tests.support.http_client import http_client
from tests.support.process import ROOT, Process, environment
from tests.support.service import eventually
from tests.support.sockets import free_port

MANY = ROOT / "deploy" / "many.py"


@asynccontextmanager
async def many(**settings: str) -> AsyncIterator[Process]:
    """All parts, told at their start."""
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, str(MANY)),
        env=environment(NO_COLOR="1", **settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    process = Process(started)
    try:
        yield process
    finally:
        await process.kill()


def is_alive(pid: int) -> bool:
    """Whether this process runs: neither gone nor a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def is_there(folder: str) -> bool:
    return Path(folder).is_dir()


async def test_a_client_goes_on_when_its_process_is_killed_and_ctrl_c_ends_all_parts() -> None:
    url = f"http://localhost:{(port := free_port())}"
    async with many(PORT=str(port)) as it:
        await it.line("Ctrl-C ends")
        rows = (re.match(r"  (\w+(?: \d)?) +pid (\d+) ", line) for line in it.lines)
        pids = {row[1]: int(row[2]) for row in rows if row}
        assert list(pids) == ["nginx", "process 1", "process 2", "process 3", "redis"]
        found = re.search(r"Their folder is (.+)", await it.line("Their folder"))
        assert found
        folder = found[1]
        assert is_there(folder)

        answered: list[str] = []

        async def note(response: httpx.Response) -> None:
            answered.append(response.headers["X-Served-By"])

        async with http_client(timeout=60, event_hooks={"response": [note]}) as client:
            reading = stream(url, "ideas", topic="figs", count=5, client=client)
            async for partial in reading:
                if len(answered) == 1 and len(partial.value) == 2:
                    owner = answered[0]
                    os.kill(pids[owner], signal.SIGKILL)
            items = await reading.final()
        assert len(items) == 5
        assert answered[0] == owner
        assert answered[-1] != owner

        await it.line(f"{owner} has ended (SIGKILL); it is started again")
        await it.line(f"{owner} is back, with pid ")
        it.signal(signal.SIGINT)
        assert await it.exit_code() == 0
        assert not any(map(is_alive, pids.values()))
        assert not is_there(folder)


ONE_PART = f"""
import asyncio, runpy
Part = runpy.run_path({str(MANY)!r})["Part"]
part = Part("a part", ("sleep", "60"), lambda: asyncio.sleep(0, True))
async def main():
    await part.start()
    print("pid", part.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_no_part_outlives_it_even_if_it_is_killed() -> None:
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ONE_PART, stdout=asyncio.subprocess.PIPE
    )
    process = Process(started)
    pid = int((await process.line("pid ")).split()[1])
    assert is_alive(pid)
    await process.kill()
    await eventually(lambda: not is_alive(pid))


async def test_a_part_that_can_not_start_ends_the_others(tmp_path: Path) -> None:
    """Redis is the first, and this one ends at once."""
    broken = tmp_path / "redis-server"
    broken.write_text("#!/bin/sh\necho 'no memory'; exit 1\n")
    broken.chmod(0o755)
    async with many(PORT="0", PATH=f"{tmp_path}:{os.environ['PATH']}") as it:
        await it.line("redis has not started. Nothing is left running.")
        assert await it.exit_code() == 1


DYING = f"""
import asyncio, runpy
module = runpy.run_path({str(MANY)!r})
module["Part"].start.__globals__["PAUSE_SECONDS"] = 0.01
async def is_up():
    with open("times", "a") as times:
        times.write(".")
    return len(open("times").read()) != 2
part = module["Part"]("a part", ("sleep", "0.1"), is_up)
async def main():
    await part.start()
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_a_part_that_dies_again_and_again_is_started_again_and_again(tmp_path: Path) -> None:
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DYING, stdout=asyncio.subprocess.PIPE, cwd=tmp_path
    )
    process = Process(started)
    await eventually(lambda: sum("has ended (exit code 0)" in line for line in process.lines) > 2)
    await process.kill()
    assert sum("is back, with pid" in line for line in process.lines) >= 2
