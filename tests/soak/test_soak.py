"""A few seconds of what `make soak` does for minutes: what holds of any machine holds."""

from __future__ import annotations

import json

import pytest

from tests.soak.account import account
from tests.soak.clients import KINDS
from tests.soak.models import QUICK
from tests.soak.report import markdown, verdicts
from tests.soak.run import soak
from tests.soak.watch import Metrics


@pytest.mark.parametrize("processes", [2, pytest.param(1, marks=pytest.mark.chaos)])
async def test_a_short_soak_breaks_no_promise(processes: int) -> None:
    said: list[str] = []
    found = await soak(3, said.append, processes=processes, models=QUICK, pace=1000, change=1.5)
    assert said
    assert found.world.visits.keys() == {visit.__name__ for visit in KINDS}
    assert found.world.outcomes["done"] > 5
    assert found.recorded.requests > 5
    assert found.world.fleet.killed == processes - 1
    assert [verdict for verdict in verdicts(found) if not verdict.held] == [], markdown(found)
    assert markdown(found).startswith("# Soak\n")


def test_the_lag_is_read_from_its_buckets() -> None:
    def lag(*counts: int) -> Metrics:
        lines = ["# TYPE event_loop_lag_seconds histogram"]
        for bound, count in zip(("0.01", "0.05", "+Inf"), counts, strict=True):
            lines.append(f'event_loop_lag_seconds_bucket{{le="{bound}"}} {count}')
        return Metrics.read("\n".join(lines) + "\n")

    assert lag(99, 100, 100).lag_quantile(0.99) == 0.01
    assert lag(90, 99, 100).lag_quantile(0.99) == 0.05
    assert lag(90, 98, 100).lag_quantile(0.99) == float("inf")
    assert lag(90, 98, 100).lag_quantile(0.99, since=lag(0, 0, 2)) == 0.05


def test_each_stream_is_accounted_for() -> None:
    def line(event: str, id: str, **more: str) -> str:
        return json.dumps({"event": event, "id": id, **more})

    def begun(id: str) -> str:
        return line("stream started", id)

    def ended(id: str, outcome: str) -> str:
        return line("stream ended", id, outcome=outcome)

    killed = [begun("a"), ended("a", "done"), begun("b"), begun("c"), '{"event": "stre']
    lives = [begun("b"), ended("b", "cancelled"), begun("d"), ended("d", "moved")]
    good = account([(killed, True), (lives, False)])
    assert good.is_even
    assert (good.started, good.done, good.cancelled, good.moved, good.lost) == (5, 1, 1, 1, 2)
    assert (good.unended, good.twice, good.unknown) == ([], [], [])
    bad = account([([begun("a"), ended("a", "done"), begun("b")], False), ([*lives, "!"], False)])
    assert not bad.is_even
    assert (bad.unended, bad.unknown) == (["b"], ["!"])
    twice = account([([begun("a"), ended("a", "done")], False)] * 2)
    assert twice.twice == ["a"]
