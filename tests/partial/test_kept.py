"""Elements that are kept from an answer which has failed, and the answer that goes on with them."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, Field, OnErrorOmit, model_validator
from pydantic_core import PydanticOmit

from app.partial.answer import Answer
from app.partial.decoder import Decoder
from app.partial.document import Document
from app.partial.invalid import Invalid
from app.partial.kept import Kept, elements_of, joined
from app.partial.node import Node
from app.partial.plan import plan
from app.partial.value import plain

made: list[str] = []


def named(value: str) -> str:
    made.append(value)
    return value.upper()


class Idea(BaseModel):
    title: Annotated[str, Field(max_length=8), AfterValidator(named)]
    tags: list[str] = Field(default_factory=lambda: [f"made {len(made)}"])


class Checked(BaseModel):
    """The validator sees the input, so a list of these needs the proof."""

    a: int

    @model_validator(mode="before")
    @classmethod
    def look(cls, value: Any) -> Any:
        if value == {"a": 13}:
            raise ValueError
        return value


def distinct(values: list[Any]) -> list[Any]:
    if len({str(value) for value in values}) < len(values):
        raise ValueError("not distinct")
    return values


def in_reverse(values: list[Any]) -> list[Any]:
    return values[::-1]


def never_odd(value: int) -> int:
    if value % 2:
        raise PydanticOmit
    return value


def read(root: Node, text: str, kept: Kept | None = None, bound: int = 5) -> Decoder:
    """A decoder that has read a text in pieces of each size, up to what is invalid."""
    decoder = Decoder(root, key="items", bound=bound, bare=True, kept=kept)
    try:
        for character in text:
            if not decoder.done:
                decoder.feed(character)
    except Invalid:
        pass
    return decoder


def kept_of(type_: Any, text: str, *, keep: bool = True) -> tuple[Node, Kept | None]:
    root = plan(type_, keep=keep)
    return root, read(root, text).keep()


LISTS: list[tuple[Any, list[Any]]] = [
    (list[str], ["a", "b", "c", "d"]),
    (list[int], [1, 2, 3, 4]),
    (list[bool | None], [True, None, False, None]),
    (list[list[int]], [[1], [], [2, 3], []]),
    (list[dict[str, int]], [{"x": 1}, {}, {"y": 2}, {"z": 3}]),
    (list[tuple[int, str]], [[1, "a"], [2, "b"], [3, "c"], [4, "d"]]),
    (list[Checked], [{"a": 1}, {"a": 2}, {"a": 3}, {"a": 4}]),
    (Annotated[list[str], AfterValidator(distinct)], ["a", "b", "c", "d"]),
    (list[Annotated[str, Field(max_length=5000)]], ["x" * 5000, "y" * 5000, "z", ""]),
]


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(("type_", "values"), LISTS)
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_rest_of_a_list_makes_the_whole(
    type_: Any, values: list[Any], count: int, keep: bool
) -> None:
    cut = json.dumps({"items": values[:count]})[:-2] + ","
    root, kept = kept_of(type_, cut, keep=keep)
    assert kept is not None
    assert kept.count == count
    assert plain(kept.shown) == values[:count]

    document = Document()
    document.adopt(kept.shown, [])
    decoder = Decoder(root, key="items", bound=5, bare=True, kept=kept)
    for character in json.dumps({"items": values[count:]}):
        operations = decoder.feed(character)
        assert all(operation.path for operation in operations)  # nothing is shown anew
        document.apply(operations)
        assert plain(decoder.value or kept.shown) == plain(document.value)
        assert decoder.elements >= count or not decoder.recognised
    decoder.finish()
    assert decoder.elements == len(values)
    assert plain(document.value) == values
    assert json.loads(document.encode()) == values


def test_no_validator_and_no_default_runs_again() -> None:
    made.clear()
    root, kept = kept_of(
        list[Idea], '{"items": [{"title": "a"}, {"title": "b"}, {"title": "ccccccccc'
    )
    assert kept is not None
    assert plain(kept.shown) == [
        {"title": "A", "tags": ["made 1"]},
        {"title": "B", "tags": ["made 2"]},
    ]
    decoder = read(root, '{"items": [{"title": "c"}]}', kept)
    assert made == ["a", "b", "c"]
    assert [idea.title for idea in decoder.result] == ["A", "B", "C"]


def test_what_is_kept_is_kept_again() -> None:
    root, first = kept_of(list[Checked], '{"note": [0], "items": [{"a": 1}, {"a": 13}')
    assert first is not None
    for text in ("", "{", '{"note":', '{"items"', '{"items":', "garbage"):
        again = read(root, text, first).keep()
        assert again is not None
        assert (again.count, again.json, again.text) == (1, first.json, first.text)
    second = read(root, '{"items": [{"a": 2}, {"a": 3}, {"a"', first).keep()
    assert second is not None
    assert second.count == 3
    assert json.loads(second.text) == {"items": [{"a": 1}, {"a": 2}, {"a": 3}]}
    whole = read(root, '{"items": []}', second)
    whole.finish()
    assert whole.result == [Checked(a=1), Checked(a=2), Checked(a=3)]


def test_the_bound_is_that_of_the_whole() -> None:
    root, kept = kept_of(list[int], '{"items": [1, 2, 3, x')
    decoder = read(root, '{"items": [4, 5, 6', kept)
    assert decoder.stopped
    assert decoder.result == [1, 2, 3, 4, 5]


UNIQUE = Annotated[list[int], AfterValidator(distinct)]


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (list[int], ""),
        (list[int], '{"items": ['),
        (list[int], '{"items": [1'),  # it may go on
        (list[int], '{"items": null'),
        (UNIQUE, '{"items": [1, 1]'),  # the list itself is refused
        (list[int], '{"items": [1, 2], "items"'),  # what follows it is
        (list[OnErrorOmit[int]], '{"items": ["x", 1, 2, '),  # one is left out
        (list[Annotated[int, AfterValidator(never_odd)]], '{"items": [1, 2, '),
        (Annotated[list[int], AfterValidator(in_reverse)], '{"items": [1, 2]'),  # may have changed
        (dict[str, int], '{"items": {"a": 1, '),
    ],
)
def test_nothing_is_kept(type_: Any, text: str) -> None:
    assert kept_of(type_, text)[1] is None


def test_a_list_that_is_refused_with_what_was_kept_keeps_nothing() -> None:
    root, kept = kept_of(UNIQUE, '{"items": [1, 2, ')
    assert kept is not None
    assert read(root, '{"items": [2]}', kept).keep() is None


def test_nor_does_one_that_the_proof_refuses() -> None:
    root, kept = kept_of(list[Checked], '{"items": [{"a": 1}, ')
    assert kept is not None
    spoilt = Kept(kept.count, kept.json, kept.values, b'{"items":[{"a":13}]}')
    decoder = read(root, '{"items": [{"a": 2}]}', spoilt)
    with pytest.raises(Invalid):
        decoder.finish()
    assert decoder.keep() is None


def test_a_validator_of_the_list_may_change_what_was_kept_at_the_end() -> None:
    root, kept = kept_of(Annotated[list[int], AfterValidator(in_reverse)], '{"items": [1, 2, ')
    assert kept is not None
    decoder = read(root, '{"items": [3]}', kept)
    decoder.finish()
    assert plain(decoder.value) == decoder.result == [3, 2, 1]


def test_elements_in_blocks_are_kept() -> None:
    values = [{"title": str(number), "tags": ["x" * 900]} for number in range(30)]
    root = plan(list[Idea], keep=False)
    cut = json.dumps({"items": values})[:-2]
    decoder = Decoder(root, key="items", bound=40, bare=True)
    for at in range(0, len(cut), 100):
        decoder.feed(cut[at : at + 100])
    kept = decoder.keep()
    assert kept is not None
    assert not kept.values
    assert kept.count == 30
    assert plain(kept.shown) == values
    rest = read(root, json.dumps({"items": values[:3]}), kept, bound=40)
    assert rest.elements == 33
    assert plain(rest.value) == values + values[:3]


def test_nulls_for_absent_members_stay_absent_in_the_proof() -> None:
    root = plan(list[Idea], keep=True)
    decoder = Decoder(root, key="items", bound=5, bare=True, null_is_absent=True)
    decoder.feed('{"items": [{"title": "a", "tags": null}, ')
    kept = decoder.keep()
    assert kept is not None
    assert kept.null_is_absent
    rest = read(root, '{"items": [{"title": "b"}]}', kept)
    rest.finish()
    assert [idea.title for idea in rest.result] == ["A", "B"]


# -- answers ----------------------------------------------------------------------------------


def answer(text: str, kept: Kept | None = None, cut: int = 7) -> Answer:
    root = plan(list[int], keep=True)
    found = Answer(lambda: Decoder(root, key="items", bound=5, bare=True, kept=kept), kept)
    try:
        for at in range(0, len(text), cut):
            found.feed(text[at : at + cut])
    except Invalid:
        pass
    return found


@pytest.mark.parametrize("cut", [1, 7, 1000])
@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('{"items": [1, 2, "x"', 2),
        ('```json\n{"items": [1, 2, ', 2),
        ('<think>{"items": [7, 8, 9]}</think>{"items": [1, 2, ', 2),
        ('Here it is: {"items": [1, 2, ', 2),
        ('{"items": [1, 2, 3', 2),
        ('{"items": [1, 2]}', 2),
        ('{"items": [1, 2]} {"items": [3, ', 0),  # which of the two?
        ('{"items": [1, 2]}</think>', 0),  # that was reasoning
        ('{"items": [1, 2]}</think>{"items": [3, ', 1),
        ('It is {"example": 1} and ', 0),
        ("Sorry, no.", 0),
        ("", 0),
    ],
)
def test_only_what_was_meant_as_the_answer_is_kept(text: str, count: int, cut: int) -> None:
    kept = answer(text, cut=cut).kept
    assert (kept.count if kept else 0) == count


@pytest.mark.parametrize("cut", [1, 7, 1000])
@pytest.mark.parametrize(
    "before", ["", "Sure:\n```json\n", "Well. " * 99, '<think>{"items": [8]}</think>']
)
def test_an_answer_goes_on_from_what_is_shown(before: str, cut: int) -> None:
    kept = answer('{"items": [1, 2, x').kept
    assert kept is not None
    document, text = Document(), before + '{"items": [3, 4]}'
    document.adopt(kept.shown, [])
    found = answer("", kept)
    assert found.elements == 2
    for at in range(0, len(text), cut):
        document.apply(found.feed(text[at : at + cut]))
        assert plain(document.value)[:2] == [1, 2]
        assert found.elements >= 2
    document.apply(found.finish())
    assert plain(document.value) == [1, 2, 3, 4]
    assert found.elements == 4
    assert found.restarts == 0


def test_an_example_after_what_was_kept_gives_way_to_the_value() -> None:
    kept = answer('{"items": [1, 2, x').kept
    found = answer('{"items": [7]}</think>{"items": [3]}', kept)
    found.finish()
    assert found.restarts == 1
    assert plain(found.value) == [1, 2, 3]


# -- texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ('{"items":[1, "a]" ,{"items":[2]},[3]', [b"1", b'"a]"', b'{"items":[2]}', b"[3]"]),
        ('{"note":["items"],"items":[1,2', [b"1"]),
        ('{"items":"no"', []),
        ("no", []),
        ("", []),
        ('"items"', []),
    ],
)
def test_the_complete_elements_of_a_text(text: str, elements: list[bytes]) -> None:
    assert elements_of(text.encode(), "items") == elements


def test_texts_are_joined() -> None:
    assert joined([b'{"a":1,"items":[ 1 , 2 ]}', b'{"items":[]}', b'{"items":[3]}'], "items") == (
        b'{"items":[1 , 2,3]}'
    )
