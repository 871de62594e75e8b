"""The state that operations make, and its bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.partial.decoder import Decoder
from app.partial.document import Document
from app.partial.growing import PART
from app.partial.operation import Add, Append, Operation, Replace
from app.partial.plan import plan
from app.partial.value import copy, dumps, loads


def test_operations_make_a_value() -> None:
    document = Document()
    assert not document.known
    steps: list[tuple[Operation, bytes]] = [
        (Replace((), {"a": None, "b": []}), b'{"a":null,"b":[]}'),
        (Replace(("a",), ""), b'{"a":"","b":[]}'),
        (Append(("a",), "xé"), '{"a":"xé","b":[]}'.encode()),
        (Add(("b", 0), {"c": None}), '{"a":"xé","b":[{"c":null}]}'.encode()),
        (Replace(("b", 0, "c"), 1), '{"a":"xé","b":[{"c":1}]}'.encode()),
        (Add(("b", 1), {}), '{"a":"xé","b":[{"c":1},{}]}'.encode()),
        (Add(("b", 1, "d"), [True]), '{"a":"xé","b":[{"c":1},{"d":[true]}]}'.encode()),
        (Replace(("b", 1), 7), '{"a":"xé","b":[{"c":1},7]}'.encode()),
        (Replace((), []), b"[]"),
    ]
    for operation, encoded in steps:
        document.apply([operation])
        assert document.known
        assert document.encode() == encoded
    late = Document()
    late.apply(operation for operation, _ in steps[:-1])
    assert late.encode() == steps[-2][1]


def test_a_value_that_is_a_string_grows() -> None:
    document = Document()
    document.apply([Replace((), "a"), Append((), "b")])
    assert document.encode() == b'"ab"'


def test_what_operations_hold_stays_the_callers() -> None:
    operations: list[Operation] = [
        Replace((), {"a": []}),
        Add(("a", 0), "x"),
        Append(("a", 0), "y"),
    ]
    document = Document()
    document.apply(operations)
    assert operations[0] == Replace((), {"a": []})


def test_it_forgets() -> None:
    document = Document()
    document.apply([Replace((), {"a": [1, 2]}), Add(("a", 2), 3)])
    document.encode()
    document.clear()
    assert not document.known
    document.apply([Replace((), {"a": [9]}), Add(("a", 1), 8)])
    assert document.encode() == b'{"a":[9,8]}'


def test_a_list_that_is_replaced_by_an_equally_long_one_is_written_anew() -> None:
    document = Document()
    document.apply([Replace((), {"a": ["x", "y"]}), Append(("a", 1), "z")])
    assert document.encode() == b'{"a":["x","yz"]}'
    document.apply([Replace(("a",), ["X", "Y"]), Append(("a", 1), "Z")])
    assert document.encode() == b'{"a":["X","YZ"]}'


@pytest.mark.parametrize("adopts", [False, True])
def test_a_member_that_changes_behind_the_one_being_written_is_written_anew(adopts: bool) -> None:
    rounds: list[tuple[list[Operation], Any]] = [
        ([Replace((), {"a": None, "b": {}}), Add(("c",), 1)], {"a": None, "b": {}, "c": 1}),
        ([Replace(("a",), "x"), Add(("d",), [])], {"a": "x", "b": {}, "c": 1, "d": []}),
        ([Add(("d", 0), 2)], {"a": "x", "b": {}, "c": 1, "d": [2]}),
        ([Add(("b", "e"), 3), Add(("f",), 4)], {"a": "x", "b": {"e": 3}, "c": 1, "d": [2], "f": 4}),
        ([Replace(("a",), "y")], {"a": "y", "b": {"e": 3}, "c": 1, "d": [2], "f": 4}),
        ([Replace(("f",), 5)], {"a": "y", "b": {"e": 3}, "c": 1, "d": [2], "f": 5}),
        ([Replace(("a",), "z")], {"a": "z", "b": {"e": 3}, "c": 1, "d": [2], "f": 5}),
    ]
    document, made = Document(), Document()
    for operations, value in rounds:
        made.apply(operations)
        if adopts:
            document.adopt(made.value, operations)
        else:
            document.apply(operations)
        assert document.encode() == dumps(value)


def test_odd_keys_are_written_as_json() -> None:
    document = Document()
    document.apply([Replace((), {}), Add(('"\\/\n\u2028é',), "a"), Append(('"\\/\n\u2028é',), "b")])
    assert json.loads(document.encode()) == {'"\\/\n\u2028é': "ab"}
    assert b"\n" not in document.encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (10**30, b"1" + b"0" * 30),
        ({"a": -(2**64)}, b'{"a":-18446744073709551616}'),
        (float("inf"), b"null"),
        (
            [10**30, float("inf"), "é\u2028"],
            '[1000000000000000000000000000000,null,"é\\u2028"]'.encode(),
        ),
        (2**53 + 1, b"9007199254740993"),
        ("\x85 \u2028 \u2029 \n", b'"\\u0085 \\u2028 \\u2029 \\n"'),
    ],
)
def test_dumps_is_exact_compact_and_one_line(value: Any, text: bytes) -> None:
    assert dumps(value) == text


def test_copies_share_nothing_that_changes() -> None:
    value = {"a": [{"b": []}]}
    copied = copy(value)
    copied["a"][0]["b"].append(1)
    assert value == {"a": [{"b": []}]}


@pytest.mark.parametrize(
    "text", ["NaN", "[1, Infinity]", '{"a": 1, "a": 1}', "[" * 100_000, '"\\ud800"', "[", '"\n"']
)
def test_loads_is_strict(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text)


def test_a_long_string_that_grows_is_written_as_it_would_be_at_once() -> None:
    decoder, adopted, applied = Decoder(plan(list[str])), Document(), Document()
    text = json.dumps(["é\u2028\n\U0001f600 " * PART, "short", "word " * PART], ensure_ascii=False)
    for at in range(0, len(text), 1000):
        operations = decoder.feed(text[at : at + 1000])
        adopted.adopt(decoder.value, operations)
        applied.apply(operations)
        assert adopted.encode() == applied.encode() == dumps(decoder.value)
    assert json.loads(adopted.encode()) == json.loads(text)
