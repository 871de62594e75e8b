"""Long answers: what is finished is kept as JSON, and nobody who looks can tell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from app.partial.block import Block, elements, length, member, pieces
from app.partial.decoder import Decoder
from app.partial.document import Document
from app.partial.growing import PART, Growing
from app.partial.merge import merge
from app.partial.operation import Add, Append, Operation, Replace
from app.partial.plan import plan
from app.partial.value import dumps, plain


class Cell(BaseModel):
    name: str
    sizes: list[int] = []
    big: int = 2**70


class Sheet(BaseModel):
    title: str
    cells: list[Cell]
    by_name: dict[str, list[Cell]] = {}
    note: str | None = None
    inner: Sheet | None = None
    last: str = "none"


def cell(number: int) -> dict[str, Any]:
    return {"name": f"é {number}", "sizes": list(range(number % 30))}


def sheet(number: int, *, inner: bool = True) -> dict[str, Any]:
    value = {
        "title": f"sheet {number}",
        "cells": [cell(n) for n in range(number)],
        "by_name": {f"k{n}": [cell(n), cell(n + 1)] for n in range(number)},
        "note": "word \u2028 " * number * 10,
    }
    return value | {"inner": sheet(number // 2, inner=False)} if inner else value


TEXT = json.dumps({"items": [sheet(number) for number in (1, 150, 40)]}, ensure_ascii=False)


def holds_blocks(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, Block) or (isinstance(value, list) and any(map(holds_blocks, value)))


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("size", [64, 1000, 4096])
def test_a_long_value_shows_as_a_short_one_does(keep: bool, size: int) -> None:
    decoder = Decoder(plan(list[Sheet], keep=keep), key="items")
    applied, adopted = Document(), Document()
    folded = False
    gathered: list[Operation] = []
    for at in range(0, len(TEXT), size):
        operations = decoder.feed(TEXT[at : at + size])
        gathered += operations
        applied.apply(operations)
        if operations:
            adopted.adopt(decoder.value, operations)
        if at // size % 10 == 0:
            folded = folded or holds_blocks(decoder.value)
            assert adopted.encode() == applied.encode() == dumps(decoder.value)
            assert plain(decoder.value) == plain(applied.value)
    assert decoder.done
    assert folded
    expected = plan(list[Sheet]).whole.validate_json(TEXT[len('{"items":') : -1])
    assert json.loads(adopted.encode()) == [each.model_dump(mode="json") for each in expected]
    at_once = Document()
    at_once.apply(merge(gathered))
    assert at_once.encode() == adopted.encode()
    if keep:
        assert decoder.result == expected


def test_a_packed_document_is_the_same() -> None:
    document = Document()
    document.apply([Replace((), {"a": [1, 2**70], "b": "x"})])
    encoded = document.encode()
    document.pack()
    assert document.encode() == encoded
    assert document.value == {"a": [1, 2**70], "b": "x"}
    document.apply([Append(("b",), "y")])
    assert document.encode() == b'{"a":[1,1180591620717411303424],"b":"xy"}'


def test_elements_in_blocks_are_found() -> None:
    large, last = Block(1, None, {"b": [2]}, start=2), Block(1, b"[3]", start=3)
    blocks = [Block(2, b'1,"a"'), large, last, 4, 5]
    all_of_it = [1, "a", {"b": [2]}, [3], 4, 5]
    assert plain(blocks) == all_of_it
    assert length(blocks) == 6
    assert [member(blocks, index) for index in range(6)] == all_of_it
    for start in range(7):
        for end in range(7):
            assert plain(pieces(blocks, start, end)) == all_of_it[start:end]
            assert elements(blocks, start, end) == all_of_it[start:end]
    with pytest.raises(LookupError):
        member(blocks[:2], 3)


def test_what_is_done_beside_blocks_is_done_in_its_place() -> None:
    document = Document()
    document.adopt({"a": [Block(2, b"1,2"), "x"]}, [Add(("a", 2), "x")])
    document.apply([Append(("a", 2), "y"), Add(("a", 3), {}), Replace(("a", 3), [4])])
    assert document.encode() == b'{"a":[1,2,"xy",[4]]}'


def test_a_growing_string_is_what_was_added() -> None:
    text = Growing("ab")
    whole = "ab"
    for number in range(3 * PART):
        piece = str(number)
        text.append(piece)
        whole += piece
    assert str(text) == whole
    assert len(text) == len(whole)
    for position in (0, 1, 2, PART, len(whole) - 3, len(whole)):
        assert text.since(position) == whole[position:]
