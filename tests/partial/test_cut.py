"""Texts cut after each character: what parsers of unfinished JSON are known to get wrong.

The kinds are those of the tests of jiter, the AI SDK, LangChain, BAML and streamparser-json.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.partial.decoder import Decoder
from app.partial.plan import plan


def states(type_: Any, text: str) -> list[Any]:
    """What is shown, as it changes, where the text comes by single characters."""
    decoder = Decoder(plan(type_))
    found: list[Any] = []
    for character in text:
        decoder.feed(character)
        shown = json.loads(json.dumps(decoder.value))
        if decoder.value is not None and (not found or shown != found[-1]):
            found.append(shown)
    decoder.finish()
    return found


@pytest.mark.parametrize("number", ["-0.5e+10", "2E3", "12.25", "0", "-1", "1e-7", "100"])
def test_no_beginning_of_a_number_is_shown_though_many_are_numbers(number: str) -> None:
    value = json.loads(number)
    assert states(list[float], f"[{number}, 1]") == [[], [value], [value, 1]]
    assert states(dict[str, float], f'{{"a": {number}\n}}') == [{}, {"a": value}]


@pytest.mark.parametrize("literal", ["true", "false", "null"])
def test_no_beginning_of_a_literal_is_taken_for_it(literal: str) -> None:
    value = json.loads(literal)
    assert states(list[bool | None], f"[{literal} , {literal}]") == [
        [],
        [value],
        [value, value],
    ]


def test_no_beginning_of_a_key_is_shown_even_where_it_is_a_key_itself() -> None:
    assert states(dict[str, int], '{"": 1, "a": 2, "ab": 3, "\\u0061\\"b": 4}') == [
        {},
        {"": 1},
        {"": 1, "a": 2},
        {"": 1, "a": 2, "ab": 3},
        {"": 1, "a": 2, "ab": 3, 'a"b': 4},
    ]


def test_a_key_without_its_value_is_not_shown() -> None:
    assert states(dict[str, str], '{"a" : "", "b":"x"}') == [
        {},
        {"a": ""},
        {"a": "", "b": ""},
        {"a": "", "b": "x"},
    ]


@pytest.mark.parametrize(
    ("written", "grown"),
    [
        (r"a\\", ["", "a", "a\\"]),
        (r"\"\\\"", ["", '"', '"\\', '"\\"']),
        (r"\u00e9\n", ["", "é", "é\n"]),
        (r"\ud83d\ude0bx", ["", "😋", "😋x"]),
        (r"\\u00", ["", "\\", "\\u", "\\u0", "\\u00"]),
        (r"\/", ["", "/"]),
    ],
)
def test_an_escape_is_shown_once_it_is_whole(written: str, grown: list[str]) -> None:
    steps = [[text] for text in grown]
    assert states(list[str], f'["{written}"]') == [[], *steps]


@pytest.mark.parametrize(
    "text",
    ["```bar```", "```json\n{}\n```", "[json", "}]", "// no comment", '{"content": "', "<think>"],
)
def test_what_a_string_holds_is_text_in_a_fence_too(text: str) -> None:
    for around in ("%s", "```json\n%s\n```", "Here it is:\n```\n%s\n```\nDone."):
        made = states(dict[str, str], around % json.dumps({"content": text}))
        assert made[-1] == {"content": text}
        grown = [state["content"] for state in made[1:]]
        assert all(text.startswith(part) for part in grown)


def test_brackets_close_what_they_opened_however_they_are_nested() -> None:
    text = '{"a": [[1], [2, [{}, {"b": []}]]], "c": {"d": {}}}'
    first, *_, last = states(dict[str, Any], text)
    assert (first, last) == ({}, json.loads(text))
