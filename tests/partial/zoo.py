"""The classes that can't be generated from a few choices, with values of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.partial.classes import (
    Adorned,
    Before,
    Computed,
    Even,
    Extras,
    Generated,
    Node,
    Rewritten,
    Serialized,
    Shouting,
    Strict,
    Wrapped,
)
from tests.partial.kinds import Kind, dates, small, texts, words
from tests.partial.shapes import (
    Abstract,
    Aliased,
    ByPath,
    Called,
    Cat,
    Checked,
    Configured,
    Film,
    Fish,
    Grouped,
    Listed,
    Loose,
    Marked,
    Names,
    OfModel,
    Outer,
    Pair,
    Pet,
    Plain,
    Point,
    Scores,
    Trimmed,
    Vehicle,
)


def maybe(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object that may lack any of its members."""
    return st.fixed_dictionaries({}, optional=members)


nodes = st.recursive(
    st.fixed_dictionaries({"name": texts}),
    lambda inner: st.fixed_dictionaries(
        {"name": texts}, optional={"children": st.lists(inner, max_size=3), "parent": inner}
    ),
    max_leaves=5,
)
shoutings = st.fixed_dictionaries(
    {"first": words, "second": words, "tags": st.lists(words, max_size=2)},
    optional={"third": words},
)
names = st.lists(texts, max_size=3)
cats = st.fixed_dictionaries({"kind": st.just("cat"), "lives": small, "catName": texts})
fish = st.fixed_dictionaries({"kind": st.just("red")}, optional={"scales": texts})
pets = st.recursive(
    cats | fish,
    lambda inner: st.fixed_dictionaries(
        {"kind": st.sampled_from(["dog", "hound"]), "friends": st.lists(inner, max_size=2)}
    ),
    max_leaves=3,
)
plains = st.fixed_dictionaries({"name": texts}, optional={"many": st.lists(small, max_size=2)})
generated = st.fixed_dictionaries(
    {"text": words}, optional={"identity": st.uuids().map(str), "checked": words, "of": words}
)
aliased = st.fixed_dictionaries({"A": texts, "bees": names, "c2": small}) | maybe(
    a=texts, A=texts, bees=names, c1=small, c2=small, C=small, c=small
)


def _evens(inner: Any) -> Any:
    odd = st.fixed_dictionaries(
        {"right": small, "evens": st.dictionaries(texts, inner, max_size=2)}
    )
    return st.fixed_dictionaries({"left": texts, "odd": st.none() | odd})


ZOO = [
    Kind(Node, nodes),
    Kind(Even, st.recursive(_evens(st.nothing()), _evens, max_leaves=3)),
    Kind(
        Strict,
        st.fixed_dictionaries(
            {
                "day": dates,
                "price": st.sampled_from([1, "2.50"]),
                "colour": st.just("red"),
                "inner": st.just([1, "a"]),
            },
            optional={"day_after": dates},
        ),
    ),
    Kind(Shouting, shoutings),
    Kind(Before, st.fixed_dictionaries({"x": texts, "b": st.lists(small, max_size=3)})),
    Kind(Wrapped, st.fixed_dictionaries({"a": texts, "inner": shoutings})),
    Kind(Generated, generated),
    Kind(
        Computed,
        st.fixed_dictionaries(
            {"price": small}, optional={"amount": small, "more": names, "total": small}
        ),
    ),
    Kind(
        Extras,
        st.fixed_dictionaries({"name": texts}, optional={"begin": dates, "end": dates | small}),
    ),
    Kind(
        Serialized,
        st.fixed_dictionaries(
            {"day": dates, "name": texts, "maybe": st.none() | texts, "many": names},
            optional={"hidden": texts, "blank": texts},
        ),
    ),
    Kind(Rewritten, st.fixed_dictionaries({"a": texts}, optional={"b": small})),
    Kind(Adorned, st.fixed_dictionaries({"a": texts, "inner": st.lists(small, max_size=3)})),
    Kind(Aliased, aliased),
    Kind(
        ByPath,
        maybe(names=names, last=texts) | st.fixed_dictionaries({"names": st.just(["a", "b"])}),
    ),
    Kind(Pair[int], st.fixed_dictionaries({"left": small, "right": st.lists(small, max_size=3)})),
    Kind(
        Pair[Pair[str]],
        st.fixed_dictionaries(
            {"left": st.fixed_dictionaries({"left": texts, "right": names}), "right": st.just([])}
        ),
    ),
    Kind(Names, names),
    Kind(Trimmed, texts),
    Kind(Scores, st.dictionaries(st.sampled_from(["red", "deep red"]), small)),
    Kind(Outer, names),
    Kind(OfModel, shoutings),
    Kind(
        Film,
        st.fixed_dictionaries(
            {"title": texts}, optional={"cast": names, "year": st.none() | small}
        ),
    ),
    Kind(
        Loose, maybe(a=texts, b=st.fixed_dictionaries({"title": texts}, optional={"cast": names}))
    ),
    Kind(Point, st.sampled_from([[1, "a"], [1], {"x": 2}])),
    Kind(Plain, plains),
    Kind(
        Checked,
        st.fixed_dictionaries(
            {"day": dates, "start": small, "inner": plains}, optional={"stop": small}
        ),
    ),
    Kind(Listed, st.fixed_dictionaries({"name": texts, "at": names})),
    Kind(Pet, pets),
    Kind(Cat | Fish, cats | fish),
    Kind(
        Vehicle,
        st.fixed_dictionaries({"type": st.just("car"), "wheels": small})
        | st.fixed_dictionaries({"type": st.just("boat"), "sails": names}),
    ),
    Kind(
        Grouped,
        st.fixed_dictionaries(
            {"group": st.just("a"), "kind": st.sampled_from(["x", "y"]), "text": texts}
        )
        | st.fixed_dictionaries({"group": st.just("b"), "text": texts}),
    ),
    Kind(Called, cats),
    Kind(
        Marked,
        st.fixed_dictionaries(
            {
                "before": texts,
                "key": texts,
                "whole": names,
                "kind": st.sampled_from(["a", "b", None]),
            },
            optional={"inner": nodes},
        ),
    ),
    Kind(
        Configured,
        st.fixed_dictionaries(
            {
                "data": st.sampled_from(["aGk=", ""]),
                "span": st.sampled_from([1.5, "PT2S"]),
                "text": words | small,
            },
            optional={"colour": st.just("red"), "later": words},
        ),
    ),
    Kind(
        Abstract,
        st.fixed_dictionaries(
            {
                "items": st.lists(small, max_size=2),
                "pairs": st.dictionaries(texts, texts, max_size=2),
                "queue": st.lists(small, max_size=2),
                "optional": st.none() | names,
            }
        ),
    ),
]
