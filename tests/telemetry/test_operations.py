"""`docs/operations.md`, the rules and the dashboard agree with the metrics that there are."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from app.telemetry.instruments import Instruments
from deploy.grafana.dashboard import dashboard
from tests.support.process import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = yaml.safe_load((PROMETHEUS / "rules.yml").read_text(encoding="utf-8"))
INSTRUMENTS = Instruments()
INSTRUMENTS.of_store()
SUFFIXES = {"counter": [""], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}
OF_PROMETHEUS = {"up"}


def metrics() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Of each metric its name, type, labels and meaning."""
    for metric in INSTRUMENTS.registry.collect():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        yield name, metric.type, INSTRUMENTS.labels[name], metric.documentation


def series() -> set[str]:
    """The names that a query may ask for."""
    return {name + suffix for name, kind, _, _ in metrics() for suffix in SUFFIXES[kind]}


def test_the_page_has_each_metric_with_its_type_labels_and_meaning() -> None:
    table = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*) ?\| (.*?) \| (.*) \|$", PAGE, re.M)
    told = {
        (name, kind, tuple(filter(None, labels.strip().split(", "))), meaning)
        for name, kind, labels, meaning, _ in table
    }
    assert told == set(metrics())
    assert all(advice for *_, advice in table)


def rules() -> list[Any]:
    return [rule for group in RULES["groups"] for rule in group["rules"]]


ALERTS = [rule for rule in rules() if "alert" in rule]


def queries() -> list[str]:
    """All queries of the rules and of the dashboard."""
    targets = [target for panel in dashboard()["panels"] for target in panel.get("targets", ())]
    return [rule["expr"] for rule in rules()] + [target["expr"] for target in targets]


FUNCTIONS = re.compile(r"[a-z_:0-9]+(?=\s*\()|\b(?:by|on|and|or|offset|le)\b")


def names_in(query: str) -> tuple[set[str], set[str]]:
    """The series that a query asks for, and the labels that it names."""
    by = re.findall(r"(?:by|on) \(([^)]*)\)", query)
    selected = re.findall(r"\{([^}]*)\}", query)
    labels = {label for part in by for label in part.split(", ")}
    labels |= {each for part in selected for each in re.findall(r"(\w+)(?:=~?|!=)", part)}
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|(?:by|on) \([^)]*\)|offset \w+", " ", query)
    words = set(re.findall(r"[a-zA-Z_:][\w:]*", FUNCTIONS.sub(" ", bare)))
    return words, labels


@pytest.mark.parametrize("query", queries())
def test_each_query_asks_for_metrics_and_labels_that_there_are(query: str) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    words, labels = names_in(query)
    assert words
    assert words <= series() | recorded | OF_PROMETHEUS
    known = {label for *_, found, _ in metrics() for label in found}
    assert labels <= known | {"le", "instance", "job"}


def test_the_test_above_notices_names_that_there_are_not() -> None:
    words, labels = names_in('sum by (le, model) (rate(no_such_bucket{code="x"}[5m])) > 0.5')
    assert (words, labels) == ({"no_such_bucket"}, {"le", "model", "code"})


def test_the_dashboard_is_what_its_code_makes_and_answers_three_questions() -> None:
    file = ROOT / "deploy" / "grafana" / "dashboard.json"
    made = json.loads(file.read_text(encoding="utf-8"))
    assert made == dashboard()
    panels = made["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert [panel["title"] for panel in panels if panel["type"] == "row"] == [
        "Is it slow, or is the model?",
        "What does it cost, and by whom?",
        "What happens to the requests?",
    ]


def test_each_alert_has_an_entry_in_the_runbook_and_a_test() -> None:
    entries = set(re.findall(r"^### (\w+)$", PAGE.split("## Runbook")[1], re.M))
    assert entries == {alert["alert"] for alert in ALERTS}
    for alert in ALERTS:
        anchor = f"docs/operations.md#{alert['alert'].lower()}"
        assert alert["annotations"]["runbook"] == anchor
    played = yaml.safe_load((PROMETHEUS / "rules_test.yml").read_text(encoding="utf-8"))["tests"]
    fired = {
        test["alertname"]
        for each in played
        for test in each["alert_rule_test"]
        if test["exp_alerts"]
    }
    assert fired == entries


def promtool(*arguments: str, given: bytes | None = None) -> None:
    ran = subprocess.run(
        ["promtool", *arguments], input=given, capture_output=True, cwd=PROMETHEUS, check=False
    )
    assert ran.returncode == 0, ran.stdout.decode() + ran.stderr.decode()


def test_prometheus_takes_the_rules_and_they_fire_when_they_should() -> None:
    promtool("check", "config", "prometheus.yml")
    promtool("test", "rules", "rules_test.yml")
