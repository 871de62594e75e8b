"""Large answers of several shapes, with the models they fit.

The large value is a member of an object, as most results are. Where a result is a list, it has
few elements, and each is such an object.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter, create_model


class Small(BaseModel):
    a: int


class Defaults(BaseModel):
    a: int = 0
    b: str = ""


class Tree(BaseModel):
    kids: list[Tree] = []


class Row(BaseModel):
    name: str
    cells: list[int]


class Table(BaseModel):
    rows: list[Row]


def _many(text: str, size: int) -> str:
    return f"[{','.join([text] * (size // (len(text) + 1)))}]"


def _keys(size: int) -> str:
    members = (f'"{number:05x}":1' for number in range(size // 10))
    return f"{{{','.join(members)}}}"


def _tables(size: int) -> str:
    row = json.dumps({"name": "row", "cells": list(range(20))})
    return _many(f'{{"rows":{_many(row, 20_000)}}}', size)


def _deep(size: int) -> str:
    return '{"kids":[' * 60 + _many('{"kids":[]}', size)[1:-1] + "]}" * 60


SHAPES: Final[dict[str, tuple[Any, Callable[[int], str]]]] = {
    "defaults": (list[Defaults], lambda size: _many("{}", size)),
    "objects": (list[dict[str, int]], lambda size: _many("{}", size)),
    "models": (list[Small], lambda size: _many('{"a":1}', size)),
    "numbers": (list[int], lambda size: _many("1", size)),
    "strings": (list[str], lambda size: _many('"ab"', size)),
    "string": (str, lambda size: f'"{"word " * (size // 5)}"'),
    "keys": (dict[str, int], _keys),
    "lists": (list[list[list[int]]], lambda size: _many("[[1],[1,1]]", size)),
    "tables": (list[Table], _tables),
    "deep": (Tree, _deep),
}
"""For each shape, the type of a value, and a function that makes its JSON of about that size."""

ELEMENTS: Final = 20
"""Of a list that is a result: as many as the service's schemas let a caller ask for."""


@cache
def model(shape: str) -> type[BaseModel]:
    """The object that holds the value."""
    type_, _ = SHAPES[shape]
    return create_model("Answer", title=(str, ...), value=(type_, ...), note=(str, "none"))


def answer(shape: str, size: int) -> str:
    """A model's answer: this object as JSON."""
    return f'{{"title":"t","value":{SHAPES[shape][1](size)}}}'


def list_answer(shape: str, size: int) -> str:
    """What a model answers where a list of such objects is the result."""
    return f'{{"items":[{",".join([answer(shape, size // ELEMENTS)] * ELEMENTS)}]}}'


def document_bytes(type_: Any, json: str) -> int:
    """The length of a validated value's JSON, with all its defaults."""
    adapter = TypeAdapter(type_)
    return len(adapter.dump_json(adapter.validate_json(json)))
