"""Writes JSON that satisfies a JSON Schema, as a model would. Pure.

    write_value(schema, topic, seed) -> a JSON value: the same one for the same arguments
    write_prose(topic, seed)         -> plain text, for a request without a schema
    tokens(text)                     -> the text in pieces of about four characters

The words come from the schema's examples (of fields and of models) and from the topic. This file
writes objects and lists; `words.py` and `numbers.py` write what is in them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from app.demo.numbers import number
from app.demo.words import ELEMENT, Words

type_names: Final[dict[type, str]] = {
    dict: "object", list: "array", str: "string", bool: "boolean",
    int: "integer", float: "number", type(None): "null",
}  # fmt: skip
every_type: Final = frozenset(type_names.values())

MAX_REPEATS: Final = 2  # how often a recursive definition is followed
MAX_ITEMS: Final = 100
NESTED_ITEMS: Final = 5  # the most elements of a list deep inside

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
    words = Words(topic, Random(seed))
    return "\n\n".join(" ".join(words.sentence() for _ in range(3)) for _ in range(2))


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
        self._words = Words(topic, self._rng)
        self._there = there
        self._refs: list[str] = []
        self._depth = 0
        self._turns: Counter[str] = Counter()

    @property
    def _repeats(self) -> int:
        return len(self._refs) - len(set(self._refs))

    def value(self, schema: object, name: str, hints: Sequence[Any]) -> Any:
        node, refs = resolve(self._root, schema)
        mark = len(self._refs)
        self._refs += refs
        self._depth += 1
        try:
            if self._repeats > MAX_REPEATS:
                raise TooDeep(name)
            own = node.get("examples") or ([node["default"]] if "default" in node else [])
            return self._node(node, name, list(hints) or own)
        finally:
            self._depth -= 1
            del self._refs[mark:]

    def _node(self, node: Node, name: str, hints: list[Any]) -> Any:
        if "const" in node:
            return node["const"]
        if choices := node.get("enum"):
            return self._rng.choice(choices)
        if options := node.get("anyOf") or node.get("oneOf"):
            return self._union(options, name, hints)
        match self._kind(node):
            case "object":
                return self._object(node, name, _of(dict, hints))
            case "array":
                return self._array(node, name, _of(list, hints))
            case "integer" | "number" as kind:
                return number(node, name, _numbers(hints), self._rng, whole=kind == "integer")
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

    def _union(self, options: list[Any], name: str, hints: list[Any]) -> Any:
        for option in self._order(options):
            try:
                return self.value(option, name, hints)
            except TooDeep:
                continue
        raise TooDeep(name)

    def _order(self, options: list[Any]) -> list[Any]:
        """A random order in which null is rarely the first and numbers come before strings."""
        kinds = [(types(self._root, o), o) for o in self._rng.sample(options, len(options))]
        numeric = any(kind & {"integer", "number"} for kind, _ in kinds)
        nullish = self._rng.random() < 0.1 and not self._repeats
        rank = {"null": 0 if nullish else 2, "string": int(numeric)}
        return [o for _, o in sorted(kinds, key=lambda k: max(rank.get(t, 0) for t in k[0]))]

    def _object(self, node: Node, name: str, hints: list[Any]) -> Node:
        title = node.get("title", name)
        hints = [hint for hint in hints if _is_of_branch(node, hint)]
        example = hints[self._turns[title] % len(hints)] if hints else {}
        self._turns[title] += 1
        required = node.get("required", ())
        out: Node = {}
        for key, schema in node.get("properties", {}).items():
            try:
                out[key] = self.value(schema, key, [example[key]] if key in example else [])
            except TooDeep:
                if key in required:
                    raise
        return out if "properties" in node else self._dictionary(node, name, example)

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
        for _ in range(self._length(node) - len(out)):
            try:
                out.append(self._fresh(items, name + ELEMENT, elements, [*self._there, *out]))
            except TooDeep:
                if len(out) < low:
                    raise
                break
        return _unique(out) if node.get("uniqueItems") else out

    def _length(self, node: Node) -> int:
        low: int = node.get("minItems", 0)
        high: int | None = node.get("maxItems")
        if self._repeats:
            return max(low, min(self._rng.randint(0, 2), MAX_ITEMS if high is None else high))
        if high is None:
            return max(low, self._rng.randint(2, 4))
        # The result's own list gets its full length. Lists deep inside stay short.
        return min(high, max(low, MAX_ITEMS if self._depth <= 2 else NESTED_ITEMS))

    def _fresh(self, schema: object, name: str, hints: Sequence[Any], others: list[Any]) -> Any:
        """An element that differs from the others, if the schema allows one."""
        for _ in range(30):
            element = self.value(schema, name, hints)
            if element not in others:
                return element
        node, _refs = resolve(self._root, schema)
        return self._words.vary(node, element) if isinstance(element, str) else element
