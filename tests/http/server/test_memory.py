"""Memory of a process that serves: what is free goes back to the system."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os
from pathlib import Path
from app.http.server.server import settle

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

settle()
bytes(16 << 20)  # it is free at once, and glibc would raise its threshold now
blocks, pins = [], []
for _ in range(64):
    blocks.append(b"x" * (1 << 20))
    pins.append(b"x" * 100_000)  # above a block of glibc's heap, so that the heap can't shrink
before = resident()
blocks.clear()
print(before - resident())
"""


def test_large_blocks_are_given_back_although_small_ones_lie_between_them() -> None:
    freed = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(freed.stdout) > 60 << 20
