"""How a place in a value streams: the nodes that a plan is made of.

    Node
    ├── Leaf     is shown when it is complete and valid
    ├── String   grows
    ├── Model    an object with known fields (models, dataclasses, typed dicts)
    ├── List     grows by elements
    ├── Dict     grows by keys
    └── Tagged   a discriminated union: nothing is shown before its tag, then the chosen Model

A node has two validators. `whole` validates the complete JSON text of the place. `close` gets the
values of a closed container's members, which are validated already. It checks only the container
itself (missing fields, defaults, lengths, its own validators), so all validators and default
factories run only once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic_core import CoreSchema, SchemaSerializer, SchemaValidator

from app.partial.close import Close
from app.partial.proof import Proof
from app.partial.value import dumps


@dataclass(slots=True, eq=False, kw_only=True)
class Node:
    """What all kinds have in common.

    schema: the core schema of the place
    config: the config that applies to it
    nullable: whether null is one of its values
    deferred: whether it is shown only when its object closes, because that may change it
    raw: whether its object validates it, from its JSON text
    proof: for a root: validates the whole text at the end; None if that is not needed
    forgotten: for a root: whether nobody needs the validated value
    """

    schema: CoreSchema
    config: Mapping[str, Any] = field(default_factory=dict)
    nullable: bool = False
    deferred: bool = False
    raw: bool = False
    proof: Proof | None = None
    forgotten: bool = False
    whole: SchemaValidator
    serializer: SchemaSerializer


@dataclass(slots=True, eq=False, kw_only=True)
class Leaf(Node):
    """A value that is shown when it is complete.

    plain: whether its validated form is a JSON scalar
    shape: the node of the container that it would be without its validators. This container is
        shown from the start, empty
    omits: whether an invalid value is left out. `whole` then validates a list with only this
        value, and returns a list that may be empty
    """

    plain: bool = False
    shape: Node | None = None
    omits: bool = False


@dataclass(slots=True, eq=False, kw_only=True)
class String(Node):
    """A string that grows.

    checked: whether it has constraints or validators, which run when it is complete
    changing: whether these may change it; the change is shown when its container closes
    max_length: the most characters; a longer string fails at once. None: no bound
    """

    checked: bool = False
    changing: bool = False
    max_length: int | None = None


@dataclass(slots=True, eq=False, kw_only=True)
class Container(Node):
    """What is closed.

    changing: validators may change what was shown inside it
    needs_values: its closing reads the values of its members, or of what is inside of them
    needs_count: its closing counts its members
    """

    close: Close | None = None
    changing: bool = False
    needs_values: bool = True
    needs_count: bool = False


@dataclass(slots=True, eq=False)
class Field:
    """A member of a Model.

    out: its key in the shown value; None if it is excluded
    names: its keys in the JSON text; those with precedence come first
    default: whether it has a default (a validator may ask for it by PydanticUseDefault)
    """

    out: str | None
    node: Node
    not_null: bool = False
    required: bool = True
    names: tuple[str, ...] = ()
    default: bool = False


@dataclass(slots=True, eq=False, kw_only=True)
class Model(Container):
    """An object with known fields.

    origin: the class's core schema, the same for all nodes of the class
    keys: from the key in the JSON text to the field
    fields: in the order in which they are shown
    computed: the keys of computed fields and their return types' schemas
    extra: what is done with unknown keys: `ignore`, `allow` (they are shown at its close), `forbid`
    read_at_close: keys that no field has for itself: aliases lead into their values, or several
        fields read them. The values are kept until the object closes
    as_json: whether `close` takes unknown values as their JSON text
    not_null: whether it is shown only when its NotNull fields are known
    """

    title: str
    origin: object = None
    keys: dict[str, Field] = field(default_factory=dict)
    fields: list[Field] = field(default_factory=list)
    computed: dict[str, CoreSchema] = field(default_factory=dict)
    extra: str = "ignore"
    read_at_close: frozenset[str] = frozenset()
    as_json: bool = False
    not_null: bool = False


@dataclass(slots=True, eq=False, kw_only=True)
class List(Container):
    """A list. item: the node of its elements. max_length: the most elements; None: no bound."""

    item: Node
    max_length: int | None = None


@dataclass(slots=True, eq=False, kw_only=True)
class Dict(Container):
    """An object with any keys.

    item: the node of its values
    key: validates a dict with only this key; None: any string is a key
    """

    item: Node
    key: SchemaValidator | None = None
    key_serializer: SchemaSerializer | None = None

    def named(self, name: str) -> tuple[Any, str]:
        """The validated form of a key, and its shown form. Raises ValidationError."""
        assert self.key is not None
        assert self.key_serializer is not None
        made = self.key.validate_json(dumps({name: None}))
        written = self.key_serializer.to_python(made, mode="json", by_alias=True, warnings=False)
        ((key, shown),) = zip(made, written, strict=True)
        return key, shown


@dataclass(slots=True, eq=False, kw_only=True)
class Tagged(Node):
    """A discriminated union: the value at the first of `tags` that is there chooses the Model."""

    tags: tuple[str, ...]
    choices: Mapping[str | int | bool, Model | Tagged]

    def choose(self, tag: object) -> Model | Tagged | None:
        """The node that a tag chooses; None for an unknown tag. `true` is not the tag 1."""
        for value, choice in self.choices.items():
            if value == tag and type(value) is type(tag):
                return choice
        return None


def empty(node: Node, seen: tuple[Node, ...] = ()) -> Any:
    """A new copy of what `node` shows before anything is known."""
    if node.nullable or node in seen:
        return None
    match node:
        case Leaf(shape=Node() as shape):
            return empty(shape, (*seen, node))
        case List():
            return []
        case Dict():
            return {}
        case Model() if not node.not_null:
            return blank(node, seen)
        case _:
            return None


def blank(node: Model, seen: tuple[Node, ...] = ()) -> dict[str, Any]:
    """A new object with all the fields of `node`, none of them known."""
    seen = (*seen, node)
    shown: dict[str, Any] = {
        field.out: empty(field.node, seen)
        for field in node.fields
        if field.out is not None and field.required
    }
    if node.computed:
        shown.update(dict.fromkeys(node.computed))
    return shown


def holder(root: Node, key: str) -> Model:
    """A Model with the value as its one member: the object that the answer may be wrapped in."""
    field = Field(key, root)
    return Model(
        schema=root.schema,
        whole=root.whole,
        serializer=root.serializer,
        title="Answer",
        keys={key: field},
        fields=[field],
    )


def as_leaf(node: Node, *, deferred: bool = True) -> Leaf:
    """A leaf for the same place, which is shown when it is complete; deferred: by its object."""
    return Leaf(
        schema=node.schema,
        nullable=node.nullable,
        whole=node.whole,
        serializer=node.serializer,
        raw=node.raw,
        deferred=deferred,
    )


def refuses_null(node: Node) -> bool:
    """Whether null is none of a place's values."""
    try:
        node.whole.validate_json("null")
    except Exception:  # the schema's own code may raise anything
        return True
    return False


_ANY: Final[CoreSchema] = {"type": "any"}
UNKNOWN: Final = Leaf(schema=_ANY, whole=SchemaValidator(_ANY), serializer=SchemaSerializer(_ANY))
"""The node of a value at a key that no field has."""
