"""`json.loads` is the judge of what is JSON, but for three things that differ on purpose.

A fence, text around the JSON and a BOM are passed over; a key that stands twice is
refused; so is a lone surrogate.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, JsonValue

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.node import Node
from app.partial.plan import plan
from tests.partial.kinds import JsonLike, anything, texts
from tests.partial.texts import mutate, pieces, write
from tests.support.examples import searched

check = searched(250)


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow")

    a: Any = None
    name: str = ""


class Ignoring(BaseModel):
    """All of the text is in keys that it ignores."""


def expected(text: str) -> Any:
    """What `json.loads` makes of it. Raises ValueError."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(found)) != len(found):
            raise ValueError("a key stands twice")
        return dict(found)

    def constant(_: str) -> Any:
        raise ValueError("not a number")

    value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    json.dumps(value, ensure_ascii=False).encode()  # UnicodeEncodeError is a ValueError
    return value


def decoded(root: Node, text: str, random: Random, key: str | None = None) -> Any:
    decoder = Decoder(root, key=key)
    try:
        for piece in pieces(text, random):
            decoder.feed(piece)
        decoder.finish()
    except Invalid:
        assert not decoder.done
        raise
    assert decoder.done
    return decoder.result


values = st.dictionaries(texts, anything, max_size=4) | st.lists(anything, max_size=4)
TYPES = [Any, JsonLike, JsonValue, dict[str, Any] | list[Any], dict[str, JsonLike], list[Any]]
PLANS = [plan(type_) for type_ in TYPES]


def agree(root: Node, text: str, random: Random) -> None:
    try:
        value = expected(text)
    except ValueError:
        with pytest.raises(Invalid):
            decoded(root, text, random)
    else:
        assert json.dumps(decoded(root, text, random)) == json.dumps(value)


def has_json_alone(text: str) -> bool:
    """Whether no text stands around the JSON, which the decoder would pass over."""
    return text.strip(" \t\r\n")[:1] in tuple("{[") and text.strip(" \t\r\n")[-1:] in tuple("}]")


@check
@given(values, st.integers(0, 10**6), st.integers(0, 3))
def test_what_json_loads_accepts_is_the_same_value(value: Any, seed: int, spoilt: int) -> None:
    random = Random(seed)
    text = write(value, random)
    for _ in range(spoilt):
        text = mutate(text, random)
    if not has_json_alone(text):
        return
    for root, type_ in zip(PLANS, TYPES, strict=True):
        if type_ in (list[Any], dict[str, JsonLike]):
            continue
        agree(root, text, random)
    if text.strip(" \t\r\n")[0] == "{":
        agree(PLANS[TYPES.index(dict[str, JsonLike])], text, random)
    else:
        agree(PLANS[TYPES.index(list[Any])], text, random)


@check
@given(st.dictionaries(texts, anything, max_size=4), st.integers(0, 10**6), st.integers(0, 3))
def test_what_json_loads_refuses_is_invalid_in_keys_that_are_ignored_too(
    value: Any, seed: int, spoilt: int
) -> None:
    random = Random(seed)
    text = write({"a": value}, random)
    for _ in range(spoilt):
        text = mutate(text, random)
    if not has_json_alone(text) or text.strip(" \t\r\n")[0] != "{":
        return
    for root in (plan(Ignoring), plan(dict[str, Any]), plan(Loose)):
        try:
            value = expected(text)
            if root.schema["type"] == "model" and not isinstance(value.get("name", ""), str):
                return
        except ValueError:
            with pytest.raises(Invalid):
                decoded(root, text, random)
        else:
            decoded(root, text, random)


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"a": 1}\n```',
        '```\n{"a": 1}```\nHope that helps!',
        '\ufeff{"a": 1}',
        '\n \ufeff {"a": 1} \n',
        'Here you are: {"a": 1}. Anything else?',
    ],
)
def test_a_fence_a_bom_and_text_around_the_json_are_passed_over(text: str) -> None:
    for seed in range(6):
        assert decoded(plan(dict[str, int]), text, Random(seed)) == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1} {"a": 2}',
        '{"a": 1}}',
        '{"a": 1} [see above]',
        'see [1]: {"a": 1}',
        'see 1]: {"a": 1}',
        '} {"a": 1}',
        '"{"a": 1}"',
        "{'a': 1}",
        '{"a": 1,}',
        '{"a": 01}',
        '{"a": NaN}',
        '{"a": 1',
        '{"a" 1}',
        "{a: 1}",
        "",
        "I can't help with that.",
        "null",
        "5",
    ],
)
def test_it_is_invalid(text: str) -> None:
    for seed in range(6):
        with pytest.raises(Invalid):
            decoded(plan(dict[str, int]), text, Random(seed))


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 1}',
        '{"a": 1, "\\u0061": 2}',
        '{"b": {"a": 1, "a": 1}}',
        '{"b": [{"a": {"x": 1, "x": 1}}]}',
        '{"a": {"x": 1, "x": 1}}',
        '{"a": "\\ud800"}',
        '{"a": "\\udc00\\ud800"}',
        '{"a": "\\ud800\\u0041"}',
        '{"a": "\\ud800x"}',
        '{"b": "\\ud800"}',
        '{"b": ["\\ud800"]}',
        '{"b": {"\\udfff": 1}}',
        '{"\\ud83d": 1}',
        '{"name": "\\ud800"}',
        '{"name": "\\ud83d\\u"}',
        '{"name": "\ud800"}',
        '{"b": "\udfff"}',
        '{"a": "\udfff"}',
    ],
)
def test_a_key_twice_and_half_a_surrogate_pair_are_invalid_wherever_they_are(text: str) -> None:
    for type_ in (Loose, Ignoring, dict[str, Any], Any):
        for seed in range(6):
            with pytest.raises(Invalid):
                decoded(plan(type_), text, Random(seed))
