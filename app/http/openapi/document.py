"""The paths, and what each of them accepts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from app.errors import (
    Draining,
    ErrorDetail,
    Forbidden,
    Internal,
    InvalidRequest,
    Overloaded,
    StreamNotFound,
    Unauthorized,
    UnknownSchema,
)
from app.http.openapi import errors
from app.http.openapi.body import body
from app.http.openapi.components import Components, Json, record
from app.http.openapi.events import VERSION, start
from app.http.openapi.query import of_parameters
from app.http.openapi.responses import Responses
from app.http.openapi.security import lock, post_tickets
from app.http.openapi.steering import idempotency_key, in_query, last_event_id
from app.schemas.entry import SchemaEntry
from app.schemas.names import as_identifier, as_type
from app.schemas.registry import Registry
from app.views.specs import VIEWS, views_of

DESCRIPTION: Final = """\
Send a topic to a schema, and read the model's answer while it is being written. It has the shape \
of the schema: partial values come first, and the whole, validated value comes at the end.

Each schema is an endpoint. Call it with `POST` and a JSON body, or with `GET` and a query string. \
`POST /streams` takes the schema's name in the body. An error before the first byte is a status \
with a problem (RFC 9457) as its body. A later error is the stream's last event.

A stream ends when its last reader leaves. If it is `resumable`, or was begun with an \
`Idempotency-Key`, it goes on for a while, and readers can reconnect: with `GET /streams/{id}`, or \
with `Last-Event-ID`, as `EventSource` does by itself.
"""
TAGS: Final[list[Json]] = [
    {"name": "streams", "description": "Streams of any schema, and streams that run."},
    {"name": "schemas", "description": "The schemas of this service."},
    {"name": "service", "description": "For the operators of the service."},
]
NAME: Final[Json] = {"type": "string"}
STREAM_ID: Final[Json] = {"name": "id", "in": "path", "required": True, "schema": NAME}
_REQUEST_ID: Final[Json] = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}


def openapi(
    registry: Registry,
    models: Sequence[str],
    *,
    version: str,
    root_path: str = "",
    keyed: bool = False,
    tickets: bool = True,
    item_schemas: bool = False,
) -> dict[str, Any]:
    """The service's OpenAPI 3.1 document.

    models: those that a request may choose from, the service's default one first
    root_path: the prefix under which the service is reached
    keyed: whether callers need a key
    tickets: whether there are any
    item_schemas: make an OpenAPI 3.2 document, whose `itemSchema` types each event of a stream
        and each line of NDJSON. Generators of clients don't accept that version yet
    """
    document = _Document(registry, models, item_schemas)
    if not tickets:
        del document.paths["/tickets"]
    if keyed:
        lock(document.paths, document.components)
    info = {
        "title": "Structured Streams",
        "version": version,
        "summary": "Streams typed answers of language models.",
        "description": DESCRIPTION,
        "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
    }
    tags = [{"name": entry.name, "description": entry.schema.description} for entry in registry]
    return {
        "openapi": "3.2.0" if item_schemas else "3.1.0",
        "info": info,
        **({"servers": [{"url": root_path}]} if root_path else {}),
        "tags": [*tags, *TAGS],
        "paths": document.paths,
        "components": document.components.sections,
    }


class _Document:
    def __init__(self, registry: Registry, models: Sequence[str], item_schemas: bool) -> None:
        self.components = Components()
        self._registry = registry
        self._models = models
        # First, so that `view` is the parameter with all views, and `model` that of all schemas.
        self._steering(list(VIEWS), registry)
        native = _view([spec.name for spec in VIEWS.values() if spec.format is None])
        first = start(registry.names, models, native)
        self._responses = Responses(self.components, first, models, item_schemas)
        self.paths: Json = {}
        for entry in registry:
            self.paths[f"/{entry.name}"] = self._endpoint(entry)
        if registry.names:
            every = list(registry)
            self.paths["/streams"] = {"post": self._post_streams(every)}
            one = {"get": self._get_stream(every), "delete": self._delete_stream()}
            self.paths["/streams/{id}"] = one
            self.paths["/streams/{id}/cancel"] = {"post": self._post_cancel()}
        self.paths["/tickets"] = {"post": post_tickets(self.components)}
        self.paths |= {
            "/schemas": {"get": self._list_schemas()},
            "/schemas/{name}": {"get": self._describe_schema()},
            "/healthz": {"get": self._healthz()},
            "/readyz": {"get": self._readyz()},
            "/metrics": {"get": self._metrics()},
        }

    # -- what streams -----------------------------------------------------------------------

    def _steering(
        self, views: Sequence[str], entries: Iterable[SchemaEntry], *, post: bool = False
    ) -> list[Json]:
        """References to the parameters of a call that streams one of these schemas."""
        headers = [last_event_id(), *([idempotency_key()] if post else [])]
        defaults = {entry.default_model(self._models) for entry in entries}
        found = [*in_query(self._models, defaults, views), *headers]
        return [self.components.add("parameters", each["name"], each) for each in found]

    def _endpoint(self, entry: SchemaEntry) -> Json:
        parameters = self.components.embed(entry.parameters_json_schema)
        query = of_parameters(self.components, parameters, entry.schema.examples)
        endpoint = {"post": self._post(entry, parameters)}
        return endpoint if query is None else {"get": self._get(entry, query)} | endpoint

    def _post(self, entry: SchemaEntry, parameters: Json) -> Json:
        schema = self.components.add("schemas", f"{as_type(entry.name)}Parameters", parameters)
        return {
            "operationId": f"post_{as_identifier(entry.name)}",
            "tags": [entry.name],
            "summary": f"Stream {entry.name}",
            "description": entry.schema.description,
            "parameters": self._steering(views_of(entry), [entry], post=True),
            "requestBody": body(schema, entry.schema.examples),
            "responses": self._responses.of(entry, post=True),
        }

    def _get(self, entry: SchemaEntry, query: list[Json]) -> Json:
        words = "From a query string, for `curl` and the browser's `EventSource`."
        return {
            "operationId": f"get_{as_identifier(entry.name)}",
            "tags": [entry.name],
            "summary": f"Stream {entry.name} from a query string",
            "description": f"{entry.schema.description} {words}",
            "parameters": [*query, *self._steering(views_of(entry), [entry])],
            "responses": self._responses.of(entry),
        }

    def _post_streams(self, entries: list[SchemaEntry]) -> Json:
        choices = {entry.name: self._named_parameters(entry) for entry in entries}
        mapping = {name: choice["$ref"] for name, choice in choices.items()}
        schema = {
            "oneOf": list(choices.values()),
            "discriminator": {"propertyName": "schema", "mapping": mapping},
        }
        examples = [
            {"schema": entry.name, **example}
            for entry in entries
            for example in entry.schema.examples[:1]
        ]
        return {
            "operationId": "post_streams",
            "tags": ["streams"],
            "summary": "Stream any schema",
            "description": "The schema's name and its parameters in one object.",
            "parameters": self._steering(_views(entries), entries, post=True),
            "requestBody": body(schema, examples),
            "responses": self._responses.of(*entries, post=True, named=True),
        }

    def _get_stream(self, entries: list[SchemaEntry]) -> Json:
        return {
            "operationId": "get_stream",
            "tags": ["streams"],
            "summary": "Attach to a stream",
            "description": "A stream that runs or is kept: the state so far, then what follows.",
            "parameters": [STREAM_ID, *self._steering(_views(entries), entries)],
            "responses": self._responses.of(*entries),
        }

    def _delete_stream(self) -> Json:
        gone = {"description": "It is forgotten.", "headers": _REQUEST_ID}
        return {
            "operationId": "delete_stream",
            "tags": ["streams"],
            "summary": "Cancel a stream",
            "description": "A running stream ends in `cancelled`. It is then forgotten.",
            "parameters": [STREAM_ID],
            "responses": {"204": gone}
            | errors.responses(
                [
                    Unauthorized(),
                    Forbidden(),
                    StreamNotFound(),
                    InvalidRequest(errors=[ErrorDetail(path="", message="needs a store")]),
                    Overloaded(),
                    Internal(),
                ],
                self.components,
            ),
        }

    def _post_cancel(self) -> Json:
        return self._delete_stream() | {
            "operationId": "cancel_stream",
            "description": "The same as `DELETE`, for a page that is left: "
            "`navigator.sendBeacon` sends a `POST`. A body is not read.",
        }

    def _named_parameters(self, entry: SchemaEntry) -> Json:
        """A reference to the JSON Schema of a body with a schema's parameters and its name."""
        parameters = self.components.resolve(self.components.embed(entry.parameters_json_schema))
        name = {"type": "string", "const": entry.name}
        schema = {
            **parameters,
            "title": f"{as_type(entry.name)}Request",
            "properties": {"schema": name, **parameters.get("properties", {})},
            "required": ["schema", *parameters.get("required", [])],
        }
        return self.components.add("schemas", schema["title"], schema)

    # -- what doesn't -----------------------------------------------------------------------

    def _list_schemas(self) -> Json:
        views: Json = {"views": {"type": "array", "items": _view(list(VIEWS))}}
        summary = self.components.schema("SchemaSummary", record(_described() | views))
        listed = record({"schemas": {"type": "array", "items": summary}})
        return {
            "operationId": "list_schemas",
            "tags": ["schemas"],
            "summary": "List the schemas",
            "responses": self._plain("The schemas.", listed),
        }

    def _describe_schema(self) -> Json:
        schemas = {
            "version": VERSION,
            "parameters": _json_schema("What goes in."),
            "result": _json_schema("The final value."),
            "partial": _json_schema("Every partial value."),
        }
        details = self.components.schema("SchemaDetails", record(_described() | schemas))
        names = list(self._registry.names)
        name: Json = NAME | ({"enum": names} if names else {})
        path = {"name": "name", "in": "path", "required": True, "schema": name}
        return {
            "operationId": "describe_schema",
            "tags": ["schemas"],
            "summary": "Describe a schema",
            "description": "The JSON Schemas (2020-12) of what goes in and of what comes out.",
            "parameters": [path],
            "responses": self._plain("The schema.", details)
            | errors.responses([UnknownSchema()], self.components),
        }

    def _healthz(self) -> Json:
        return {
            "operationId": "healthz",
            "tags": ["service"],
            "summary": "Whether the service is alive",
            "responses": self._plain("It is.", _status("ok")),
        }

    def _readyz(self) -> Json:
        stopping = errors.response([Draining(retry_after=1)], self.components)
        words = "Each part by name: `ready`, or what is wrong with it"
        part = {"type": "object", "additionalProperties": NAME, "description": words}
        ready = record({"status": {"type": "string", "const": "ready"}, "parts": part})
        return {
            "operationId": "readyz",
            "tags": ["service"],
            "summary": "Whether the service accepts new streams",
            "responses": self._plain("It does.", ready) | {"503": stopping},
        }

    def _metrics(self) -> Json:
        return {
            "operationId": "metrics",
            "tags": ["service"],
            "summary": "Metrics for Prometheus",
            "responses": self._plain("Prometheus' text format.", NAME, "text/plain"),
        }

    def _plain(self, words: str, schema: Json, media_type: str = "application/json") -> Json:
        """The responses of a call that always succeeds."""
        success = {
            "description": words,
            "headers": _REQUEST_ID,
            "content": {media_type: {"schema": schema}},
        }
        return {"200": success, **errors.responses([Internal()], self.components)}


def _view(views: Sequence[str]) -> Json:
    return {"type": "string", "enum": list(views)}


def _views(entries: Iterable[SchemaEntry]) -> list[str]:
    """The views that at least one of these schemas has."""
    found = {view for entry in entries for view in views_of(entry)}
    return [view for view in VIEWS if view in found]


def _described() -> Json:
    model = {"type": "string", "description": "The one that is asked by default."}
    return {"name": NAME, "description": NAME, "model": model}


def _status(word: str) -> Json:
    return record({"status": {"type": "string", "const": word}})


def _json_schema(words: str) -> Json:
    return {"type": "object", "description": words}
