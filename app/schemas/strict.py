"""The dialect `strict`: the part of JSON Schema that OpenAI enforces to the letter.

Every object is closed and all its properties are required; one that may be left out may be null
instead (the decoder takes such a null for the absent property). What the dialect has no keyword
for is said in the description. What it could only say with other values is refused: an object
with free keys, a tuple of different types, a value of any type.
https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
"""

from __future__ import annotations

from typing import Any, Final

from app.schemas.in_words import described
from app.schemas.subschemas import Json, everywhere, inside, mapped, target
from app.schemas.unsayable import Unsayable

KEYWORDS: Final = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf"}
    | {"$ref", "$defs", "title", "description", "pattern", "format", "multipleOf"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"}
)
FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)
MOST_LEVELS: Final = 10
MOST_PROPERTIES: Final = 5000
MOST_ENUM_VALUES: Final = 1000
MOST_CHARACTERS: Final = 120_000
"""Of all names of properties and definitions, and of all values of `enum` and `const`."""

_NULL: Json = {"type": "null"}
_ODD_IN_PATTERNS: Final = ("(?", "\\p", "\\P", "\\b", "\\B", "\\A", "\\z", "&&", "[[")
"""What Pydantic's regular expressions have and others don't."""


def strict(root: Json) -> Json:
    """The schema in this dialect. Raises Unsayable where it can't be said, or is too large."""
    if root.get("type") != "object":
        raise Unsayable("its root is no object")
    made = _Strict(root).schema(root)
    _check_size(made)
    return made


class _Strict:
    def __init__(self, root: Json) -> None:
        self._root = root

    def schema(self, schema: Json) -> Json:
        if "$ref" in schema:
            return self._reference(schema)
        schema = _one(_flattened(schema))
        made = mapped(self._shaped(schema), self.schema)
        return described(made, _dropped(made))

    def _reference(self, schema: Json) -> Json:
        """A reference has nothing beside it: what it has is put around it."""
        beside = {key: schema[key] for key in schema if key != "$ref"}
        made = described(beside, beside.keys() - {"description"})
        reference = {"$ref": schema["$ref"]}
        return {**made, "anyOf": [reference]} if made else reference

    def _shaped(self, schema: Json) -> Json:
        """The schema with what the dialect asks of its type."""
        kinds = schema.get("type", ())
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if not (kinds or schema.keys() & {"anyOf", "enum", "const"}):
            raise Unsayable("a value of any type")
        if "object" in kinds:
            return self._object(schema)
        return _array(schema) if "array" in kinds else schema

    def _object(self, schema: Json) -> Json:
        properties = schema.get("properties", {})
        is_free = schema.get("additionalProperties", True) is not False
        if not properties and is_free:
            raise Unsayable("an object with free keys")
        required = schema.get("required", ())
        made = {
            name: part if name in required else self._or_null(part)
            for name, part in properties.items()
        }
        shape = {"properties": made, "required": list(made), "additionalProperties": False}
        free = ("patternProperties", "propertyNames", "minProperties", "maxProperties")
        return {**{key: schema[key] for key in schema if key not in free}, **shape}

    def _or_null(self, schema: Json) -> Json:
        if accepts_null(self._root, schema):
            return schema
        around = {key: schema[key] for key in ("description",) if key in schema}
        inner = {key: schema[key] for key in schema if key not in around}
        return {**around, "anyOf": [inner, _NULL]}


def accepts_null(root: Json, schema: Json, *refs: str) -> bool:
    """Whether null is one of a schema's values."""
    if "$ref" in schema:
        name = schema["$ref"]
        return name not in refs and accepts_null(root, target(root, schema), name, *refs)
    for choices in ("anyOf", "oneOf"):
        if choices in schema:
            return any(accepts_null(root, part, *refs) for part in schema[choices])
    if "const" in schema or "enum" in schema:
        return None in schema.get("enum", [schema.get("const")])
    return "type" not in schema or "null" in (schema["type"], *schema["type"])


def _flattened(schema: Json) -> Json:
    """A schema without `allOf`, whose parts are put together where they don't speak of the same."""
    for part in schema.get("allOf", ()):
        rest = {key: schema[key] for key in schema if key != "allOf"}
        twice = [key for key in part if key in rest and part[key] != rest[key]]
        if twice or "$ref" in part:
            raise Unsayable("a value of several schemas at once")
        schema = {**rest, **part, "allOf": []}
    return {key: schema[key] for key in schema if key != "allOf"}


def _one(schema: Json) -> Json:
    """A schema with `anyOf` for `oneOf`."""
    if "oneOf" not in schema:
        return schema
    rest = {key: schema[key] for key in schema if key not in {"oneOf", "discriminator"}}
    return {**rest, "anyOf": schema["oneOf"]}


def _array(schema: Json) -> Json:
    first, *others = schema.get("prefixItems", [schema.get("items")])
    if any(other != first for other in others):
        raise Unsayable("a tuple of different types")
    if not isinstance(first, dict):
        raise Unsayable("a list of anything")
    rest = {key: schema[key] for key in schema if key != "prefixItems"}
    if "prefixItems" in schema and isinstance(schema.get("items"), dict):
        raise Unsayable("a tuple of different types")
    return {**rest, "items": first}


def _dropped(schema: Json) -> set[str]:
    dropped = schema.keys() - KEYWORDS
    if schema.get("format", "date") not in FORMATS:
        dropped = {*dropped, "format"}
    if any(odd in schema.get("pattern", "") for odd in _ODD_IN_PATTERNS):
        dropped = {*dropped, "pattern"}
    return set(dropped)


def _check_size(root: Json) -> None:
    schemas = list(everywhere(root))
    names = [name for part in schemas for name in part.get("properties", ())]
    values = [value for part in schemas for value in _values(part)]
    if len(names) > MOST_PROPERTIES:
        raise Unsayable(f"more than {MOST_PROPERTIES} properties")
    if len(values) > MOST_ENUM_VALUES:
        raise Unsayable(f"more than {MOST_ENUM_VALUES} values of enums")
    if sum(map(len, [*names, *root.get("$defs", ()), *map(str, values)])) > MOST_CHARACTERS:
        raise Unsayable(f"more than {MOST_CHARACTERS} characters of names and values")
    if _levels(root, root, ()) > MOST_LEVELS:
        raise Unsayable(f"more than {MOST_LEVELS} levels of objects")


def _values(schema: Json) -> list[Any]:
    return [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]


def _levels(root: Json, schema: Json, refs: tuple[str, ...]) -> int:
    """How many objects stand inside each other, each definition counted once."""
    if "$ref" in schema:
        name = schema["$ref"]
        return 0 if name in refs else _levels(root, target(root, schema), (*refs, name))
    held = {key: schema[key] for key in schema if key != "$defs"}
    deepest = max((_levels(root, part, refs) for part in inside(held)), default=0)
    return deepest + ("properties" in schema)
