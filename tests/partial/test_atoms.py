"""Escapes, control characters, numbers and depth: each has a defined outcome."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, StringConstraints

from app.partial.decoder import Decoder
from app.partial.plan import plan
from app.partial.value import dumps
from tests.partial.classes import Node
from tests.partial.kinds import JsonLike
from tests.partial.texts import run


def decoded(type_: Any, text: str, size: int = 0) -> Decoder:
    decoder = Decoder(plan(type_))
    for at in range(0, len(text), size or len(text)):
        decoder.feed(text[at : at + (size or len(text))])
    decoder.finish()
    return decoder


def message(type_: Any, *texts: str, bound: int | None = None, key: str | None = None) -> str:
    decoder = Decoder(plan(type_), key=key, bound=bound)
    _, error = run(decoder, texts)
    assert error is not None
    assert not decoder.done
    return str(error)


# Strings ------------------------------------------------------------------------------------

ESCAPES = r"\"\\\/\b\f\n\r\t\u0000\u001F\u00e9\u2028\uD83D\uDE00\ud83d\ude00\uFFFF"


@pytest.mark.parametrize("type_", [list[str], list[Any], list[str | int], dict[str, str]])
def test_every_escape_decodes_wherever_it_is_cut(type_: Any) -> None:
    text = f'{{"{ESCAPES}": "{ESCAPES}"}}' if type_ == dict[str, str] else f'["{ESCAPES}"]'
    for size in range(1, 30):
        assert decoded(type_, text, size).result == json.loads(text)


def test_a_surrogate_pair_is_shown_whole_wherever_it_is_cut() -> None:
    text = r'["\ud83d\ude00"]'
    for cut in range(3, len(text) - 2):
        decoder = Decoder(plan(list[str]))
        decoder.feed(text[:cut])
        assert decoder.value == ([""] if cut < len(text) - 2 else ["\U0001f600"])
        decoder.feed(text[cut:])
        assert decoder.value == ["\U0001f600"]


def test_a_nul_is_a_character() -> None:
    assert dumps(decoded(list[str], r'["a\u0000b"]').value) == rb'["a\u0000b"]'


@pytest.mark.parametrize("character", ["\0", "\n", "\t", "\x1f"])
@pytest.mark.parametrize("type_", [list[str], list[Any], dict[str, int]])
def test_a_control_character_in_a_string_is_invalid(type_: Any, character: str) -> None:
    text = f'{{"a{character}"' if type_ == dict[str, int] else f'["a{character}"]'
    message(type_, text)
    message(type_, *text)


@pytest.mark.parametrize("escape", [r"\x", r"\u12g", r"\U0041", r"\'", r"\ud83d\u0041", r"\ude00"])
def test_a_bad_escape_is_invalid_as_soon_as_it_is_one(escape: str) -> None:
    message(list[str], f'["{escape}')
    message(list[str], '["', *escape)


# Numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "text", "shown"),
    [
        (int, "-0", b"0"),
        (float, "-0", b"0.0"),
        (float, "-0.0", b"-0.0"),
        (float, "1E+2", b"100.0"),
        (int, "9" * 30, b"9" * 30),
        (Any, "-" + "9" * 30, b"-" + b"9" * 30),
        (int, "9" * 4300, b"9" * 4300),
        (Decimal, "9" * 30, b'"' + b"9" * 30 + b'"'),
        (float, "1." + "3" * 5000, b"1.3333333333333333"),
        (Decimal, '"1.' + "3" * 5000 + '"', b'"1.' + b"3" * 5000 + b'"'),
    ],
)
def test_a_number_is_shown_as(type_: Any, text: str, shown: bytes) -> None:
    for size in (0, 1, 7):
        assert dumps(decoded(list[type_], f"[{text}]", size).value) == b"[" + shown + b"]"


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (int, "1e400"),
        (float, "1e400"),
        (Any, "-1e400"),
        (int, "9" * 5000),
        (Any, "9" * 5000),
        (Decimal, "9" * 5000),
        (Decimal, "NaN"),
        (float, "Infinity"),
        (float, "-Infinity"),
        (Annotated[float, Field(allow_inf_nan=False)], "1e400"),
        (float, "01"),
        (float, "+1"),
        (float, ".5"),
        (float, "5."),
        (float, "1e"),
        (float, "--1"),
        (int, "0x10"),
        (int, "1_000"),
        (int, "\u0661"),
    ],
)
def test_a_number_is_invalid(type_: Any, text: str) -> None:
    message(list[type_], f"[{text}]")
    message(list[type_], *f"[{text}]")


def test_a_fraction_of_5000_digits_is_what_pydantic_makes_of_it() -> None:
    assert decoded(list[Decimal], "[1." + "3" * 5000 + "]").result == [
        Decimal("1.3333333333333333")
    ]


# Depth --------------------------------------------------------------------------------------


def nested(depth: int) -> list[tuple[Any, str]]:
    return [
        (Node, '{"name": "a", "parent": ' * depth + "null" + "}" * depth),
        (Any, "[" * depth + "]" * depth),
        (JsonLike, '{"a":' * depth + "1" + "}" * depth),
        (list[Any], "[" * depth + "]" * depth),
        (dict[str, Any], '{"a": ' * depth + "1" + "}" * depth),
    ]


@pytest.mark.parametrize(("type_", "text"), nested(100))
def test_a_hundred_deep_works(type_: Any, text: str) -> None:
    for size in (0, 1):
        assert json.loads(dumps(decoded(type_, text, size).value)) is not None


@pytest.mark.parametrize(("type_", "text"), [*nested(300), *nested(100_000)])
def test_three_hundred_deep_is_invalid(type_: Any, text: str) -> None:
    assert message(type_, text).endswith("is nested too deeply")


class Ignoring(BaseModel):
    pass


@pytest.mark.parametrize("type_", [Ignoring, Any, dict[str, Any], dict[str, JsonLike]])
def test_the_limit_is_the_same_in_keys_that_are_ignored(type_: Any) -> None:
    for depth in range(100, 201):
        decoded(type_, '{"a": ' + "[" * depth + "]" * depth + "}")
    message(type_, '{"a": ' + "[" * 201 + "]" * 201 + "}")


# Limits -------------------------------------------------------------------------------------

Short = Annotated[str, Field(max_length=3)]


def test_a_string_over_its_max_length_fails_before_its_end() -> None:
    assert message(list[Short], '["ab', "cd") == "/0 must have at most 3 characters"
    assert message(list[Short], '["abcd') == "/0 must have at most 3 characters"
    decoded(list[Short], r'["\ud83d\ude00bc"]')


def test_a_string_that_may_become_shorter_fails_at_its_end() -> None:
    stripped = Annotated[str, StringConstraints(strip_whitespace=True, max_length=3)]
    decoder = Decoder(plan(list[stripped]))
    decoder.feed('["   abc   "')
    assert message(list[stripped], '["abcd', '"') == "/0 must have at most 3 characters"


def test_an_inner_list_fails_when_one_element_too_many_begins() -> None:
    two = Annotated[list[str], Field(max_length=2)]
    Decoder(plan(list[two])).feed('[["a", "b", ')
    assert message(list[two], '[["a", "b", ', '"') == "/0 must have at most 2 items"
    assert message(list[two], '[["a", "b", ', "5") == "/0 must have at most 2 items"


@pytest.mark.parametrize("begins", ['"', "1", "{", "[", "n"])
def test_a_bounded_list_is_done_when_one_more_element_begins_not_before(begins: str) -> None:
    decoder = Decoder(plan(list[str]), key="items", bound=2)
    decoder.feed('{"items": ["a", "b"')
    decoder.feed(", \n")
    assert (decoder.done, decoder.stopped) == (False, False)
    assert decoder.feed(begins + "rubbish") == []
    assert (decoder.done, decoder.stopped, decoder.result) == (True, True, ["a", "b"])
    assert decoder.value == ["a", "b"]
    assert decoder.feed('more rubbish "]}') == []
    decoder.finish()


def test_a_bounded_list_that_ends_is_done_and_not_stopped() -> None:
    decoder = Decoder(plan(list[str]), key="items", bound=2)
    decoder.feed('{"items": ["a", "b"], "more": {}')
    assert not decoder.done
    decoder.feed("}")
    assert (decoder.done, decoder.stopped, decoder.result) == (True, False, ["a", "b"])


def test_a_bounded_list_bounds_no_list_inside_it() -> None:
    decoder = Decoder(plan(list[Node]), key="items", bound=1)
    children = ", ".join('{"name": "b"}' for _ in range(3))
    decoder.feed(f'{{"items": [{{"name": "a", "children": [{children}]')
    assert not decoder.stopped
    assert len(decoder.value[0]["children"]) == 3
    decoder.feed("}, {")
    assert decoder.stopped
    assert len(decoder.result[0].children) == 3


def test_a_list_that_is_bare_is_bounded_too() -> None:
    decoder = Decoder(plan(list[Short]), bound=1)
    decoder.feed('["a", "')
    assert (decoder.stopped, decoder.result) == (True, ["a"])


def test_a_bounded_list_must_have_an_element() -> None:
    assert (
        message(list[str], '{"items": []}', key="items", bound=2) == "/ must have at least 1 items"
    )


def test_an_answer_must_have_its_key() -> None:
    assert message(list[str], '{"things": []}', key="items") == "/ is missing"
    assert message(list[str], "[]", key="items") == "/ must be an object"
    assert message(list[str], '{"items": []', key="items") == "/ ends before it is complete"
