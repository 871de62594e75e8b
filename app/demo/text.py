"""Writes JSON that satisfies a JSON Schema, as a model would. Pure.

    write_value(schema, topic, seed) -> a JSON value: the same one for the same arguments
    write_prose(topic, seed)         -> plain text, for a request without a schema
    tokens(text)                     -> the text in pieces of about four characters

What an object says comes from one row: of the schema's examples (of fields, each the same number,
or of models), or of what the demo knows (`subjects.py`). This file writes objects and lists;
`rows.py` chooses the rows, and `words.py` and `numbers.py` write what no row says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from app.demo.field_name import holder_of, said
from app.demo.numbers import is_valid, number
from app.demo.rows import Field, Pool, Role
from app.demo.topic import Topic
from app.demo.words import ELEMENT, Words

type_names: Final[dict[type, str]] = {
    dict: "object", list: "array", str: "string", bool: "boolean",
    int: "integer", float: "number", type(None): "null",
}  # fmt: skip
every_type: Final = frozenset(type_names.values())

MAX_REPEATS: Final = 2  # how often a recursive definition is followed
MAX_ITEMS: Final = 100
NESTED_ITEMS: Final = 5  # the most elements of a list deep inside

_COUNTED: Final = frozenset(
    {"day", "number", "no", "step", "position", "order", "rank", "index", "id", "chapter", "week"}
)
"""Numbers of these names count the elements of a list."""

_TOKEN = re.compile(r" ?[^\W\d]{1,6}|\d{1,3}|[^\w\s]{1,4}|\s{1,4}")

Node = dict[str, Any]


class TooDeep(Exception):
    """A recursive schema is too deep at this place, so something else must be written."""


def write_value(schema: object, topic: str, seed: str, there: Sequence[Any] = ()) -> Any:
    """Write a value of the schema about the topic.

    there: the elements that no list is to repeat, if the schema allows others
    Raises TooDeep if the schema has no finite value.
    """
    return _Writer(schema, topic, seed, there).value(schema, "", [])


def write_prose(topic: str, seed: str) -> str:
    """Two paragraphs about the topic."""
    words = Words(Topic(topic), Random(seed))
    return "\n\n".join(
        " ".join(words.sentence(is_named=at == 0) for at in range(3)) for _ in range(2)
    )


def tokens(text: str) -> list[str]:
    """Cut a text as a tokenizer does: short words whole, longer ones and numbers in pieces."""
    return _TOKEN.findall(text)


def resolve(root: object, schema: object) -> tuple[Node, list[str]]:
    """The schema with its `$ref`s and `allOf`s followed, and the refs that led there."""
    node: Node = schema if isinstance(schema, dict) else {}
    refs: list[str] = []
    while True:
        if isinstance(ref := node.get("$ref"), str):
            if ref in refs:
                raise TooDeep(ref)
            refs.append(ref)
            node = {**_lookup(root, ref), **{k: v for k, v in node.items() if k != "$ref"}}
        elif parts := node.get("allOf"):
            node = {k: v for k, v in node.items() if k != "allOf"}
            for part in parts:
                node = {**(part if isinstance(part, dict) else {}), **node}
        else:
            return node, refs


def _lookup(root: object, ref: str) -> Node:
    target = root
    for key in ref.lstrip("#").split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        target = target.get(key) if isinstance(target, dict) else None
    return target if isinstance(target, dict) else {}


def types(root: object, schema: object) -> frozenset[str]:
    """The JSON types that a value of the schema may have."""
    node, _ = resolve(root, schema)
    if "const" in node or "enum" in node:
        return frozenset(type_names[type(v)] for v in node.get("enum", [node.get("const")]))
    if options := node.get("anyOf") or node.get("oneOf"):
        return frozenset().union(*(types(root, option) for option in options))
    kind = node.get("type", every_type)
    return frozenset([kind] if isinstance(kind, str) else kind)


def _of(kind: type | tuple[type, ...], values: Sequence[Any]) -> list[Any]:
    return [v for v in values if isinstance(v, kind) and (kind is bool or v is not True)]


def _numbers(values: Sequence[Any]) -> list[float]:
    """The numbers among the values. A string of digits counts: a Decimal's examples are strings."""
    strings = [v for v in _of(str, values) if re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", v)]
    return [*_of((int, float), values), *map(float, strings)]


def _is_of_branch(node: Node, example: Node) -> bool:
    """Whether an example of a union is one of this member: its constant fields decide."""
    tags = {k: s["const"] for k, s in node.get("properties", {}).items() if "const" in s}
    return all(example.get(key, tag) == tag for key, tag in tags.items())


def _unique(values: list[Any]) -> list[Any]:
    return [value for i, value in enumerate(values) if value not in values[:i]]


class _Writer:
    """Walks a schema and writes a value. `hints` are examples from a level further out."""

    def __init__(self, root: object, topic: str, seed: str, there: Sequence[Any]) -> None:
        self._root = root
        self._rng = Random(seed)
        text = json.dumps(there, ensure_ascii=False) if there else ""
        self._words = Words(Topic(topic), self._rng, text)
        self._pools: dict[str, Pool] = {}
        self._there = there
        self._refs: list[str] = []
        self._depth = 0
        self._lists = self._list = self._index = 0

    @property
    def _repeats(self) -> int:
        return len(self._refs) - len(set(self._refs))

    def value(self, schema: object, name: str, hints: Sequence[Any] = (), told: Any = None) -> Any:
        """A value for a schema.

        hints: examples from a level further out
        told: what the row of the object says, if it says something
        """
        node, refs = resolve(self._root, schema)
        mark = len(self._refs)
        self._refs += refs
        self._depth += 1
        try:
            if self._repeats > MAX_REPEATS:
                raise TooDeep(name)
            if told is not None and self._may_be(node, told):
                return told
            own = node.get("examples") or ([node["default"]] if "default" in node else [])
            return self._node(node, name, list(hints) or own, told)
        finally:
            self._depth -= 1
            del self._refs[mark:]

    def _node(self, node: Node, name: str, hints: list[Any], told: Any) -> Any:
        if told is not None:
            hints = [told]
        if "const" in node:
            return node["const"]
        if choices := node.get("enum"):
            fitting = [choice for choice in choices if choice in hints]
            return self._rng.choice(fitting or choices)
        if options := node.get("anyOf") or node.get("oneOf"):
            return self._union(options, name, hints, told)
        match self._kind(node):
            case "object":
                return self._object(node, name, _of(dict, hints))
            case "array":
                return self._array(node, name, _of(list, hints) or _listed(told))
            case "integer" | "number" as kind:
                return self._number(node, name, _numbers(hints), whole=kind == "integer")
            case "boolean":
                return self._rng.random() < 0.5
            case "null":
                return None
            case "string":
                if "contentSchema" in node:
                    return json.dumps(self.value(node["contentSchema"], name, []))
                return self._words.string(node, name, _of(str, hints))
        return self._rng.choice(hints) if hints else self._words.string({}, name, [])

    def _kind(self, node: Node) -> str:
        kind = node.get("type")
        if isinstance(kind, list):
            return next((k for k in kind if k != "null"), "null")
        if isinstance(kind, str):
            return kind
        marks = {"properties": "object", "items": "array", "prefixItems": "array"}
        texts = dict.fromkeys(("pattern", "format", "minLength", "maxLength"), "string")
        return next((v for k, v in {**marks, **texts}.items() if k in node), "any")

    def _union(self, options: list[Any], name: str, hints: list[Any], told: Any) -> Any:
        for option in self._order(options, is_told=told is not None):
            try:
                return self.value(option, name, hints, told)
            except TooDeep:
                continue
        raise TooDeep(name)

    def _order(self, options: list[Any], *, is_told: bool) -> list[Any]:
        """A random order in which null is rarely the first and numbers come before strings."""
        kinds = [(types(self._root, o), o) for o in self._rng.sample(options, len(options))]
        numeric = any(kind & {"integer", "number"} for kind, _ in kinds)
        nullish = self._rng.random() < 0.1 and not self._repeats and not is_told
        rank = {"null": 0 if nullish else 2, "string": int(numeric)}
        return [o for _, o in sorted(kinds, key=lambda k: max(rank.get(t, 0) for t in k[0]))]

    def _may_be(self, node: Node, told: Any) -> bool:
        """Whether what a row says can be written as it is."""
        if isinstance(told, str):
            kind = self._kind(node)
            return kind in ("string", "any") and self._words.fits(node, told)
        if isinstance(told, (int, float)):
            return is_valid(node, told)
        return False

    def _number(self, node: Node, name: str, examples: list[float], *, whole: bool) -> int | float:
        words = said(name)
        if (words in ("latitude", "longitude", "lat", "lon", "lng")) and not whole:
            place = self._words.facts.coordinate("latitude" if "lat" in words else "longitude")
            if is_valid(node, place):
                return place
        if words in _COUNTED and self._index and is_valid(node, self._index):
            return self._index
        return number(node, name, examples, self._rng, whole=whole)

    def _object(self, node: Node, name: str, hints: list[Any]) -> Node:
        hints = [hint for hint in hints if _is_of_branch(node, hint)]
        if "properties" not in node:
            return self._dictionary(node, name, hints[0] if hints else {})
        around = self._words.facts.inside()
        try:
            return self._properties(node, name, hints)
        finally:
            self._words.facts.back(around)

    def _pool(self, node: Node, name: str, hints: list[Any]) -> Pool:
        """The rows of objects of this kind."""
        schemas = node["properties"]
        title, holder = str(node.get("title", "")), name.removesuffix(ELEMENT)
        place = f"{title}/{name}/{id(hints[0]) if hints else ''}/{','.join(schemas)}"
        pool = self._pools.get(place)
        if pool is None:
            called = {key: _called(key, schemas, title, name) for key in schemas}
            fields = [Field(key, called[key], self._resolved(schemas[key])) for key in schemas]
            pool = Pool(self._words, self._rng, fields, self._role)
            pool.fill(hints, (title, holder))
            self._pools[place] = pool
        return pool

    def _resolved(self, schema: object) -> Node:
        """A property's schema, without the null that it may also be."""
        node, _ = resolve(self._root, schema)
        options = node.get("anyOf", ())
        some = [option for option in options if types(self._root, option) != {"null"}]
        return resolve(self._root, {**node, **some[0]})[0] if len(some) == 1 else node

    @property
    def _role(self) -> Role:
        """What the object is for the answer."""
        alone = isinstance(self._root, dict) and len(self._root.get("properties", ())) == 1
        return "root" if self._depth == 1 else "main" if alone and self._depth == 3 else "part"

    def _properties(self, node: Node, name: str, hints: list[Any]) -> Node:
        required, schemas = node.get("required", ()), node["properties"]
        pool = self._pool(node, name, hints)
        row = pool.next(self._list)
        out: Node = {}
        for field in pool.fields:
            key = field.key
            try:
                out[key] = self.value(schemas[key], field.called, told=row.get(key))
            except TooDeep:
                if key in required:
                    raise
        return out

    def _dictionary(self, node: Node, name: str, example: Node) -> Node:
        keys, schema = node.get("propertyNames"), node.get("additionalProperties", True)
        for pattern, schema in node.get("patternProperties", {}).items():  # noqa: B007
            keys = {"type": "string", "pattern": pattern}
        if schema is False:
            return {}
        low, high = node.get("minProperties", 0), node.get("maxProperties", MAX_ITEMS)
        wanted = min(max(low, self._rng.randint(2, 3)), high)
        out: Node = {}
        for key in self._keys(keys, list(example), wanted):
            try:
                out[key] = self.value(schema, key, [example[key]] if key in example else [])
            except TooDeep:
                if len(out) < low:
                    raise
                break
        return out

    def _keys(self, schema: object, known: list[str], wanted: int) -> list[str]:
        keys = dict.fromkeys(known)
        for _ in range(wanted * 10):
            if len(keys) >= wanted:
                break
            key = self._words.key() if schema is None else self.value(schema, "key", [])
            keys[str(key)] = None
        return list(keys)[:wanted]

    def _array(self, node: Node, name: str, hints: list[Any]) -> list[Any]:
        out = [
            self.value(schema, name, [hint[i] for hint in hints if i < len(hint)])
            for i, schema in enumerate(node.get("prefixItems", ()))
        ]
        items = node.get("items", "prefixItems" not in node)
        if items is False or (items is True and out):
            return out
        elements = [element for hint in hints for element in hint]
        low = node.get("minItems", 0)
        around = self._list, self._index
        self._lists += 1
        self._list = self._lists
        for at in range(self._length(node, len(elements)) - len(out)):
            self._index = at + 1
            told = elements[at] if at < len(elements) else None
            try:
                out.append(self._fresh(items, name + ELEMENT, told, [*self._there, *out]))
            except TooDeep:
                if len(out) < low:
                    raise
                break
        self._list, self._index = around
        return _unique(out) if node.get("uniqueItems") else out

    def _length(self, node: Node, known: int) -> int:
        """How long a list is to be. known: elements that a row or an example has"""
        low: int = node.get("minItems", 0)
        high: int | None = node.get("maxItems")
        if self._repeats:
            return max(low, min(self._rng.randint(0, 2), MAX_ITEMS if high is None else high))
        if known and not (high and self._depth <= 2):
            return max(low, known if high is None else min(known, high))
        if high is None:
            return max(low, self._rng.randint(2, 4))
        # The result's own list gets its full length. Lists deep inside stay short.
        return min(high, max(low, MAX_ITEMS if self._depth <= 2 else NESTED_ITEMS))

    def _fresh(self, schema: object, name: str, told: Any, others: list[Any]) -> Any:
        """An element that differs from the others, if the schema allows one."""
        for time in range(30):
            element = self.value(schema, name, told=None if time else told)
            if element not in others:
                return element
        node, _refs = resolve(self._root, schema)
        for _ in range(30):
            if not isinstance(element, str) or element not in others:
                break
            element = self._words.vary(node, element)
        return element


def _called(key: str, schemas: Node, title: str, name: str) -> str:
    """What a property is called for what it holds: the name of a person is a person.

    schemas: its object's properties; title, name: those of its object
    """
    words, others = said(key), {said(other) for other in schemas}
    if words in ("name", "title") and (holder := holder_of(title, name)):
        return (
            {"city": "city", "country": "country"}.get(holder, holder) if words == "name" else key
        )
    if words == "address" and others & {
        "city",
        "town",
        "zip",
        "postcode",
        "zip code",
        "postal code",
    }:
        return "street"
    if words == "state" and others & {"city", "street", "zip", "zip code", "country"}:
        return "region"
    return key


def _listed(told: Any) -> list[Any]:
    """What a row says, in parts: those between semicolons, else its sentences."""
    if not isinstance(told, str):
        return []
    return [told.split("; ") if "; " in told else re.split(r"(?<=[.!?]) ", told)]
