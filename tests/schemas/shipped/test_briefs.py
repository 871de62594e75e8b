"""The schema `briefs`."""

from __future__ import annotations

from tests.schemas.shipped.reading import SHIPPED, check_form, check_prompt, examples, model

BRIEF = """{
  "title": "A plan", "summary": "Short.", "priority": "high", "status": "draft",
  "due": "2026-03-31", "budget": "12000.50", "confidential": false,
  "owner": {"name": "Mei Tanaka", "role": "Editor", "full_time": true},
  "sections": [{"heading": "Risks", "body": "Few.", "sources": [
    {"title": "A", "url": "https://example.org/a", "kind": "paper"}]}],
  "highlight": {"kind": "figure", "label": "Visits", "value": "4.20"}
}"""


def test_it_is_one_object_and_takes_a_topic_alone() -> None:
    assert SHIPPED.get("briefs").root_key is None
    assert list(SHIPPED.get("briefs").schema.parameters.model_fields) == ["topic"]


def test_a_brief_validates_and_serializes_in_json_form() -> None:
    shown = model("briefs").model_validate_json(BRIEF).model_dump(mode="json")
    assert shown["budget"] == "12000.50"
    assert shown["highlight"] == {"kind": "figure", "label": "Visits", "value": "4.20"}
    assert shown["sections"][0]["sources"][0]["url"] == "https://example.org/a"
    assert (shown["open_question"], shown["language"]) == (None, "en")


def test_each_string_but_the_language_has_several_examples() -> None:
    found = examples("briefs")
    assert found.pop("Brief.language") == 1
    assert min(found.values()) >= 4


def test_it_has_parameters_to_try_and_a_limit() -> None:
    check_form("briefs")


def test_its_prompt_says_that_a_topic_is_data() -> None:
    check_prompt("briefs")
