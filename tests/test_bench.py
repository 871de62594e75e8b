"""The benchmark works: what it measures is not looked at, only that everything is measured."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from app.views.specs import VIEWS
from bench.client import Report
from bench.contestants import BASELINE, OURS
from bench.documents import END, LISTS, MODELS, OTHERS, STAMP, document
from bench.field import DIRECT, field
from bench.growth import growth_table
from bench.growth import measure as measure_growth
from bench.large import Case, cases, measure
from bench.paced import MOST_STREAMS, capacity, ideal_seconds
from bench.plan import Plan, play
from bench.progress import Progress
from bench.publish import PAGE, RESULTS, insert
from bench.report import large_table, store_table, tables
from bench.store import Elsewhere, Pair, Shared, Turn

each_document = pytest.mark.parametrize("name", [*LISTS, *OTHERS])


@each_document
def test_a_document_is_of_its_schema_and_comes_in_pieces(name: str) -> None:
    answer = document(name)
    MODELS[answer.schema].model_validate_json(answer.text)
    assert "".join(answer.pieces) == answer.text
    assert answer.pieces[answer.preamble] == STAMP
    assert any(END in piece for piece in answer.pieces)


def test_a_word_of_a_document_is_one_chunk() -> None:
    answer = document("list-5")
    strings = "".join(json.dumps(value) for value in json.loads(answer.text)["items"])
    assert len(answer.words) == 5 * (7 + 24)
    assert all(f"{word.decode()} " in strings for word in answer.words)


def test_every_view_is_measured() -> None:
    assert [contestant.query for contestant in OURS] == [f"view={view}" for view in VIEWS]
    assert {case.reader.name for case in cases(["numbers"])} >= set(VIEWS)


async def test_everything_is_measured_with_a_service_and_a_proxy() -> None:
    plan = Plan(
        contestants=[OURS[0], BASELINE],
        lists=["list-1", "list-5"],
        shaped=[OURS[1], BASELINE],
        shapes=["deep-20"],
        rounds=1,
        seconds=0.01,
        firsts=2,
        delayed=[DIRECT, OURS[0]],
        paced="list-1",
        streams=3,
        opened=[(BASELINE, 3)],
        edged=1,
        filling=3,
        edge_calls=2,
    )
    async with field() as place:
        results = await play(place, plan, Progress())
    for name in plan.lists:
        for contestant in plan.contestants:
            assert len(results.lists[contestant.name, name].seconds) == 1
    assert results.shapes[OURS[1].name, "deep-20"].seconds
    assert set(results.firsts) == {OURS[0].name, BASELINE.name}
    for trial in results.delays.values():
        assert not trial.report.failures
        assert len(trial.report.seconds) == 3
        assert trial.report.every[1] > 0
    assert results.memory[BASELINE.name].idle > 0
    found = results.edges
    assert found is not None
    assert {status: len(seconds) for status, seconds in found.refused.items()} == {
        401: 2,
        429: 2,
        503: 2,
    }
    assert (len(found.direct), len(found.fronted), len(found.exits)) == (2, 2, 1)
    made = tables(plan, results)
    assert set(made) == {"machine", "flood", "shapes", "first", "paced", "memory", "edges"}


@pytest.mark.parametrize("case", cases(["numbers"]), ids=lambda case: case.reader.name)
async def test_a_large_answer_is_measured_in_every_view(case: Case) -> None:
    small = replace(case, size=20_000)
    found = await measure(small)
    assert found.document == small.document_bytes
    assert found.probes
    assert found.sent >= small.document_bytes
    assert f"| numbers | {case.reader.name} |" in large_table({small: found})


def test_what_a_store_costs_is_said_as_medians_of_pairs() -> None:
    def turn(cpu: float, p99: float, commands: int) -> Turn:
        return Turn(Report(first=[0.01, 0.02, 0.03], newest=(0.01, p99)), cpu, commands)

    pairs = [Pair(turn(1, 0.1, 0), turn(ratio, 0.11, 400)) for ratio in (1.02, 1.04, 1.5)]
    found = Shared(20, pairs, Elsewhere([0.05], [0.01, 0.09]), {1: 10, 2: 19})
    made = store_table(found)
    assert "| 1.04 x |" in made
    assert "| delay p99, ms | 100.0 | 110.0 | 1.10 x | +10.0 |" in made
    assert "| first event p50, ms | 20.0 | 20.0 | 1.00 x | +0.0 |" in made
    assert "| attached, ms | 50 | 50 |" in made
    assert "| 2 | 19.0 | 1.90 x |" in made
    assert f"a stream of 15 s: {20 * 15 / ideal_seconds('list-20'):.0f}." in made


class Holding:
    """A field whose contestants hold so many streams."""

    def __init__(self, most: int) -> None:
        self._most = most

    async def server(self, *_: Any) -> Any:
        return self

    async def settle(self) -> None:
        pass

    async def read(self, _: Any, name: str, pace: str, streams: int, **options: Any) -> Any:
        slow = 1 if streams <= self._most else 1.5
        seconds = [slow * ideal_seconds(name)] * streams
        return Report(seconds=seconds), sum(seconds) / 100


@pytest.mark.parametrize("most", [0, 1, 2, 60, 100, 137, 400])
async def test_a_capacity_is_found_within_a_tenth(most: int) -> None:
    place: Any = Holding(most)
    found = await capacity(place, OURS[0], 20, Progress())
    assert (found.best.streams if found.best else 0) <= most
    lost = min(trial.streams for trial in found.trials if not trial.held)
    assert lost > most
    assert lost <= (found.best.streams if found.best else 0) * 1.12 + 1


async def test_a_capacity_is_searched_for_up_to_a_thousand_streams() -> None:
    place: Any = Holding(5000)
    found = await capacity(place, OURS[0], 20, Progress())
    assert found.best is not None
    assert found.best.streams == MOST_STREAMS


def test_the_page_has_the_tables_of_the_last_run() -> None:
    page = PAGE.read_text(encoding="utf-8")
    files = sorted(RESULTS.glob("*.md"))
    assert files
    for file in files:
        assert insert(page, file.stem, file.read_text(encoding="utf-8")) == page


def test_a_table_without_a_place_in_the_page_is_refused() -> None:
    assert insert("<!-- a -->\nold<!-- /a -->", "a", "new\n") == "<!-- a -->\nnew\n<!-- /a -->"
    with pytest.raises(ValueError, match="no place for b"):
        insert("<!-- a -->\n<!-- /a -->", "b", "new\n")


def test_how_the_cost_grows_is_measured_for_every_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.growth.SIZES", (1000, 3000))
    monkeypatch.setattr("bench.growth.RUNS", 1)
    head, _, row = growth_table({"numbers": measure_growth("numbers")}).splitlines()
    assert "| decoder and log | snapshot | delta | text | ui-message | ag-ui |" in head
    assert row.startswith("| numbers | ")
    assert row.count("µs)") == 6
