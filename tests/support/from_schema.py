"""Values that a JSON Schema allows, of all kinds: a Hypothesis strategy.

It knows the keywords that this project's schemas have, and raises KeyError for others, so that a
test can't miss one.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

TEXT = st.characters(codec="utf-8")
SAID = frozenset({"title", "description", "examples", "default", "format", "discriminator"})
"""Keywords that bind no value, or that a pattern stands beside."""

KNOWN = SAID | {
    *("$ref", "$defs", "type", "enum", "const", "anyOf", "oneOf", "properties", "required"),
    *("additionalProperties", "propertyNames", "minProperties", "maxProperties", "items"),
    *("prefixItems", "minItems", "maxItems", "uniqueItems", "minLength", "maxLength", "pattern"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("contentMediaType", "contentSchema", "writeOnly"),
}

scalars = st.none() | st.booleans() | st.integers(-99, 99) | st.text(TEXT, max_size=4)
anything = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(TEXT), scalars)


def values(root: dict[str, Any]) -> st.SearchStrategy[Any]:
    """The values of a schema."""
    return _Values(root).of(root)


class _Values:
    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._references: dict[str, st.SearchStrategy[Any]] = {}

    def of(self, schema: Any) -> st.SearchStrategy[Any]:
        if schema is True:
            return anything
        if unknown := schema.keys() - KNOWN:
            raise KeyError(*unknown)
        if "$ref" in schema:
            return self._reference(schema["$ref"])
        if "const" in schema:
            return st.just(schema["const"])
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        if choices := schema.get("anyOf") or schema.get("oneOf"):
            kind = {"type": schema["type"]} if "type" in schema else {}
            return st.one_of([self.of({**kind, **choice}) for choice in choices])
        kinds = schema.get("type", "any")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        return st.one_of([getattr(self, f"_{kind}")(schema) for kind in kinds])

    def _reference(self, ref: str) -> st.SearchStrategy[Any]:
        if ref not in self._references:
            name = ref.removeprefix("#/$defs/")
            self._references[ref] = st.deferred(lambda: self.of(self._root["$defs"][name]))
        return self._references[ref]

    def _any(self, _: Any) -> st.SearchStrategy[Any]:
        return anything

    def _null(self, _: Any) -> st.SearchStrategy[Any]:
        return st.none()

    def _boolean(self, _: Any) -> st.SearchStrategy[Any]:
        return st.booleans()

    def _integer(self, schema: Any) -> st.SearchStrategy[Any]:
        low, high = schema.get("minimum"), schema.get("maximum")
        if "exclusiveMinimum" in schema:
            low = schema["exclusiveMinimum"] + 1
        if "exclusiveMaximum" in schema:
            high = schema["exclusiveMaximum"] - 1
        step = schema.get("multipleOf", 1)
        least = None if low is None else -(-low // step)
        most = None if high is None else high // step
        return st.integers(least, most).map(lambda number: number * step)

    def _number(self, schema: Any) -> st.SearchStrategy[Any]:
        if step := schema.get("multipleOf"):
            bounds = [max(schema.get("minimum", -999), -999), min(schema.get("maximum", 999), 999)]
            low, high = (int(bound / step) for bound in bounds)
            return st.integers(low, high).map(lambda number: float(Decimal(str(step)) * number))
        return st.floats(
            schema.get("exclusiveMinimum", schema.get("minimum")),
            schema.get("exclusiveMaximum", schema.get("maximum")),
            exclude_min="exclusiveMinimum" in schema,
            exclude_max="exclusiveMaximum" in schema,
            allow_nan=False,
            allow_infinity=False,
        )

    def _string(self, schema: Any) -> st.SearchStrategy[Any]:
        if "contentSchema" in schema:
            return self.of(schema["contentSchema"]).map(json.dumps)
        low, high = schema.get("minLength", 0), schema.get("maxLength")
        if "pattern" not in schema:
            return st.text(TEXT, min_size=low, max_size=high)
        found = matching(schema["pattern"])
        return found.filter(lambda text: low <= len(text) <= (len(text) if high is None else high))

    def _array(self, schema: Any) -> st.SearchStrategy[Any]:
        first = [self.of(place) for place in schema.get("prefixItems", ())]
        low, high = schema.get("minItems", 0), schema.get("maxItems")
        if first:
            return st.tuples(*first).map(list)
        most = 4 if high is None else min(high, 4)
        unique = json.dumps if schema.get("uniqueItems") else None
        items = self.of(schema.get("items", True))
        return st.lists(items, min_size=low, max_size=max(low, most), unique_by=unique)

    def _object(self, schema: Any) -> st.SearchStrategy[Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        named = st.fixed_dictionaries(
            {name: self.of(properties[name]) for name in properties if name in required},
            optional={name: self.of(properties[name]) for name in properties.keys() - required},
        )
        least = schema.get("minProperties", 0)
        named = named.filter(lambda made: len(made) >= least) if properties and least else named
        free = schema.get("additionalProperties", True)
        if free is False or (free is True and properties):
            return named
        keys = self.of({"type": "string", **schema.get("propertyNames", {})})
        low, high = schema.get("minProperties", 0), schema.get("maxProperties", 3)
        others = st.dictionaries(keys, self.of(free), min_size=low, max_size=high)
        return st.tuples(others, named).map(lambda two: {**two[0], **two[1]})


def matching(pattern: str) -> st.SearchStrategy[str]:
    """The strings that a pattern matches, where `$` is the very end."""
    if pattern.startswith("^") and pattern.endswith("$"):
        inner = re.compile(pattern[1:-1])
        return st.from_regex(inner, fullmatch=True, alphabet=TEXT)
    return st.from_regex(pattern, alphabet=TEXT)
