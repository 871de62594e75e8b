"""Elements that nobody will see again are let go of."""

from __future__ import annotations

import json
import tracemalloc
from typing import Annotated, Any
from weakref import ref

import pytest
from pydantic import AfterValidator, BaseModel, Field, RootModel

from app.partial.decoder import Decoder
from app.partial.plan import plan

made: list[ref[Tree]] = []


class Tree(BaseModel):
    name: str
    children: list[Tree] = []

    def model_post_init(self, context: Any, /) -> None:
        made.append(ref(self))


class Trees(RootModel[list[Tree]]):
    def model_post_init(self, context: Any, /) -> None:
        assert [tree.name for tree in self.root] == list("abcde")


def alive() -> int:
    return sum(tree() is not None for tree in made)


def in_order(trees: list[Tree]) -> list[Tree]:
    return sorted(trees, key=lambda tree: tree.name, reverse=True)


def fed(type_: Any, *, keep: bool) -> Decoder:
    made.clear()
    trees = [{"name": name, "children": [{"name": "x", "children": []}]} for name in "abcde"]
    decoder = Decoder(plan(type_, keep=keep), key="items", bound=5)
    decoder.feed(json.dumps({"items": trees})[:-2])
    return decoder


@pytest.mark.parametrize("type_", [list[Tree], Annotated[list[Tree], Field(min_length=3)] | None])
def test_the_elements_of_a_list_at_the_root(type_: Any) -> None:
    kept = fed(type_, keep=True)
    assert alive() == 10
    kept.feed("]}")
    assert [tree.name for tree in kept.result] == list("abcde")
    del kept
    forgetful = fed(type_, keep=False)
    assert not alive()
    assert forgetful.elements == 5
    assert [len(tree["children"]) for tree in forgetful.value] == [1] * 5
    forgetful.feed("]}")
    assert forgetful.done


@pytest.mark.parametrize(
    ("type_", "names"),
    [
        (Annotated[list[Tree], AfterValidator(in_order)], "edcba"),
        (Trees, "abcde"),
        (Annotated[Trees, AfterValidator(lambda trees: trees)], "abcde"),
    ],
)
def test_not_where_validators_look_at_them(type_: Any, names: str) -> None:
    decoder = fed(type_, keep=False)
    assert alive() == 10
    decoder.feed("]}")
    assert [tree["name"] for tree in decoder.value] == list(names)


def memory(text: str) -> int:
    """Bytes of what is left of a decoder's state, once it has read the text."""
    tracemalloc.start()
    decoder = Decoder(plan(dict[str, int], keep=False))
    for at in range(0, len(text), 1024):
        decoder.feed(text[at : at + 1024])
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(decoder.value) == 20_000
    return left


def test_the_keys_of_a_long_dict_are_kept_once() -> None:
    text = json.dumps({f"{number:05x}": 1 for number in range(20_000)})
    tracemalloc.start()
    value = json.loads(text)
    alone = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(value) == 20_000
    assert memory(text) < 1.2 * alone
