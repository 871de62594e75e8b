"""A text four times as long costs at most 4.4 times as much: counted, not timed."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from app.partial.decoder import Decoder
from app.partial.document import Document
from app.partial.node import Node
from app.partial.plan import plan
from tests.support.schema_files import REGISTRY


class Idea(BaseModel):
    title: str
    blurb: Annotated[str, Field(max_length=140)]
    score: int
    tags: list[str]


def ideas(count: int) -> str:
    idea = {
        "title": "Banana bread",
        "blurb": "A quick \u00e9 snack. " * 3,
        "score": 12345,
        "tags": ["a", "b"],
    }
    return json.dumps({"items": [idea] * count})


def objects(count: int) -> str:
    return json.dumps({"items": {f"key {n}": {"a": [1.5, None, "text"] * 4} for n in range(count)}})


def one_string(count: int) -> str:
    return json.dumps({"items": ["word \n " * count * 20]})


def numbers(count: int) -> str:
    return json.dumps({"items": list(range(10**6, 10**6 + count * 20))})


def chain(root: Node, text: str) -> None:
    decoder, applied, adopted = Decoder(root, key="items"), Document(), Document()
    for at in range(0, len(text), 4):
        operations = decoder.feed(text[at : at + 4])
        if operations:
            applied.apply(operations)
            applied.encode()
            adopted.adopt(decoder.value, operations)
            adopted.encode()
    decoder.finish()


def calls(root: Node, text: str) -> int:
    """How many functions are called, Python's own and those in C."""
    count = 0

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        chain(root, text)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (list[Idea], ideas),
        (dict[str, dict[str, list[Any]]], objects),
        (dict[str, Any], objects),
        (Any, objects),
        (list[str], one_string),
        (list[Any], one_string),
        (list[int], numbers),
    ],
)
def test_four_times_the_text_is_four_times_the_calls(type_: Any, text: Any) -> None:
    root = plan(type_)
    small, large = text(20), text(80)
    factor = len(large) / len(small)
    assert calls(root, large) <= 1.1 * factor * calls(root, small)


def test_a_brief_costs_few_calls_a_chunk() -> None:
    text = json.dumps(
        {
            "title": "t" * 40,
            "summary": "s" * 200,
            "sections": [{"heading": "h" * 20, "body": "b" * 200, "sources": []}] * 5,
        }
    )
    text = text[:-1]
    decoder = Decoder(plan(REGISTRY.get("briefs").schema.result))
    count = 0

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        for at in range(0, len(text), 4):
            decoder.feed(text[at : at + 4])
    finally:
        sys.setprofile(None)
    assert count / (len(text) / 4) < 40
