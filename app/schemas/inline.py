"""The dialect `inline`: a JSON Schema without `$ref` and `$defs`.

A recursive schema is cut where a definition would stand inside itself for the third time: what
would come there is left out, where it may be. So all that the dialect allows is allowed by the
whole schema, and only nests less deeply.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from app.schemas.subschemas import Json, mapped, target
from app.schemas.unsayable import Unsayable

REPEATS: Final = 2
"""How often a definition may stand inside itself."""

MOST_SCHEMAS: Final = 5000
"""How many schemas the result may hold. A recursion with many branches would hold millions."""

_DROPPED: Final = frozenset({"$defs", "discriminator"})


class _NothingFinite(Exception):
    """Every value of the schema at this place would nest too deeply."""


def inline(schema: Json) -> Json:
    """The schema in this dialect. Raises Unsayable where all of its values have no end."""
    try:
        return _Inliner(schema).schema(schema)
    except _NothingFinite:
        raise Unsayable("every value would hold itself") from None


class _Inliner:
    """open: the names of the definitions that are being written"""

    def __init__(self, root: Json) -> None:
        self._root = root
        self._open: list[str] = []
        self._count = 0

    def schema(self, schema: Json) -> Json:
        self._count += 1
        if self._count > MOST_SCHEMAS:
            raise Unsayable(f"it holds more than {MOST_SCHEMAS} schemas once none refers to others")
        if "$ref" in schema:
            return self._referred(schema)
        schema = {key: schema[key] for key in schema if key not in _DROPPED}
        for keyword, cut in self._cut.items():
            if isinstance(schema.get(keyword), dict | list):
                schema = cut(self, schema, keyword)
        others = {key: schema[key] for key in schema if key not in self._cut}
        return {**schema, **mapped(others, self.schema)}

    def _referred(self, schema: Json) -> Json:
        name = schema["$ref"]
        if self._open.count(name) > REPEATS:
            raise _NothingFinite
        beside = {key: schema[key] for key in schema if key not in {"$ref", *_DROPPED}}
        self._open.append(name)
        try:
            return self.schema({**target(self._root, schema), **beside})
        finally:
            self._open.pop()

    def _finite(self, schema: Any) -> Json | None:
        try:
            return self.schema(schema)
        except _NothingFinite:
            return None

    def _properties(self, schema: Json, _: str) -> Json:
        made = {name: self._finite(part) for name, part in schema["properties"].items()}
        left_out = {name for name in made if made[name] is None}
        if left_out & set(schema.get("required", ())):
            raise _NothingFinite
        if not left_out:
            return {**schema, "properties": made}
        kept = {name: made[name] for name in made if name not in left_out}
        return {**schema, "properties": kept, "additionalProperties": False}

    def _items(self, schema: Json, _: str) -> Json:
        items = self._finite(schema["items"])
        if items is not None:
            return {**schema, "items": items}
        least = len(schema.get("prefixItems", ()))
        if schema.get("minItems", 0) > least:
            raise _NothingFinite
        rest = {key: schema[key] for key in schema if key != "items"}
        return {**rest, "maxItems": least}

    def _additional(self, schema: Json, _: str) -> Json:
        values = self._finite(schema["additionalProperties"])
        if values is None and schema.get("minProperties"):
            raise _NothingFinite
        return {**schema, "additionalProperties": False if values is None else values}

    def _any_of(self, schema: Json, keyword: str) -> Json:
        choices = [made for part in schema[keyword] if (made := self._finite(part)) is not None]
        if not choices:
            raise _NothingFinite
        return {**schema, keyword: choices}

    _cut: Final[dict[str, Callable[[_Inliner, Json, str], Json]]] = {
        "properties": _properties,
        "items": _items,
        "additionalProperties": _additional,
        "anyOf": _any_of,
        "oneOf": _any_of,
    }
    """The keywords whose schemas may be left out, each with what leaves them out."""
