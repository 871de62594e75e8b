"""How the processes of one service share their counts, so that any of them tells the sums.

Each writes its own into files of a folder, as prometheus_client's multiprocess mode has it. A
process has a number, which the one that replaces it takes over: so there are never more files than
there were processes at once, and no count is lost with a process.
https://prometheus.github.io/client_python/multiprocess/
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Final

import prometheus_client.values as values
from prometheus_client.multiprocess import mark_process_dead

from app.settings import announce, variable

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client reads the folder's name from it."""

MEMORY: Final = "/dev/shm"
"""Files there cost no disk, and a container that may write nowhere else has it."""


@contextmanager
def shared_folder() -> Iterator[str]:
    """A folder for the counts of the processes that this one starts. It is removed at the end."""
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    with TemporaryDirectory(prefix="structured-streams-", dir=place) as folder:
        yield folder


def shared_counts() -> str | None:
    """The folder into which this process counts; None if it counts for itself."""
    folder = variable(VARIABLE)
    return folder.get_secret_value() if folder else None


def count_into(folder: str, number: int) -> None:
    """Write the counts of this process into a folder, under its number. Before any is made."""
    announce(VARIABLE, folder)
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]


def forget_gauges(folder: str, number: int) -> None:
    """A process has ended: what runs in it, or is open, counts no more. Its counters stay."""
    mark_process_dead(number, folder)  # type: ignore[no-untyped-call]
