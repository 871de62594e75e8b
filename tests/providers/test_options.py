"""Options: how they are merged into a request, and which are refused."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from app.providers.options import faults, merged


@pytest.mark.parametrize(
    ("body", "options", "result"),
    [
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"b": [1, None]}, {"a": 1, "b": [1, None]}),
        ({"a": 1}, {"a": "2"}, {"a": "2"}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": 1}, {"absent": None}, {"a": 1}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": 3}}, {"a": {"c": 2, "d": 3}}),
        ({"a": [1]}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}),
        ({"a": {"b": 1}}, {"a": [2]}, {"a": [2]}),
        ({"a": {"b": 1}}, {"a": False}, {"a": False}),
    ],
)
def test_they_are_merged_as_rfc_7396_merges_a_patch(body: Any, options: Any, result: Any) -> None:
    before = repr((body, options))
    assert merged(body, options) == result
    assert repr((body, options)) == before


@pytest.mark.parametrize(
    ("options", "places"),
    [
        ({"temperature": 0.5, "seed": None, "stop": ["a", None], "x": {"y": True}}, []),
        ({"stream": False}, [("stream",)]),
        ({"messages": None, "model": "m"}, [("messages",), ("model",)]),
        ({"a": {"b": [1, float("inf")]}}, [("a", "b", 1)]),
        ({"a": float("nan")}, [("a",)]),
        ({"a": datetime.date(2026, 1, 1)}, [("a",)]),
        ({"a": {1: 2}}, [("a",)]),
        ({"a": {"model": "m"}}, []),
    ],
)
def test_what_json_can_not_say_and_what_is_the_services_own_is_refused(
    options: Any, places: list[Any]
) -> None:
    assert sorted(place for place, _ in faults(options)) == places
