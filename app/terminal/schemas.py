"""`python -m app schemas`: lists the schemas, which it reads from their files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from app.schemas.entry import SchemaEntry
from app.views.specs import views_of


def print_schemas(entries: Iterable[SchemaEntry], models: Sequence[str]) -> None:
    """Print each schema: its name, description, parameters, default model and views.

    models: those that a request may choose from, the service's default one first
    """
    console = Console(highlight=False, soft_wrap=True)
    for entry in entries:
        console.print(Text(entry.name, "bold cyan"), Text(entry.schema.description), sep="  ")
        for name, words in _rows(entry, models):
            console.print(Text(f"  {name:<12}"), Text(words, "dim"), sep="")
        console.print()


def _rows(entry: SchemaEntry, models: Sequence[str]) -> Iterator[tuple[str, str]]:
    schema = entry.parameters_json_schema
    for name, field in schema["properties"].items():
        is_needed = name in schema.get("required", ())
        yield name, words(field, schema.get("$defs", {}), is_needed=is_needed)
    yield "model", entry.default_model(models)
    yield "views", " ".join(views_of(entry))


def words(field: dict[str, Any], definitions: dict[str, Any], *, is_needed: bool) -> str:
    """Say in a few words what a parameter takes: `integer 1 to 20, default 5, optional`."""
    field = _resolved(field, definitions)
    parts = [_kind(field, definitions)]
    if field.get("default") not in (None, ""):
        parts.append(f"default {json.dumps(field['default'], ensure_ascii=False)}")
    if not is_needed:
        parts.append("optional")
    return ": ".join([", ".join(parts), *filter(None, [field.get("description")])])


def _kind(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    field = _resolved(field, definitions)
    if "anyOf" in field:
        kinds = (_kind(part, definitions) for part in field["anyOf"])
        return " or ".join(kind for kind in kinds if kind != "null")
    if "enum" in field:
        return " or ".join(map(str, field["enum"]))
    kind = str(field.get("const", field.get("type", "anything")))
    return kind + _range(field, "minimum", "maximum") + _range(field, "minLength", "maxLength")


def _range(field: dict[str, Any], low: str, high: str) -> str:
    if low not in field and high not in field:
        return ""
    unit = " characters" if "Length" in low else ""
    if low not in field or high not in field:
        return f" from {field[low]}{unit}" if low in field else f" up to {field[high]}{unit}"
    return f" {field[low]} to {field[high]}{unit}"


def _resolved(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A field merged with what its `$ref` names. Keywords beside the `$ref` take precedence."""
    if "$ref" not in field:
        return field
    return {**definitions[field["$ref"].rsplit("/", 1)[-1]], **field}
