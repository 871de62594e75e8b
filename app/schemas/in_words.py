"""Keywords of a JSON Schema in words, for models whose provider does not take the keywords."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from app.schemas.subschemas import Json

_SENTENCES: Final = {
    "const": "Always {}.",
    "enum": "One of {}.",
    "format": "Format: {}.",
    "pattern": "It matches the regular expression {}.",
    "minLength": "Characters: at least {}.",
    "maxLength": "Characters: at most {}.",
    "minimum": "At least {}.",
    "maximum": "At most {}.",
    "exclusiveMinimum": "More than {}.",
    "exclusiveMaximum": "Less than {}.",
    "multipleOf": "A multiple of {}.",
    "minItems": "Items: at least {}.",
    "maxItems": "Items: at most {}.",
    "minProperties": "Keys: at least {}.",
    "maxProperties": "Keys: at most {}.",
    "propertyNames": "Each key is of this schema: {}.",
    "patternProperties": "Keys and their values: {}.",
    "additionalProperties": "The value of each other key is of this schema: {}.",
    "prefixItems": "One item of each of these schemas, in this order: {}.",
    "contentSchema": "The string is JSON of this schema: {}.",
    "default": "Default: {}.",
    "examples": "Examples: {}.",
}
_BARE: Final = frozenset({"format", "pattern"})
_LISTED: Final = frozenset({"enum", "examples"})


def described(schema: Json, without: Iterable[str]) -> Json:
    """A schema without these keywords: its description says in words what they have said."""
    dropped = [key for key in schema if key in set(without)]
    kept = {key: schema[key] for key in schema if key not in dropped}
    # A format says in a word what a long pattern says.
    told = [key for key in dropped if not (key == "pattern" and "format" in schema)]
    said = [words for key in told if (words := _words(key, schema[key]))]
    if not said:
        return kept
    begun = [schema["description"].strip()] if schema.get("description") else []
    return {**kept, "description": " ".join([*begun, *said])}


def _words(key: str, value: Any) -> str:
    """What a keyword says; "" where it says nothing."""
    if key == "uniqueItems":
        return "No item twice." if value else ""
    if key not in _SENTENCES or isinstance(value, bool):
        return ""
    return _SENTENCES[key].format(_value(key, value))


def _value(key: str, value: Any) -> str:
    if key in _BARE:
        return str(value)
    if key in _LISTED:
        return ", ".join(json.dumps(each, ensure_ascii=False) for each in value)
    return json.dumps(value, ensure_ascii=False)
