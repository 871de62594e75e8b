"""The OpenAPI document: valid, complete, and true to what the service sends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from jsonpatch import apply_patch
from jsonpointer import JsonPointer
from jsonschema import ValidationError

from app.errors import ServiceError
from app.http.openapi import openapi
from app.main import create_app
from app.schemas.registry import Registry
from app.settings import Settings
from app.views import ui_message
from app.views.format import NDJSON, SSE
from app.views.message import Message
from app.views.specs import VIEWS, views_of
from tests.http.openapi.openapi_document import (
    COMING_BACK,
    MODELS,
    POSTING,
    Json,
    answer,
    body,
    check,
    codes,
    nodes,
    of,
    operations,
    parameters,
    resolved,
)
from tests.support.schema_files import REGISTRY


@pytest.fixture(scope="module")
def document() -> Json:
    return openapi(REGISTRY, MODELS, version="1.2.3")


# The document


def test_it_is_valid_openapi_31_and_every_reference_leads_somewhere() -> None:
    document = of(REGISTRY)
    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"] == "1.2.3"
    assert "$defs" not in json.dumps(document)


def test_it_is_valid_without_any_schema() -> None:
    assert not {"/streams", "/streams/{id}"} & of(Registry([]))["paths"].keys()


def test_it_describes_every_path_that_is_served_and_no_other(document: Json) -> None:
    served = {
        (method, route.path)
        for route in create_app(Settings(), registry=REGISTRY).routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    heads = {(method, path) for method, path in served if method == "HEAD"}
    assert heads == {("HEAD", "/healthz"), ("HEAD", "/readyz")}  # which go without saying
    documents = {("GET", "/openapi.json"), ("GET", "/openapi-3.2.json")}
    assert set(operations(document)) == served - heads - documents


def test_operation_ids_are_unique_names_and_follow_from_the_schemas(document: Json) -> None:
    ids = [operation["operationId"] for operation in operations(document).values()]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", id) for id in ids)
    assert {"post_ideas", "get_ideas", "post_streams", "get_stream", "list_schemas"} <= set(ids)


def test_it_names_the_server_where_the_service_has_a_prefix(document: Json) -> None:
    assert "servers" not in document
    assert of(REGISTRY, root_path="/llm")["servers"] == [{"url": "/llm"}]


def test_each_schema_has_a_tag_with_its_description(document: Json) -> None:
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    for entry in REGISTRY:
        assert tags[entry.name] == entry.schema.description
        assert operations(document)["POST", f"/{entry.name}"]["tags"] == [entry.name]


def test_it_says_which_calls_need_a_key_where_any_does(document: Json) -> None:
    assert "security" not in json.dumps(document)
    keyed = of(REGISTRY, keyed=True)
    assert set(keyed["components"]["securitySchemes"]) == {"bearer", "key", "ticket"}
    for (method, path), operation in operations(keyed).items():
        schemes = [name for one in operation.get("security", []) for name in one]
        if path.startswith(("/schemas", "/healthz", "/readyz", "/metrics")):
            assert schemes == []
        elif path == "/tickets":
            assert schemes == ["bearer", "key"]
        else:
            assert schemes == ["bearer", "key", "ticket"], (method, path)


# What goes in


def test_every_call_that_streams_takes_the_same_query_keys_and_headers(document: Json) -> None:
    for path in ("/ideas", "/briefs", "/streams"):
        assert list(parameters(document, "POST", path)) == POSTING
    assert list(parameters(document, "GET", "/briefs")) == ["topic", *COMING_BACK]
    assert list(parameters(document, "GET", "/streams/{id}")) == ["id", *COMING_BACK]
    assert list(parameters(document, "DELETE", "/streams/{id}")) == ["id"]
    found = parameters(document, "GET", "/ideas")
    assert list(found) == ["topic", "count", *COMING_BACK]
    assert {name: found[name]["schema"] for name in COMING_BACK} == {
        "view": {"type": "string", "enum": list(VIEWS), "default": "snapshot"},
        "interval_ms": {"type": "integer", "minimum": 0, "maximum": 5000, "default": 50},
        "resumable": {"type": "boolean", "default": False},
        "model": {"type": "string", "enum": list(MODELS), "default": "demo"},
        "reasoning": {"type": "boolean", "default": False},
        "idempotency_key": {"type": "string", "pattern": "^[\\x20-\\x7e]{1,255}$"},
        "last_event_id": {"type": "string", "maxLength": 64},
        "ticket": {"type": "string", "maxLength": 4096},
        "Last-Event-ID": {"type": "string", "maxLength": 64},
    }
    for parameter in parameters(document, "POST", "/ideas").values():
        assert parameter["in"] == ("header" if "-" in parameter["name"] else "query")
        assert parameter["description"]
        assert not parameter.get("required")


def test_a_call_takes_the_views_that_its_schema_has(document: Json) -> None:
    for entry in REGISTRY:
        for method in ("GET", "POST"):
            view = parameters(document, method, f"/{entry.name}")["view"]
            assert view["schema"]["enum"] == views_of(entry)
            told = re.findall(r"^- `(.+)`: ", view["description"], re.MULTILINE)
            assert told == views_of(entry)
    briefs = parameters(document, "GET", "/briefs")["view"]["schema"]["enum"]
    assert briefs == [view for view in VIEWS if view != "items"]
    for method, path in (("POST", "/streams"), ("GET", "/streams/{id}")):
        assert parameters(document, method, path)["view"]["schema"]["enum"] == list(VIEWS)


@pytest.mark.parametrize(
    ("key", "fits"),
    [
        *((key, True) for key in ("k", " ~!", "x" * 255)),
        *((key, False) for key in ("", "x" * 256, "é", "a\tb", "\x7f")),
    ],
)
def test_an_idempotency_key_is_described_by_its_pattern(
    document: Json, key: str, fits: bool
) -> None:
    schema = parameters(document, "POST", "/ideas")["Idempotency-Key"]["schema"]
    if fits:
        check(document, schema, key)
    else:
        with pytest.raises(ValidationError):
            check(document, schema, key)


def test_a_query_string_takes_the_schemas_parameters_without_null(document: Json) -> None:
    found = parameters(document, "GET", "/movies")
    assert [name for name, parameter in found.items() if parameter.get("required")] == ["topic"]
    assert found["topic"]["example"] == "space travel"
    assert found["genre"] == {
        "name": "genre",
        "in": "query",
        "required": False,
        "schema": {
            "title": "Genre",
            "type": "string",
            "minLength": 1,
            "maxLength": 50,
            "examples": ["comedy", "science fiction"],
        },
        "example": "science fiction",
    }


def test_the_examples_of_a_schema_are_those_of_its_body(document: Json) -> None:
    for entry in REGISTRY:
        examples = body(document, f"/{entry.name}")["examples"].values()
        assert [example["value"] for example in examples] == list(entry.schema.examples)


def test_the_body_of_streams_is_one_schemas_parameters_with_its_name(document: Json) -> None:
    schema = body(document, "/streams")["schema"]
    assert list(schema["discriminator"]["mapping"]) == list(REGISTRY.names)
    check(document, schema, {"schema": "ideas", "topic": "tea", "count": 3})
    for wrong in (
        {"topic": "tea"},
        {"schema": "ideas"},
        {"schema": "nothing", "topic": "tea"},
        {"schema": "ideas", "topic": "tea", "genre": "comedy"},
        {"schema": "briefs", "topic": "tea", "count": 3},
    ):
        with pytest.raises(ValidationError):
            check(document, schema, wrong)


# What comes out


def test_every_example_satisfies_its_schema(document: Json) -> None:
    checked = 0
    for node in nodes(document):
        if not (isinstance(node, dict) and isinstance(node.get("schema"), dict)):
            continue
        for example in node.get("examples", {}).values():
            check(document, node["schema"], resolved(document, example)["value"])
            checked += 1
        if "example" in node:
            check(document, node["schema"], node["example"])
            checked += 1
    assert checked > 100


def read(text: str) -> list[Message]:
    """A literal stream as messages."""
    assert text.endswith("\n\n")
    messages = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        retry = fields.get("retry")
        messages.append(
            Message(
                fields.get("event"),
                fields["data"].encode(),
                fields.get("id"),
                int(retry) if retry else None,
            )
        )
    return messages


def literal(document: Json, method: str, path: str) -> dict[str, str]:
    """The literal streams of a call."""
    examples = answer(document, method, path)["examples"]
    return {key: resolved(document, example)["value"] for key, example in examples.items()}


calls_that_stream = [
    *((method, f"/{name}") for name in REGISTRY.names for method in ("GET", "POST")),
    ("POST", "/streams"),
    ("GET", "/streams/{id}"),
]


@pytest.mark.parametrize(("method", "path"), calls_that_stream)
def test_the_literal_streams_are_what_the_service_would_send(
    document: Json, method: str, path: str
) -> None:
    data = answer(document, method, path)["schema"]["x-event-data"]
    streams = literal(document, method, path)
    # At a path of any schema there are the first one's: a brief is no list.
    has_items = path in ("/ideas", "/movies", "/recipes")
    assert list(streams) == ["done", "restart", "error", "delta", *(["items"] * has_items)]
    for text in streams.values():
        messages = read(text)
        assert b"".join(map(SSE.encode, messages)).decode() == text
        for message in messages:
            check(document, data[message.event or "message"], json.loads(message.data))
    events = {key: [message.event for message in read(text)] for key, text in streams.items()}
    assert events["done"][0] == events["restart"][0] == events["error"][0] == "start"
    assert events["done"][-2:] == events["restart"][-2:] == ["usage", "done"]
    assert events["error"][-1] == "error"
    assert "restart" in events["restart"]
    assert events["done"].count(None) >= 2
    assert events["delta"].count("patch") >= 2
    assert not has_items or events["items"].count("item") == 2


@pytest.mark.parametrize("name", REGISTRY.names)
def test_in_every_view_a_literal_stream_ends_in_the_same_value(document: Json, name: str) -> None:
    streams = literal(document, "POST", f"/{name}")
    ends = {key: read(text)[-1] for key, text in streams.items() if key != "error"}
    value = json.loads(ends["done"].data)
    assert {end.data for end in ends.values()} == {ends["done"].data}
    state: Any = None
    for message in read(streams["delta"]):
        if message.event == "patch":
            state = patched(state, json.loads(message.data))
    assert state == value
    if "items" in streams:
        items = [json.loads(each.data) for each in read(streams["items"]) if each.event == "item"]
        assert items == value
    text = answer(document, "POST", f"/{name}", "text/plain")["examples"]["text"]
    assert json.loads(resolved(document, text)["value"]) == value


def patched(value: Any, operations: list[Json]) -> Any:
    """What a client makes of a `patch`."""
    for operation in operations:
        if operation["op"] == "append":
            old = JsonPointer(operation["path"]).resolve(value)
            operation = {**operation, "op": "replace", "value": old + operation["value"]}
        value = apply_patch(value, [operation])
    return value


def test_in_a_literal_stream_the_partials_grow_to_the_result(document: Json) -> None:
    content = answer(document, "POST", "/ideas")
    messages = read(resolved(document, content["examples"]["done"])["value"])
    partials = [message.data for message in messages if message.event is None]
    assert len(set(partials)) == len(partials)
    assert partials[-1] == messages[-1].data
    result = answer(document, "POST", "/ideas", "application/json")["examples"]["result"]
    assert resolved(document, result)["value"] == json.loads(messages[-1].data)


def test_there_is_a_line_of_ndjson_for_every_event(document: Json) -> None:
    events = {"start", "message", "patch", "item", "restart", "usage", "done", "error", "ping"}
    content = answer(document, "POST", "/ideas", "application/x-ndjson")
    assert set(content["examples"]) == events
    briefs = answer(document, "POST", "/briefs", "application/x-ndjson")
    assert set(briefs["examples"]) == events - {"item"}
    for line in (
        json.loads(NDJSON.encode(Message("later", b"1"))),
        {"event": "done"},
        {"event": "patch", "data": [], "id": "S-1"},
        {"event": "patch", "data": [{"op": "move", "from": "", "path": ""}], "id": "S-1"},
        {"event": "patch", "data": [{"op": "append", "path": "", "value": 1}], "id": "S-1"},
        {"event": "item", "data": {"title": 7}, "id": "S-1"},
    ):
        with pytest.raises(ValidationError):
            check(document, content["schema"], line)


def test_a_stream_says_its_headers(document: Json) -> None:
    own = {"X-Request-ID", "Location", "Cache-Control", "X-Accel-Buffering"}
    for method, path in calls_that_stream:
        headers = operations(document)[method, path]["responses"]["200"]["headers"]
        assert set(headers) == own | set(ui_message.FORMAT.headers)


def test_every_view_is_told_of_where_it_has_a_format_of_its_own(document: Json) -> None:
    for method, path in calls_that_stream:
        success = operations(document)[method, path]["responses"]["200"]
        own = {name: spec.format for name, spec in VIEWS.items() if spec.format is not None}
        assert set(own) == {"text", "ui-message", "ag-ui"}
        for view, format in own.items():
            assert format.media_type in success["content"]
            assert f"- `{view}`: `{format.media_type}`" in success["description"]
    schema = answer(document, "GET", "/ideas", "text/plain")["schema"]
    assert schema["contentMediaType"] == "application/json"
    assert (
        schema["contentSchema"] == answer(document, "GET", "/ideas", "application/json")["schema"]
    )


def test_a_start_names_a_view_that_has_one(document: Json) -> None:
    start = document["components"]["schemas"]["StartEvent"]["properties"]
    assert start["view"]["enum"] == ["snapshot", "delta", "items"]
    listed = document["components"]["schemas"]["SchemaSummary"]["properties"]["views"]
    assert listed["items"]["enum"] == list(VIEWS)


def test_after_the_last_event_there_is_a_204_without_content(document: Json) -> None:
    for call in [*calls_that_stream, ("DELETE", "/streams/{id}")]:
        empty = resolved(document, operations(document)[call]["responses"]["204"])
        assert set(empty["headers"]) == {"X-Request-ID"}
        assert "content" not in empty


# Errors


def tree(root: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    for child in root.__subclasses__():
        yield child
        yield from tree(child)


def test_every_code_stands_at_its_status(document: Json) -> None:
    found = codes(document, operations(document)["POST", "/streams"])
    absent = {"not_found", "method_not_allowed"}  # they belong to no operation
    expected = {(str(kind.status), kind.code) for kind in tree() if hasattr(kind, "code")}
    described = {(status, code) for status, group in found.items() for code in group}
    assert described == {pair for pair in expected if pair[1] not in absent} | {
        ("400", "invalid_request")
    }


def test_an_operation_lists_only_what_can_befall_it(document: Json) -> None:
    every = operations(document)
    post, get, attach = (
        codes(document, every[call])
        for call in (("POST", "/ideas"), ("GET", "/ideas"), ("GET", "/streams/{id}"))
    )
    assert attach == get
    assert set(post) - set(get) == {"400", "413", "415"}
    assert post["404"] == get["404"] == ["stream_not_found"]
    assert post["429"] == get["429"] == ["rate_limited"]
    assert {"overloaded", "draining"} <= set(get["503"])
    assert post["410"] == get["410"] == ["stream_expired"]
    assert post["409"] == get["409"] == ["idempotency_conflict", "cancelled"]
    either = codes(document, every["POST", "/streams"])["404"]
    assert either == ["unknown_schema", "stream_not_found"]
    cancel = codes(document, every["POST", "/streams/{id}/cancel"])
    assert cancel == codes(document, every["DELETE", "/streams/{id}"])
    assert cancel == {
        "401": ["unauthorized"],
        "403": ["forbidden"],
        "404": ["stream_not_found"],
        "422": ["invalid_request"],
        "500": ["internal"],
        "503": ["overloaded"],
    }
    assert set(codes(document, every["POST", "/tickets"])) == {
        *("400", "401", "403", "413", "415", "422", "500"),
    }
    assert codes(document, every["GET", "/schemas/{name}"])["404"] == ["unknown_schema"]
    assert codes(document, every["GET", "/readyz"])["503"] == ["draining"]


def test_a_problem_lists_all_codes_and_an_error_event_those_that_can_follow(
    document: Json,
) -> None:
    schemas = document["components"]["schemas"]
    every = {kind.code for kind in tree() if hasattr(kind, "code")}
    assert set(schemas["Problem"]["properties"]["code"]["enum"]) == every
    late = set(schemas["ErrorEvent"]["properties"]["code"]["enum"])
    assert {"draining", "cancelled", "internal", "output_refused"} <= late
    assert late.isdisjoint({"unauthorized", "forbidden", "rate_limited", "overloaded"})
    assert late.isdisjoint({"invalid_request", "unknown_schema", "not_acceptable"})
    assert late.isdisjoint({"stream_not_found", "stream_expired", "idempotency_conflict"})


def test_a_status_to_come_back_from_has_retry_after(document: Json) -> None:
    responses = document["components"]["responses"]
    assert "Retry-After" in responses["Error503"]["headers"]
    assert "Retry-After" in responses["Error429"]["headers"]
    assert "Retry-After" not in responses["Error422"]["headers"]
