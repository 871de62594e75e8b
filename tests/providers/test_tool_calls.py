"""Tool calls as providers tell them apart: what is one call, and what is a further one."""

from __future__ import annotations

from typing import Any

import pytest

from app.partial.answer import ANOTHER
from app.providers.openai.calls import Calls
from app.providers.openai.chunk import Function, ToolCall


def text_of(*calls: tuple[int | None, str | None, str | None, str | None]) -> str:
    """The text of deltas' calls: (index, id, name, arguments) each. `|` stands for a new call."""
    taken = Calls()
    made = [
        taken.text(ToolCall(index, id_, Function(name, arguments)))
        for index, id_, name, arguments in calls
    ]
    return "".join(made).replace(ANOTHER, "|")


ONE: dict[str, list[Any]] = {
    "as OpenAI does": [(0, "a", "f", ""), (0, None, None, '{"a'), (0, None, None, '": {} }')],
    "index 1": [(1, "a", "f", ""), (1, None, None, '{"a": {} }')],
    "index -1": [(-1, "a", "f", '{"a"'), (-1, None, None, ": {} }")],
    "no index": [(None, "a", "f", '{"a"'), (None, None, None, ": {} }")],
    "an index at first alone": [(0, "a", "f", '{"a"'), (None, None, None, ": {} }")],
    "no index at first": [(None, "a", "f", '{"a"'), (0, None, None, ": {} }")],
    "an index that counts up": [
        (0, "a", "f", ""),
        (1, None, None, '{"a'),
        (2, None, None, '": {'),
        (3, None, None, "} }"),
    ],
    "its id again and again": [(0, "a", "f", '{"a": {'), (0, "a", "f", "}"), (0, "a", "f", " }")],
    "its id with indices": [(0, "a", "f", '{"a": {'), (1, "a", "f", "}"), (2, "a", "f", " }")],
    "its name again": [(0, "", "f", '{"a": {'), (0, "", "f", "}"), (0, "", "f", " }")],
    "a new id in each": [(0, "a", "f", '{"a": {'), (0, "b", None, "}"), (0, "c", None, " }")],
    "a name in parts": [(0, "a", "fu", None), (0, None, "nc", None), (0, None, None, '{"a": {} }')],
    "whole": [(0, "a", "f", '{"a": {} }')],
    "blanks before it": [(0, "a", "f", "\n"), (0, None, None, '{"a": {} }')],
    "null at its end": [(0, "a", "f", '{"a": {} }'), (0, None, None, None), (0, "a", "f", "")],
}


@pytest.mark.parametrize("deltas", ONE.values(), ids=ONE)
def test_one_call_has_one_text(deltas: list[Any]) -> None:
    assert text_of(*deltas) == '{"a": {} }'


MORE: dict[str, list[Any]] = {
    "as OpenAI does": [
        (0, "a", "f", ""),
        (0, None, None, "{1}"),
        (1, "b", "f", ""),
        (1, None, None, "{2}"),
    ],
    "whole": [(0, "a", "f", "{1}"), (1, "b", "f", "{2}")],
    "always index 0": [(0, "a", "f", "{1}"), (0, "b", "f", ""), (0, None, None, "{2}")],
    "always index 0, no id": [(0, None, "f", "{1}"), (0, None, "f", "{2}")],
    "no index": [(None, "a", "f", "{1}"), (None, "b", "f", "{2}")],
    "no index, and ids that are empty": [(None, "", "f", "{1}"), (None, "", "f", "{2}")],
    "names alone": [(None, None, "f", "{1}"), (None, None, "f", ""), (None, None, None, "{2}")],
    "an id alone": [(None, "a", None, "{1}"), (None, "b", None, "{2}")],
    "its head under the index of the last": [
        (0, "a", "f", "{1}"),
        (0, "b", "f", ""),
        (1, None, None, "{2}"),
    ],
    "heads first": [
        (0, "a", "f", ""),
        (1, "b", "f", ""),
        (0, None, None, "{1}"),
        (1, None, None, "{2}"),
    ],
    "another name": [(0, "a", "f", "{1}"), (1, "b", "g", "{2}")],
}


@pytest.mark.parametrize("deltas", MORE.values(), ids=MORE)
def test_a_further_call_begins_a_text_of_its_own(deltas: list[Any]) -> None:
    assert text_of(*deltas) == "{1}|{2}"


def test_calls_whose_pieces_alternate_are_told_apart() -> None:
    heads = [(0, "a", "f", ""), (1, "b", "f", "")]
    assert text_of(*heads, (0, None, None, "{1"), (1, None, None, "{"), (0, None, None, "}")) == (
        "{1|{|}"
    )


def test_blanks_in_a_string_stay() -> None:
    assert text_of((0, "a", "f", '{"a'), (0, None, None, " "), (0, None, None, 'b"')) == '{"a b"'
