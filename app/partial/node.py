"""How a place in a value streams: the nodes that a plan is made of.

    Node
    ├── Leaf     comes whole: shown when it is complete and valid
    ├── String   grows
    ├── Model    an object with known fields (models, dataclasses, typed dicts)
    ├── List     grows by elements
    ├── Dict     grows by keys
    └── Tagged   a discriminated union: nothing before its tag, then the chosen Model

A node holds two validators. `whole` takes the place's complete JSON text. `close` takes
what the children of a closed container have handed up, already validated: it checks what
is the container's own (missing fields, defaults, lengths, its validators) and runs
nothing below it again, so that validators and default factories run once.
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

    schema: the place's own core schema; config: what applies to it
    nullable: null is one of its values
    deferred: shown only when the object that holds it closes, as that may change it
    raw: the object that holds it validates it, so it is handed up as its JSON text
    proof: of a root whose whole text Pydantic has to validate before the value counts
    forgotten: at the root, nobody wants its validated value
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
    """A value that comes whole.

    plain: its validated form is a JSON scalar as it stands
    shape: the container that it would be but for its validators; it is there, empty, from
        the start
    omits: a value that it refuses is left out; `whole` takes a list of the value alone, and
        gives a list of it or of nothing
    """

    plain: bool = False
    shape: Node | None = None
    omits: bool = False


@dataclass(slots=True, eq=False, kw_only=True)
class String(Node):
    """A string that grows.

    checked: it has constraints or validators to pass once it is complete
    changing: these may change it, which shows when what holds it closes
    max_length: in characters; over it, it is certain to fail. None: no bound
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
    """A member of a Model: `out` is its key in what is shown, None where it is excluded.

    names: its keys in the JSON text, those that win first
    default: a default stands in for it, also where a validator asks for that
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
    """A list of `item`s, at most `max_length`; None: no bound."""

    item: Node
    max_length: int | None = None


@dataclass(slots=True, eq=False, kw_only=True)
class Dict(Container):
    """An object of `item`s. `key` validates a key and gives its shown form; None: any string."""

    item: Node
    key: SchemaValidator | None = None
    key_serializer: SchemaSerializer | None = None

    def named(self, name: str) -> tuple[Any, str]:
        """A key, and what it is shown as. Raises ValidationError."""
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
        """What a tag chooses: true is not 1."""
        for value, choice in self.choices.items():
            if value == tag and type(value) is type(tag):
                return choice
        return None


def empty(node: Node, seen: tuple[Node, ...] = ()) -> Any:
    """A new value of what `node` shows before anything is known."""
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
    shown.update(dict.fromkeys(node.computed))
    return shown


def holder(root: Node, key: str) -> Model:
    """The object that holds the value: the one that the answer is wrapped in, if it is."""
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
    """A place that comes whole; a deferred one is not shown by itself."""
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
"""The place of a value at a key that no field has."""
