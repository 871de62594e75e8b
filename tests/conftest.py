"""Async tests run in the event loop that the service runs in. Tests of real models run where
there is a server for them, and what they saw is told at the end.
"""

from __future__ import annotations

import gc
import time
from asyncio import AbstractEventLoop
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import uvloop
from hypothesis import settings

from tests.support.real_model import IS_THERE

collect_ignore = [] if IS_THERE else ["real"]

settings.register_profile("patient", deadline=None)  # however slow the machine is
settings.load_profile("patient")


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


LONGEST = ("tests/test_packaging.py", "tests/http/openapi/test_schemathesis.py")
"""Files whose first test takes half a minute. They come first: begun last, they would hold up the
end of a run while the other processes have nothing left to do."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What is released in such a test was released by the code, and not by chance."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def new_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is counted in a minute in this process is counted in one that begins with the test.

    The library's minutes are those of the clock, and one of them might end in the middle of it.
    """
    passed = time.time() % 60

    class Clock:
        @staticmethod
        def time() -> float:
            return time.time() - passed

    monkeypatch.setattr("limits.aio.storage.memory.time", Clock)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not IS_THERE:
        terminalreporter.write_line(
            "LEFT OUT: tests/real. The real model, which they need, runs on Linux on x86_64 alone."
        )
    reports = terminalreporter.getreports("passed")
    told = [pair for report in reports for pair in report.user_properties]
    for (what, outcome), count in sorted(Counter(told).items()):
        terminalreporter.write_line(f"{what}: {count} ended in {outcome}")
