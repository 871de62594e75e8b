"""Many operations made few: the effect is the same."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given

from app.partial.document import Document
from app.partial.invalid import Invalid
from app.partial.merge import merge
from app.partial.operation import Add, Append, Operation, Replace
from tests.partial.models import Case, cases
from tests.partial.texts import pieces
from tests.support.examples import searched


def test_what_is_appended_to_one_string_is_one_append() -> None:
    made = [Append((0, "a"), "x"), Append((0, "a"), "y"), Append((0, "a"), "z")]
    assert merge(made) == [Append((0, "a"), "xyz")]


def test_what_is_done_inside_what_was_added_is_in_its_value() -> None:
    assert merge(
        [
            Append((0, "a"), "x"),
            Add((1,), {"a": None, "b": []}),
            Replace((1, "a"), "y"),
            Append((1, "a"), "z"),
            Add((1, "b", 0), {"c": 1}),
            Add((1, "b", 0, "d"), 2),
        ]
    ) == [Append((0, "a"), "x"), Add((1,), {"a": "yz", "b": [{"c": 1, "d": 2}]})]


def test_what_was_done_inside_what_is_replaced_is_left_out() -> None:
    assert merge([Append((0, "a"), "x"), Replace((0, "b"), 1), Replace((0,), {"c": 2})]) == [
        Replace((0,), {"c": 2})
    ]
    assert merge([Append((0, "a"), "x"), Replace((0,), "a string now")]) == [
        Replace((0,), "a string now")
    ]


def test_what_is_added_and_then_replaced_is_added() -> None:
    assert merge([Add((0,), [1]), Replace((0,), [2])]) == [Add((0,), [2])]


def test_a_string_that_grew_and_is_replaced_is_replaced() -> None:
    assert merge([Append(("a",), "x"), Replace(("a",), "Y")]) == [Replace(("a",), "Y")]


def test_an_index_is_no_key() -> None:
    made: list[Operation] = [Add(("a", 0), 1), Add(("b", "0"), 2)]
    assert merge(made) == made


def test_nothing_comes_to_nothing() -> None:
    assert merge([]) == []


def batches(case: Case) -> list[list[Operation]]:
    """The operations of an answer, some feeds at a time."""
    random, decoder = case.random, case.decoder()
    made: list[list[Operation]] = [[]]
    try:
        for piece in pieces(case.text, random):
            made[-1] += decoder.feed(piece)
            if random.random() < 0.3:
                made.append([])
    except Invalid:
        pass
    return made


def applied(document: Document, operations: list[Operation]) -> str:
    document.apply(operations)
    return json.dumps(document.value)


@searched(70)
@given(cases())
def test_the_effect_is_the_same_and_what_was_given_stays(case: Case) -> None:
    one, other = Document(), Document()
    for operations in batches(case):
        as_they_were = copy.deepcopy(operations)
        merged = merge(operations)
        assert applied(one, merged) == applied(other, operations)
        assert operations == as_they_were


@searched(70)
@given(cases())
def test_there_is_one_operation_for_a_place_and_none_inside_of_another(case: Case) -> None:
    for operations in batches(case):
        paths: list[Any] = [operation.path for operation in merge(operations)]
        for index, path in enumerate(paths):
            others = paths[:index] + paths[index + 1 :]
            assert not any(other[: len(path)] == path for other in others)


@searched(70)
@given(cases())
def test_the_last_operation_stays_the_last(case: Case) -> None:
    for operations in filter(None, batches(case)):
        last = merge(operations)[-1].path
        assert operations[-1].path[: len(last)] == last


@searched(70)
@given(cases())
def test_what_is_merged_once_is_merged(case: Case) -> None:
    for operations in batches(case):
        merged = merge(operations)
        assert merge(merged) == merged
        half = len(operations) // 2
        assert merge([*merge(operations[:half]), *operations[half:]]) == merged
