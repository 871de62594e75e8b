"""`python -m app types`: prints the TypeScript of every schema.

    schemas ── one JSON Schema of them all ──> json-schema-to-typescript ── text ──>

Each schema gives three types (`IdeasParameters`, `Ideas`, `IdeasPartial`). The models inside keep
their names. `Schemas` maps each schema's name to its three types. The generator is npm's
json-schema-to-typescript, which `clients/types/` pins.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from app.schemas.entry import SchemaEntry
from app.schemas.names import as_type

FOLDER: Final = Path(__file__).resolve().parents[2] / "clients" / "types"
CLI: Final = "node_modules/json-schema-to-typescript/dist/src/cli.js"
OPTIONS: Final = (
    "--maxItems=-1",
    "--unknownAny",
    "--additionalProperties=false",
    "--style.printWidth=100",
    "--bannerComment=/** Made by `python -m app types`. */",
)
SECONDS: Final = 60

_DROPPED: Final = {"title", "examples", "default", "discriminator", "minItems", "maxItems"}
"""Keywords of JSON Schema that TypeScript can't express. A title would name every property."""
_REF: Final = "#/$defs/"


class GeneratorError(Exception):
    """The TypeScript can't be made; the message says why."""


def typescript(entries: Iterable[SchemaEntry], folder: Path = FOLDER) -> str:
    """The declarations of these schemas, made by the generator that `folder` holds.

    Raises `GeneratorError` if there is no Node or no generator, or if it fails.
    """
    if not (folder / CLI).is_file():
        install = f"npm ci --omit=dev --prefix {folder.parent.name}/{folder.name}"
        raise GeneratorError(f"the generator of TypeScript is not installed: run {install}")
    try:
        done = subprocess.run(
            ["node", str(folder / CLI), *OPTIONS],
            input=json.dumps(document(entries)),
            capture_output=True,
            encoding="utf-8",
            timeout=SECONDS,
            check=True,
        )
    except FileNotFoundError:
        raise GeneratorError("there is no node: install Node.js 20 or newer") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.partition("\n")[0]
        raise GeneratorError(f"the generator failed: {said}") from None
    except subprocess.TimeoutExpired:
        raise GeneratorError(f"the generator took more than {SECONDS} s") from None
    return done.stdout


def document(entries: Iterable[SchemaEntry]) -> dict[str, Any]:
    """One JSON Schema for all schemas: an object with a property for each."""
    entries = list(entries)
    names = _Names(name for entry in entries for name in _roots(entry))
    each = {entry.name: _three(entry, names) for entry in entries}
    return _object(each) | {"title": "Schemas", "$defs": names.definitions}


def _three(entry: SchemaEntry, names: _Names) -> dict[str, Any]:
    given = (entry.parameters_json_schema, entry.result_json_schema, entry.partial_json_schema)
    roots = [names.root(name, schema) for name, schema in zip(_roots(entry), given, strict=True)]
    return _object(dict(zip(("parameters", "result", "partial"), roots, strict=True)))


def _roots(entry: SchemaEntry) -> tuple[str, str, str]:
    name = as_type(entry.name)
    return f"{name}Parameters", name, f"{name}Partial"


class _Names:
    """The definitions of the document, each under a name that no other has."""

    def __init__(self, roots: Iterable[str]) -> None:
        self.definitions: dict[str, Any] = {name: {} for name in roots}

    def root(self, name: str, schema: dict[str, Any]) -> dict[str, str]:
        """Add a whole schema with its definitions. Gives a reference to it."""
        definitions = schema.get("$defs", {})
        names = {key: self._free(key, name, definitions) for key in definitions}
        for key, definition in definitions.items():
            self.definitions[names[key]] = _bare(definition, names) | {"title": names[key]}
        root = {key: value for key, value in schema.items() if key != "$defs"}
        self.definitions[name] = _bare(root, names) | {"title": name}
        return {"$ref": _REF + name}

    def _free(self, key: str, root: str, definitions: dict[str, Any]) -> str:
        """A name for a definition: its own, unless a different definition has that name."""
        name = re.sub(r"\W+", "_", key)
        same = _bare(definitions[key], {key: re.sub(r"\W+", "_", key) for key in definitions})
        known = self.definitions.get(name)
        return name if known is None or known == same | {"title": name} else root + name


def _bare(schema: Any, names: dict[str, str]) -> Any:
    """A schema with only those keywords that TypeScript can express, and renamed references."""
    if isinstance(schema, list):
        return [_bare(part, names) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:  # with other keywords, the generator would make a second type
        return {"$ref": _REF + names[schema["$ref"].removeprefix(_REF)]}
    return dict(_keywords(schema, names))


def _keywords(schema: dict[str, Any], names: dict[str, str]) -> Iterator[tuple[str, Any]]:
    for key, value in schema.items():
        if key in ("const", "enum", "description"):
            yield key, value
        elif key == "properties":
            yield key, {name: _bare(part, names) for name, part in value.items()}
        elif key == "prefixItems":  # the generator reads tuples of an older JSON Schema
            yield from {
                "items": _bare(value, names),
                "additionalItems": False,
                "minItems": len(value),
                "maxItems": len(value),
            }.items()
        elif key not in _DROPPED:
            yield key, _bare(value, names)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}
