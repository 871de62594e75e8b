"""The OpenAPI 3.2 document: the 3.1 one, and what each event and each line of a stream holds."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from jsonschema import ValidationError
from openapi_spec_validator import OpenAPIV32SpecValidator

from app.http.openapi import openapi
from tests.http.openapi.openapi_document import (
    MODELS,
    STREAM,
    Json,
    answer,
    check,
    nodes,
    operations,
    resolved,
    unresolved,
)
from tests.support.schema_files import REGISTRY
from tests.support.service import Service

of_the_service = pytest.mark.asyncio(loop_scope="module")
LINES = "application/x-ndjson"


@pytest.fixture(scope="module")
def document() -> Json:
    made: Json = openapi(REGISTRY, MODELS, version="1", item_schemas=True)
    return made


def without_streams(document: Json) -> Json:
    """A document but for its version, what its sequences of events hold, and their examples."""
    copy: Json = json.loads(json.dumps(document))
    del copy["openapi"]
    for node in nodes(copy):
        if isinstance(node, dict) and STREAM in node:
            del node[STREAM], node[LINES]
    examples = copy["components"]["examples"]
    copy["components"]["examples"] = {
        name: example for name, example in examples.items() if "-application_x-ndjson-" not in name
    }
    return copy


def check_event(document: Json, schema: Json, event: Json) -> list[str]:
    """Validate an event, and what its data holds: the titles of the schemas that it satisfies."""
    check(document, {**schema, "anyOf": [{}]}, event)
    return [one["title"] for one in schema["anyOf"] if satisfies(document, one, event)]


def satisfies(document: Json, schema: Json, event: Json) -> bool:
    data = schema["properties"]["data"]
    try:
        check(document, schema, event)
        if "contentSchema" in data:
            assert data["contentMediaType"] == "application/json"
            check(document, data["contentSchema"], json.loads(event["data"]))
    except ValueError:  # jsonschema's, and json's
        return False
    except ValidationError:
        return False
    return True


def test_it_is_valid_and_the_same_but_for_the_streams(document: Json) -> None:
    assert document["openapi"] == "3.2.0"
    OpenAPIV32SpecValidator(document).validate()
    assert unresolved(json.loads(json.dumps(document))) == []
    of_31 = openapi(REGISTRY, MODELS, version="1")
    assert without_streams(document) == without_streams(of_31)
    assert "itemSchema" not in json.dumps(of_31)


def test_a_stream_has_a_schema_of_its_items_and_none_of_its_whole(document: Json) -> None:
    streams = 0
    for operation in operations(document).values():
        content = operation["responses"].get("200", {}).get("content", {})
        for media_type in {STREAM, LINES} & set(content):
            assert "schema" not in content[media_type]
            assert content[media_type]["itemSchema"]
            streams += 1
    assert streams == 2 * (2 * len(REGISTRY.names) + 2)


def test_an_example_of_lines_is_text_and_each_line_satisfies_its_schema(document: Json) -> None:
    for name in REGISTRY.names:
        described = answer(document, "POST", f"/{name}", LINES)
        for reference in described["examples"].values():
            text = resolved(document, reference)["value"]
            assert text.endswith("\n")
            for line in text.splitlines():
                check(document, described["itemSchema"], json.loads(line))


def test_an_event_that_is_none_of_them_satisfies_nothing(document: Json) -> None:
    schema = answer(document, "POST", "/ideas")["itemSchema"]
    for wrong in (
        {"event": "later", "data": "1"},
        {"event": "done", "data": "[]"},
        {"event": "done", "data": '[{"title": 7}]', "id": "S-1"},
        {"event": "patch", "data": '[{"op": "move", "path": ""}]', "id": "S-1"},
        {"event": "ping", "data": "1"},
        {"data": '{"title": "no list"}'},
        {"data": "[DONE"},
    ):
        assert check_event(document, schema, wrong) == []
    with pytest.raises(ValidationError):
        check(document, schema, {"event": "ping"})


@pytest.mark.parametrize(
    ("view", "kinds"),
    [
        ("snapshot", {"start", "message", "usage", "done"}),
        ("delta", {"start", "patch", "usage", "done"}),
        ("items", {"start", "item", "usage", "done"}),
        ("ui-message", {"ui-message", "ui-message-end"}),
        ("ag-ui", {"ag-ui"}),
    ],
)
@of_the_service
async def test_each_event_that_is_sent_satisfies_the_schema_of_its_kind(
    document: Json, client: httpx.AsyncClient, view: str, kinds: set[str]
) -> None:
    answered = await client.get(f"/movies?topic=tea&count=2&view={view}&interval_ms=0")
    schema = answer(document, "GET", "/movies")["itemSchema"]
    found = [check_event(document, schema, event) for event in fields(answered.text)]
    assert all(len(titles) == 1 for titles in found)
    assert {title for titles in found for title in titles} == kinds
    events = answer(document, "GET", "/streams/{id}")["itemSchema"]
    assert all(check_event(document, events, event) for event in fields(answered.text))


def fields(text: str) -> list[Json]:
    """The events of a stream, as OpenAPI models them."""
    events = []
    for block in text.strip("\n").split("\n\n"):
        event: dict[str, Any] = dict(line.split(": ", 1) for line in block.split("\n"))
        if "retry" in event:
            event["retry"] = int(event["retry"])
        events.append(event)
    return events


# How both documents are sent


@pytest.mark.parametrize(
    ("path", "version"), [("/openapi.json", "3.1.0"), ("/openapi-3.2.json", "3.2.0")]
)
@of_the_service
async def test_a_document_is_made_once_and_sent_again_only_where_it_is_not_known(
    client: httpx.AsyncClient, path: str, version: str
) -> None:
    first = await client.get(path)
    assert first.headers["content-type"] == "application/json"
    assert first.json()["openapi"] == version
    etag = first.headers["etag"]
    again = await client.get(path)
    assert (again.content, again.headers["etag"]) == (first.content, etag)
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        short = await client.get(path, headers={"If-None-Match": known})
        assert (short.status_code, short.content) == (304, b"")
        assert short.headers["etag"] == etag
        assert short.headers["cache-control"] == "no-cache"
    for unknown in ('"other"', "", etag[:-2] + '"'):
        whole = await client.get(path, headers={"If-None-Match": unknown})
        assert (whole.status_code, whole.content) == (200, first.content)


@of_the_service
async def test_the_two_documents_have_etags_of_their_own(
    client: httpx.AsyncClient, service: Service
) -> None:
    one, other = [await client.get(path) for path in ("/openapi.json", "/openapi-3.2.json")]
    assert one.headers["etag"] != other.headers["etag"]
    assert service.app.openapi() == one.json()
