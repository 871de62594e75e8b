"""The parts that an OpenAPI document refers to, each under a name of its own.

Pydantic's JSON Schemas hold their definitions (`$defs`) themselves. Here these move into
`components/schemas`, shared where they are the same, and the references follow them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Json = dict[str, Any]

_CHOICES: Final = frozenset({"anyOf", "oneOf"})
_NULL: Final[Json] = {"type": "null"}
NULL: Final[Json] = {"const": None}
"""The schema of null by itself. openapi-generator crashes on `_NULL` outside of a choice."""

_LOCAL: Final = "#/$defs/"
_SHARED: Final = "#/components/schemas/"

# The values of these keywords are data, or objects whose keys are names. There, "$ref" is not a
# reference.
_DATA: Final = frozenset({"const", "default", "enum", "example", "examples"})
_NAMED: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "mapping"})


class Components:
    """Collects the components of one document; `sections` is their final form."""

    def __init__(self) -> None:
        self.sections: dict[str, dict[str, Json]] = {}
        self._origins: dict[tuple[str, str], str] = {}

    def add(self, section: str, name: str, part: Json) -> Json:
        """Add a part, and return a reference to it. A part that is there already is not added.

        A part that is a reference is returned, as openapi-python-client accepts no alias of it.
        """
        if part.keys() == {"$ref"}:
            return part
        origin = json.dumps(part, sort_keys=True)
        taken, _ = self._name(section, name, origin)
        self.sections[section][taken] = _titled(taken, part) if section == "schemas" else part
        return {"$ref": f"#/components/{section}/{taken}"}

    def schema(self, name: str, document: Json) -> Json:
        """Add a JSON Schema that may hold `$defs`, and return a reference to it."""
        return self.add("schemas", name, self.embed(document))

    def embed(self, document: Json) -> Json:
        """A JSON Schema without its `$defs`, which become components."""
        definitions: Mapping[str, Json] = document.get("$defs", {})
        named = {
            local: self._name("schemas", local, _origin(local, definitions))
            for local in definitions
        }

        def move(reference: str) -> str:
            local = reference.removeprefix(_LOCAL)
            return _SHARED + named[local][0] if local in named else reference

        for local, (name, new) in named.items():
            if new:
                self.sections["schemas"][name] = _titled(name, _moved(definitions[local], move))
        body = {key: value for key, value in document.items() if key != "$defs"}
        moved: Json = _moved(body, move)
        return moved

    def resolve(self, schema: Json) -> Json:
        """The schema that a reference leads to; the schema itself if it is not a reference."""
        while "$ref" in schema:
            schema = self.sections["schemas"][schema["$ref"].removeprefix(_SHARED)]
        return schema

    def _name(self, section: str, wanted: str, origin: str) -> tuple[str, bool]:
        """The name for a part, and whether the name is new.

        origin: all that the part consists of; equal parts share a name
        """
        base = re.sub(r"[^A-Za-z0-9._-]", "_", wanted)
        name, count = base, 1
        while self._origins.setdefault((section, name), origin) != origin:
            count += 1
            name = f"{base}_{count}"
        parts = self.sections.setdefault(section, {})
        new = name not in parts
        parts.setdefault(name, {})  # takes its place in the order now
        return name, new


def record(required: Json, optional: Json | None = None) -> Json:
    """The schema of an object with these properties. Later versions may add more."""
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": list(required)}


def _titled(name: str, schema: Json) -> Json:
    """A component whose title is its name. Generators name classes by titles, which may collide."""
    return {"title": name, **{key: value for key, value in schema.items() if key != "title"}}


def _moved(node: Any, move: Callable[[str], str], *, named: bool = False) -> Any:
    """A schema in which `move` has replaced each reference.

    named: whether the keys of `node` are names and not keywords
    """
    if isinstance(node, list):
        return [_moved(child, move) for child in node]
    if isinstance(node, str):  # in a discriminator's mapping; elsewhere none looks like this
        return move(node) if node.startswith(_LOCAL) else node
    if not isinstance(node, dict):
        return node
    moved = {
        key: child
        if key in _DATA and not named
        else _moved(child, move, named=key in _NAMED and not named)
        for key, child in node.items()
    }
    return moved if named else _readable(moved)


def _readable(schema: Json) -> Json:
    """The same schema in a form that generators of clients can read.

    A null outside of a choice becomes a constant (see `NULL`). A choice that allows anything
    becomes the empty schema (for a choice, openapi-generator's TypeScript calls a function
    without a name). An `enum` gets values of one type only (otherwise openapi-python-client
    leaves out the whole schema).
    """
    for key in _CHOICES & schema.keys():
        schema[key] = [_NULL if choice == NULL else choice for choice in schema[key]]
    if {} in schema.get("anyOf", ()):
        return {key: value for key, value in schema.items() if key != "anyOf"}
    if schema.get("type") == "null":
        return {key: value for key, value in schema.items() if key != "type"} | NULL
    return _by_type(schema)


def _by_type(schema: Json) -> Json:
    """An `enum` of several types as a choice of one for each."""
    by_type: dict[type, list[Any]] = {}
    for value in schema.get("enum", ()):
        by_type.setdefault(type(value), []).append(value)
    if not by_type.keys() - {type(None)} or len(by_type) == 1:
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("enum", "type")}
    choices = [_NULL if values == [None] else {"enum": values} for values in by_type.values()]
    return rest | {"anyOf": choices}


def _origin(local: str, definitions: Mapping[str, Json]) -> str:
    """A definition as text, with all definitions that it refers to, for comparison."""
    found: Json = {}
    todo = [local]
    while todo:
        name = todo.pop()
        if name not in found and name in definitions:
            found[name] = definitions[name]
            todo.extend(_references(definitions[name]))
    return json.dumps(found, sort_keys=True)


def _references(schema: Json) -> list[str]:
    """The names of the definitions that a schema refers to."""
    found: list[str] = []

    def note(reference: str) -> str:
        found.append(reference.removeprefix(_LOCAL))
        return reference

    _moved(schema, note)
    return found
