"""Reasoning in tags, taken out of content that begins with it."""

from __future__ import annotations

import pytest

from app.partial.tags import LONGEST, Tagged

CASES = {
    "none": ("Call it: <b>", "", "Call it: <b>"),
    "nothing": ("", "", ""),
    "blanks": (" \n" * 99, "", " \n" * 99),
    "one": ("<think>Hm.\n</think>\n{}", "Hm.\n", "\n{}"),
    "one after blanks": ("\n <Thinking>Hm.</thinking>", "Hm.", ""),
    "two": ("<think>a</think> <think>b</think>c", "ab", "c"),
    "one that does not end": ("<think>a < b", "a < b", ""),
    "one after other text": ("So <think>a</think>", "", "So <think>a</think>"),
    "what looks like one": ("<thinks>a", "", "<thinks>a"),
    "what might become one": ("<thin", "", "<thin"),
    "a list": ("[1, 2]", "", "[1, 2]"),
    "a long word": ("<" + "x" * 2 * LONGEST, "", "<" + "x" * 2 * LONGEST),
    "other marks in it": ("[THINK]a[0] `b` </b>[/THINK]c", "a[0] `b` </b>", "c"),
}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("name", CASES)
def test_reasoning_and_content_come_apart_wherever_it_is_cut(name: str, size: int) -> None:
    text, reasoned, content = CASES[name]
    tagged = Tagged()
    parts = [tagged.feed(text[at : at + size]) for at in range(0, len(text), size)]
    assert "".join(part[0] for part in parts) == reasoned
    left = "".join(part[1] for part in parts) + tagged.end()
    assert left.strip() == content.strip()
