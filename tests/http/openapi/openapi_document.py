"""Reading an OpenAPI document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from app.http.openapi import openapi
from app.schemas.registry import Registry

Json = dict[str, Any]
MODELS = ("demo", "demo-invalid")
STREAM = "text/event-stream"
STEERING = [
    "view",
    "interval_ms",
    "resumable",
    "model",
    "reasoning",
    "idempotency_key",
    "last_event_id",
    "ticket",
]
COMING_BACK = [*STEERING, "Last-Event-ID"]
POSTING = [*COMING_BACK, "Idempotency-Key"]


def of(registry: Registry, **more: Any) -> Json:
    """The document of a registry, once it has been found valid, and written as JSON."""
    document = json.loads(json.dumps(openapi(registry, MODELS, version="1.2.3", **more)))
    validate(document)
    assert unresolved(document) == []
    return document


def nodes(node: Any) -> Iterator[Any]:
    yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from nodes(child)


def follow(document: Json, pointer: str) -> Any:
    found: Any = document
    for step in pointer.removeprefix("#/").split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def resolved(document: Json, node: Json) -> Json:
    return follow(document, node["$ref"]) if "$ref" in node else node


def unresolved(document: Json) -> list[str]:
    """What looks like a reference and leads nowhere."""
    wrong = []
    for text in nodes(document):
        if isinstance(text, str) and re.match(r"#/\S+$", text):
            try:
                follow(document, text)
            except KeyError:
                wrong.append(text)
    return wrong


def operations(document: Json) -> dict[tuple[str, str], Json]:
    return {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def parameters(document: Json, method: str, path: str) -> dict[str, Json]:
    found = operations(document)[method, path].get("parameters", [])
    return {parameter["name"]: parameter for parameter in (resolved(document, p) for p in found)}


def check(document: Json, schema: Json, value: Any) -> None:
    """Validate a value against one of the document's schemas."""
    whole = {**schema, "components": document["components"]}
    validator = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    validator.validate(value)


def body(document: Json, path: str) -> Json:
    content: Json = operations(document)["POST", path]["requestBody"]["content"]
    return content["application/json"]


def answer(document: Json, method: str, path: str, media_type: str = STREAM) -> Json:
    content: Json = operations(document)[method, path]["responses"]["200"]["content"]
    return content[media_type]


def codes(document: Json, operation: Json) -> dict[str, list[str]]:
    """The codes of an operation's errors by status."""
    found = {}
    for status, reference in operation["responses"].items():
        if int(status) >= 400:
            content = resolved(document, reference)["content"]["application/problem+json"]
            narrowed = resolved(document, content["schema"])["allOf"][1]["properties"]
            assert narrowed["status"]["enum"] == [int(status)]
            assert list(content["examples"]) == narrowed["code"]["enum"]
            found[status] = narrowed["code"]["enum"]
    return found
