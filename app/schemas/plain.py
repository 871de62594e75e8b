"""The dialect `plain`: what every relay takes, whatever stands behind it.

These refuse what they do not know: `examples`, `default` and `$ref` (relays to Gemini), bounds
and patterns (Cerebras), numbers in `enum` (Gemini). So only the shape is left, without
references, and the descriptions say the rest in words.
https://ai.google.dev/gemini-api/docs/structured-output
https://inference-docs.cerebras.ai/capabilities/structured-outputs
"""

from __future__ import annotations

from typing import Final

from app.schemas.in_words import described
from app.schemas.inline import inline
from app.schemas.subschemas import Json, mapped

KEYWORDS: Final = frozenset(
    {"type", "properties", "required", "items", "enum", "anyOf", "title", "description"}
)

_ANYTHING: Final = [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]


def plain(root: Json) -> Json:
    """The schema in this dialect. Raises Unsayable where all of its values have no end."""
    made = _plain(inline(root))
    return {**made, "title": root["title"]} if "title" in root else made


def _plain(schema: Json) -> Json:
    schema = mapped(_shaped(schema), _plain)
    return described(schema, schema.keys() - KEYWORDS | _dropped(schema))


def _shaped(schema: Json) -> Json:
    """The schema with the dialect's keywords for what has others."""
    for part in schema.get("allOf", ()):
        schema = {**part, **schema}
    if "oneOf" in schema:
        schema = {"anyOf": schema["oneOf"], **_without(schema, "oneOf")}
    if isinstance(schema.get("const"), str):
        schema = {"enum": [schema["const"]], **_without(schema, "const")}
    if isinstance(kinds := schema.get("type"), list):
        alone = [{**_without(schema, "description"), "type": kind} for kind in kinds]
        schema = {"anyOf": alone, **{k: schema[k] for k in ("description",) if k in schema}}
    if not schema.keys() & {"type", "anyOf", "enum", "const"}:
        schema = {**schema, "anyOf": _ANYTHING}
    return _array(schema) if schema.get("type") == "array" else schema


def _array(schema: Json) -> Json:
    """A list of what any of a tuple's places may hold; which holds which is said in words."""
    places = [*schema.get("prefixItems", ()), schema.get("items")]
    kinds = [place for i, place in enumerate(places) if place and place not in places[:i]]
    items = kinds[0] if len(kinds) == 1 else {"anyOf": kinds or _ANYTHING}
    return {**schema, "items": items}


def _dropped(schema: Json) -> set[str]:
    is_words = all(isinstance(value, str) for value in schema.get("enum", ()))
    return {"title"} | (set() if is_words else {"enum"})


def _without(schema: Json, key: str) -> Json:
    return {name: schema[name] for name in schema if name != key}
