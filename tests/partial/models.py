"""Random types with values of them: whatever a Pydantic model can hold."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Annotated, Any, Union

from hypothesis import reject
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
    WrapSerializer,
    WrapValidator,
    create_model,
)
from pydantic_core import PydanticSerializationError

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.node import Dict, List, Node, Tagged
from app.partial.plan import plan
from app.schema import NotNull, Whole
from tests.partial.kinds import STRINGS, UNFIT_FOR_KEYS, WHOLES, Kind, anything, texts
from tests.partial.odd import ODD, Make, loses_a_number
from tests.partial.texts import write
from tests.partial.zoo import ZOO

_names = st.sampled_from(["a", "b", "name", "items", "data", "x_y", "ö", "f/1~"])


@dataclass
class Case:
    """type: of the value; text: an answer, in which a value is wrapped at `key`."""

    type: Any
    key: str | None
    text: str
    seed: int

    @cached_property
    def root(self) -> Node:
        return plan(self.type)

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.type)

    @property
    def random(self) -> Random:
        return Random(self.seed)

    def decoder(self) -> Decoder:
        return Decoder(self.root, key=self.key)

    @cached_property
    def bare(self) -> str:
        """The value's own text."""
        if self.key is None:
            return self.text
        return self.text.split(":", 1)[1].strip()[:-1]

    def validated(self) -> Any:
        """What Pydantic makes of the text. Raises ValidationError."""
        return self.adapter.validate_json(self.bare)

    def dumped(self, value: Any) -> bytes:
        return self.adapter.dump_json(value, by_alias=True, warnings=False)

    @cached_property
    def varies(self) -> bool:
        """Whether there are defaults that are never the same."""
        return self.partials() != self.partials()

    def partials(self) -> list[str]:
        """The partials at each character, as far as it goes."""
        decoder = self.decoder()
        made = []
        try:
            for character in self.text:
                decoder.feed(character)
                made.append(json.dumps(decoder.value))
        except Invalid:
            pass
        return made

    def is_valid(self) -> bool:
        try:
            value = self.validated()
            written = json.loads(self.dumped(value))
        except (ValidationError, PydanticSerializationError):
            return False
        try:
            plain = self.adapter.dump_python(value, by_alias=True, warnings=False)
        except TypeError:  # a set of what was written as objects
            return True
        return not loses_a_number(plain, written)

    @property
    def has_rivals(self) -> bool:
        """Whether a field has a better name than the one that the text may have it under."""
        stack, seen = [self.root], set()
        while stack:
            node = stack.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            fields = getattr(node, "fields", [])
            if any(len(field.names) > 1 for field in fields):
                return True
            stack += [field.node for field in fields]
            stack += [node.item] if isinstance(node, List | Dict) else []
            stack += node.choices.values() if isinstance(node, Tagged) else []
        return False

    def __repr__(self) -> str:
        return (
            f"Case({_describe(self.type)}, key={self.key!r}, seed={self.seed}, text={self.text!r})"
        )


def _describe(type_: Any) -> str:
    if isinstance(type_, type) and issubclass(type_, BaseModel):
        return (
            f"{type_.__name__}({', '.join(f'{k}: {v!r}' for k, v in type_.model_fields.items())})"
        )
    return repr(type_)


def same(value: Any) -> Any:
    return value


def with_info(value: Any, info: Any) -> Any:
    return value


def wrapping(value: Any, handler: Any) -> Any:
    return handler(value)


def wrapping_with_info(value: Any, handler: Any, info: Any) -> Any:
    return handler(value)


_extras: list[Any] = [
    AfterValidator(same),
    AfterValidator(with_info),
    BeforeValidator(same),
    BeforeValidator(with_info),
    WrapValidator(wrapping),
    WrapValidator(wrapping_with_info),
    PlainSerializer(repr),
    PlainSerializer(same),
    WrapSerializer(wrapping),
    Whole,
    NotNull,
]


@st.composite
def kinds(draw: Any, depth: int = 3) -> Kind:
    """A random type."""
    leaf = st.sampled_from([*STRINGS, *WHOLES]) | st.sampled_from(STRINGS)
    if depth == 0:
        return draw(leaf)
    inner = kinds(depth - 1)
    make = draw(
        st.sampled_from(
            [leaf, *[st.sampled_from(ZOO)] * 5, generated(depth), generated(depth),
             inner.map(_optional), inner.map(_list), inner.map(_dict), inner.map(_short),
             st.builds(_tuple, inner, inner), st.builds(_union, inner, inner),
             leaf.map(_set), st.builds(_keyed, leaf, inner),
             st.builds(_made, st.sampled_from(ODD), inner),
             st.builds(_made, st.sampled_from(ODD), leaf),
             st.builds(_annotated, inner, st.sampled_from(_extras))]
        )
    )  # fmt: skip
    return draw(make)


