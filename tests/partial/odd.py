"""Types that are seldom met, made of others: what a model can hold besides the usual."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Annotated, Any, Generic, Literal, TypeVar

from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    OnErrorOmit,
    RootModel,
    create_model,
)
from pydantic.alias_generators import to_camel
from pydantic_core import MISSING, PydanticUseDefault
from typing_extensions import TypeAliasType

from app.schema import NotNull, Whole
from tests.partial.kinds import Kind, anything, small, texts, words

T = TypeVar("T")
Make = Callable[[Kind], Kind]


class Twice(BaseModel, Generic[T]):
    first: T
    more: list[T] = []
    again: Twice[T] | None = None


def seen(value: Any, info: Any) -> Any:
    """Look at what a validator is told."""
    assert info.mode == "json"
    return value


def or_default(value: Any) -> Any:
    if value in (0, "", [], {}, None):
        raise PydanticUseDefault
    return value


def maybe_seen(kind: Kind) -> Kind:
    return Kind(Annotated[kind.type, AfterValidator(seen)] | None, st.none() | kind.values)


def generic(kind: Kind) -> Kind:
    inner = st.fixed_dictionaries(
        {"first": kind.values}, optional={"more": st.lists(kind.values, max_size=2)}
    )
    value = st.fixed_dictionaries({"first": kind.values}, optional={"again": st.none() | inner})
    return Kind(Twice[kind.type], value)


def rooted(kind: Kind) -> Kind:
    return Kind(RootModel[kind.type], kind.values)


def queued(kind: Kind) -> Kind:
    return Kind(deque[kind.type], st.lists(kind.values, max_size=3))


def ordered(kind: Kind) -> Kind:
    return Kind(OrderedDict[str, kind.type], st.dictionaries(texts, kind.values, max_size=3))


def lists_by_default(kind: Kind) -> Kind:
    values = st.dictionaries(texts, st.lists(kind.values, max_size=2), max_size=2)
    return Kind(defaultdict[str, list[kind.type]], values)


def omitted(kind: Kind) -> Kind:
    values = st.lists(kind.values | anything, max_size=4)
    return Kind(list[OnErrorOmit[kind.type]], values)


def omitted_in_dict(kind: Kind) -> Kind:
    values = st.dictionaries(texts, kind.values | anything, max_size=3)
    return Kind(dict[str, OnErrorOmit[kind.type]], values)


def marked(kind: Kind) -> Kind:
    return Kind(Annotated[Annotated[kind.type, Whole], Field(description="marked")], kind.values)


def marked_alias(kind: Kind) -> Kind:
    return Kind(TypeAliasType("Marked", Annotated[kind.type, NotNull]), kind.values)


def defaulting(kind: Kind) -> Kind:
    """A model whose validators ask for the default, before, after and inside."""
    before = Annotated[kind.type, BeforeValidator(or_default)]
    inside = list[Annotated[str, AfterValidator(or_default)]]
    model = create_model(
        "Defaulting",
        before=(before | None, Field(default=None)),
        number=(Annotated[int, AfterValidator(or_default)], 7),
        inside=(inside, ["default"]),
    )
    members = {"before": kind.values | st.just(0), "number": small, "inside": st.lists(words)}
    return Kind(model, st.fixed_dictionaries({}, optional=members))


def twice_read(kind: Kind) -> Kind:
    """Two fields that read each other's key."""
    model = create_model(
        "TwiceRead",
        a=(kind.type, Field(validation_alias=AliasChoices("a", "b"))),
        b=(kind.type | None, Field(validation_alias=AliasChoices("b", "a"))),
        c=(Any, Field(None, validation_alias=AliasPath("b", 0))),
    )
    members = {"a": kind.values, "b": kind.values | anything}
    return Kind(model, st.fixed_dictionaries({}, optional=members))


def named_twice(kind: Kind) -> Kind:
    """A field that both its names may have, beside extra keys."""
    model = create_model(
        "NamedTwice",
        __config__=ConfigDict(populate_by_name=True, extra="ignore", alias_generator=to_camel),
        the_field=(kind.type, ...),
        the_other=(Annotated[str, AfterValidator(seen)], "x"),
    )
    # A list or object under the losing name is validated as it comes, so it is not among these.
    either = st.sampled_from(["the_field", "the_other", "theOther", "other"])
    whole = st.fixed_dictionaries(
        {"theField": kind.values}, optional={"the_field": small, "the_other": words}
    )
    return Kind(model, whole | st.dictionaries(either, small | words, max_size=4))


def named_thrice(kind: Kind) -> Kind:
    """A field that has three names, those that lose being extra keys."""
    model = create_model(
        "NamedThrice",
        __config__=ConfigDict(populate_by_name=True, extra="allow"),
        last=(
            kind.type,
            Field(validation_alias=AliasChoices("a/", "b~"), serialization_alias="shown"),
        ),
    )
    orders = st.permutations(["a/", "b~", "last"])
    values = st.builds(lambda names, *found: dict(zip(names, found, strict=True)), orders,
                       kind.values, kind.values, kind.values)  # fmt: skip
    return Kind(model, values | values.map(lambda value: dict(list(value.items())[1:])))


def missing(kind: Kind) -> Kind:
    model = create_model("Missing", a=(kind.type | MISSING, MISSING), b=(str, "b"))
    return Kind(model, st.fixed_dictionaries({}, optional={"a": kind.values, "b": words}))


def tagged(kind: Kind) -> Kind:
    """A discriminated union whose tag has an alias, by itself or in a root model."""
    config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    made = [
        create_model(f"Of{tag}", __config__=config, the_tag=(Literal[tag], ...), value=(type_, ...))
        for tag, type_ in (("a", kind.type), ("b", str))
    ]
    union = Annotated[made[0] | made[1], Field(discriminator="the_tag")]
    values = st.fixed_dictionaries({"theTag": st.just("a"), "value": kind.values})
    others = st.fixed_dictionaries({"the_tag": st.sampled_from(["a", "b", "c"]), "value": texts})
    return Kind(RootModel[union], values | others)


ODD: list[Make] = [
    maybe_seen,
    generic,
    rooted,
    queued,
    ordered,
    lists_by_default,
    omitted,
    omitted_in_dict,
    marked,
    marked_alias,
    defaulting,
    twice_read,
    named_twice,
    named_thrice,
    missing,
    tagged,
]


def loses_a_number(value: Any, written: Any) -> bool:
    """Whether JSON has null where a value has a number that JSON has no form for."""
    if isinstance(value, float):
        return written is None and value * 0 != 0
    if isinstance(value, dict) and isinstance(written, dict):
        pairs = zip(value.values(), written.values(), strict=False)
        return any(loses_a_number(each, other) for each, other in pairs)
    if isinstance(value, list | tuple | set | frozenset | deque) and isinstance(written, list):
        return any(map(loses_a_number, value, written))
    return False
