"""`python -m app try`: how models do with a schema, by the streaming path."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.errors import UnknownSchema
from app.settings import Settings
from app.terminal.trial import Score, TopicsError, Trial, read_topics, run, score, tell
from tests.support.schema_files import REGISTRY
from tests.support.service import DEFAULTS

SETTINGS = Settings(**{**DEFAULTS, "model": "demo"})


@pytest.fixture(autouse=True)
def no_logs() -> Iterator[None]:
    """The command writes no lines of a log beside its table."""
    with capture_logs():
        yield


@pytest.fixture
def topics(tmp_path: Path) -> Path:
    file = tmp_path / "topics.txt"
    file.write_text('tea\n\n  healthy snacks  \n{"topic": "coffee", "count": 2}\n')
    return file


def test_each_model_has_a_line(topics: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("demo", "demo-invalid", "demo-refusal")
    code = run(SETTINGS, "ideas", names, topics, at_once=2, as_json=True)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 1  # as one of them has given nothing
    measured = ("first_content_ms", "tokens_per_second")
    assert [{key: line[key] for key in line if key not in measured} for line in told] == [
        {
            "model": "demo",
            "streams": 3,
            "done": 3,
            "valid_at_first": 3,
            "restarts": {},
            "errors": {},
            "cost_usd": None,
        },
        {
            "model": "demo-invalid",
            "streams": 3,
            "done": 3,
            "valid_at_first": 0,
            "restarts": {"output_invalid": 3},
            "errors": {},
            "cost_usd": None,
        },
        {
            "model": "demo-refusal",
            "streams": 3,
            "done": 0,
            "valid_at_first": 0,
            "restarts": {},
            "errors": {"output_refused": 3},
            "cost_usd": None,
        },
    ]
    assert all(line["first_content_ms"] > 0 for line in told[:2])
    assert told[0]["tokens_per_second"] > 0


def test_the_table_has_shares_and_reasons(topics: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(SETTINGS, "ideas", ("demo-invalid",), topics, at_once=4, as_json=False) == 0
    above, head, line, _, reasons = capsys.readouterr().out.splitlines()
    assert above.split() == ["valid", "first"]
    assert head.split() == [*("model", "at", "first", "done"), *HEADS]
    assert "0% (0/3)" in line
    assert "100% (3/3)" in line
    assert "3: output_invalid 3" in reasons


HEADS = ("restarts", "content", "tokens/s", "cost")
SCORES = [
    Score("gpt-4o-mini", 50, 50, 49, {"output_invalid": 1}, {}, 1234, 123.4, 12.3456),
    Score("anthropic/claude-sonnet", 50, 0, 0, {}, {"provider_rate_limited": 50}, None, None, None),
]


def test_the_table_fits_into_a_terminal_of_80_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell(SCORES, 80)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "                valid                                  first",
        "model           at first     done          restarts  content  tokens/s      cost",
        "gpt-4o-mini     98% (49/50)  100% (50/50)         1   1.23 s       123  $12.3456",
        "anthropic/clau  0% (0/50)    0% (0/50)            0",
        "de-sonnet",
        "",
        "gpt-4o-mini: restarts 1: output_invalid 1",
        "anthropic/claude-sonnet: errors 50: provider_rate_limited 50",
    ]


def test_a_bar_for_each_model_shows_how_far_it_is_and_is_not_in_the_output(
    topics: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal
    names = ("demo", "demo-invalid")
    assert run(SETTINGS, "ideas", names, topics, at_once=1, as_json=True) == 0
    told = capsys.readouterr()
    for name in names:
        assert re.search(rf"{name} [^\n]*100%", told.err)
    assert [json.loads(line)["model"] for line in told.out.splitlines()] == list(names)


def test_a_score_is_made_of_trials() -> None:
    trials = [
        Trial("done", 1, (), 0.1, 50, 0.01),
        Trial("done", 3, ("output_invalid", "provider_interrupted"), 0.3, 30, 0.03),
        Trial("provider_timeout", 2, ("output_invalid",), None, None, 0.02),
    ]
    assert score("m", trials) == Score(
        model="m",
        streams=3,
        done=2,
        valid_at_first=1,
        restarts={"output_invalid": 2, "provider_interrupted": 1},
        errors={"provider_timeout": 1},
        first_content_ms=200,
        tokens_per_second=40,
        cost_usd=0.06,
    )


def test_what_is_wrong_is_said_before_a_model_is_asked(topics: Path, tmp_path: Path) -> None:
    ideas = REGISTRY.get("ideas")
    assert [each.topic for each in read_topics(ideas, topics)] == [
        "tea",
        "healthy snacks",
        "coffee",
    ]
    with pytest.raises(TopicsError, match="No such file"):
        read_topics(ideas, tmp_path / "none")
    topics.write_text("tea\n" + "x" * 501)
    with pytest.raises(TopicsError, match="line 2: topic: "):
        read_topics(ideas, topics)
    topics.write_text("\n")
    with pytest.raises(TopicsError, match="expected 1 to 1000 topics"):
        read_topics(ideas, topics)
    with pytest.raises(TopicsError, match="no model nobody; there are: demo, "):
        run(SETTINGS, "ideas", ("nobody",), topics, at_once=1, as_json=True)
    with pytest.raises(UnknownSchema):
        run(SETTINGS, "nothing", (), topics, at_once=1, as_json=True)