def _optional(kind: Kind) -> Kind:
    return Kind(kind.type | None if kind.type is not None else None, st.none() | kind.values)


def _list(kind: Kind) -> Kind:
    return Kind(list[kind.type], st.lists(kind.values, max_size=4))


def _short(kind: Kind) -> Kind:
    type_ = Annotated[list[kind.type], Field(min_length=1, max_length=2)]
    return Kind(type_, st.lists(kind.values, min_size=1, max_size=3))


def _dict(kind: Kind) -> Kind:
    return Kind(dict[str, kind.type], st.dictionaries(texts, kind.values, max_size=3))


def _keyed(key: Kind, kind: Kind) -> Kind:
    if key.type in UNFIT_FOR_KEYS:
        return _dict(kind)
    keys = key.values.map(lambda found: found if isinstance(found, str) else repr(found))
    return Kind(dict[key.type, kind.type], st.dictionaries(keys, kind.values, max_size=3))


def _tuple(left: Kind, right: Kind) -> Kind:
    return Kind(tuple[left.type, right.type], st.tuples(left.values, right.values).map(list))


def _union(left: Kind, right: Kind) -> Kind:
    return Kind(Union[left.type, right.type], left.values | right.values)  # noqa: UP007


def _set(kind: Kind) -> Kind:
    made = frozenset[kind.type] if kind.hashable else list[kind.type]
    return Kind(made, st.lists(kind.values, max_size=3))


def _made(make: Make, kind: Kind) -> Kind:
    try:
        return make(kind)
    except (PydanticUserError, TypeError):  # an annotation that the type does not take
        reject()


def _annotated(kind: Kind, extra: Any) -> Kind:
    return Kind(Annotated[kind.type, extra], kind.values)


@st.composite
def generated(draw: Any, depth: int = 2) -> Kind:
    """A model of random fields."""
    fields: dict[str, Any] = {}
    members: dict[str, Any] = {}
    optional: dict[str, Any] = {}
    for index, name in enumerate(draw(st.lists(_names, min_size=1, max_size=4, unique=True))):
        kind = draw(kinds(depth - 1))
        settings: dict[str, Any] = {}
        key = name if name.isidentifier() else "alias"
        field = key if key != "alias" else f"f{index}"
        match draw(st.integers(0, 9)):
            case 0:
                settings = {"alias": (key := name + "_")}
            case 1:
                settings = {
                    "validation_alias": (key := name + "/"),
                    "serialization_alias": "~" + name,
                }
            case 2:
                settings = {"validation_alias": AliasChoices("other", (key := name + "2"))}
            case 3:
                settings = {"exclude": True}
        if key == "alias":
            settings = {"alias": (key := name)}
        match draw(st.integers(0, 6)):
            case 0:
                fields[field] = (
                    kind.type | None if kind.type else None,
                    Field(default=None, **settings),
                )
                optional[key] = kind.values
            case 1:
                fields[field] = (Any, Field(default_factory=uuid.uuid4, **settings))
                optional[key] = kind.values
            case _:
                fields[field] = (kind.type, Field(**settings))
                members[key] = kind.values
    if draw(st.booleans()):
        optional["unknown"] = anything
    for key in draw(st.lists(_names, max_size=1)):
        if key not in members:
            optional.setdefault(key, anything)  # a name that a field may have besides its alias
    config = ConfigDict(
        extra=draw(st.sampled_from(["ignore", "allow", "forbid"])),
        strict=draw(st.integers(0, 9)) == 0,
        validate_by_name=draw(st.booleans()),
        validate_default=draw(st.booleans()),
    )
    try:
        model = create_model("Made", __config__=config, **fields)
    except PydanticUserError:  # a dataclass that may not be in a model of this config
        reject()
    return Kind(model, st.fixed_dictionaries(members, optional=optional))


def in_some_place(kind: Kind) -> st.SearchStrategy[Kind]:
    """A type by itself, or in a container."""
    return st.sampled_from([kind, _list(kind), _dict(kind), _list(_optional(kind))])


@st.composite
def cases(draw: Any, of: Any = None) -> Case:
    kind = draw(kinds() if of is None else of)
    value = draw(kind.values)
    seed = draw(st.integers(0, 2**16))
    written = write(value, Random(seed))
    if isinstance(value, dict | list) and draw(st.booleans()):
        return Case(kind.type, None, written, seed)
    return Case(kind.type, "items", f'{{"items": {written} }}', seed)
