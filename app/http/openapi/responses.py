"""The responses of the calls that stream: their formats, headers and examples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from app.http.endpoints.negotiation import JSON
from app.http.openapi import errors
from app.http.openapi.components import Components, Json
from app.http.openapi.events import Events, description, event_schema
from app.http.openapi.example import Example, example
from app.schemas.entry import SchemaEntry
from app.schemas.names import as_type
from app.views.format import NDJSON, SSE, Format
from app.views.message import Message
from app.views.specs import VIEWS, ViewSpec, specs_of

_HEADERS: Final[dict[str, Json]] = {
    "X-Request-ID": {
        "description": "The request's id: the client's own, if it sent a usable one.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "The stream's path, `/streams/{id}`, if the response is a stream.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Cache-Control": {
        "description": "A response must never come from a cache.",
        "schema": {"type": "string", "const": "no-cache, no-transform"},
    },
    "X-Accel-Buffering": {
        "description": "If the response is a stream: a proxy must not hold it back.",
        "schema": {"type": "string", "const": "no"},
    },
}
_SHARED_MEDIA_TYPES: Final = frozenset({SSE.media_type, NDJSON.media_type, JSON})
"""The media types that several views may have."""
_OVER: Final = "With `Last-Event-ID`: that event was the last, and nothing follows."


class Shape(NamedTuple):
    """What one schema streams.

    entry: the schema
    events: the JSON Schemas of the events' data
    value: a reference to the JSON Schema of the final value
    line: a reference to the JSON Schema of a line of NDJSON
    examples: examples by media type
    """

    entry: SchemaEntry
    events: dict[str, Json]
    value: Json
    line: Json
    examples: dict[str, dict[str, Json]]


class Responses:
    """The responses of the calls that stream.

    start: the schema of the first event's data
    models: those that a request may choose from, the service's default one first
    item_schemas: whether streams are described by `itemSchema`, as OpenAPI 3.2 can
    """

    def __init__(
        self, components: Components, start: Json, models: Sequence[str], item_schemas: bool
    ) -> None:
        self._components = components
        self._item_schemas = item_schemas
        self._models = models
        self._shapes: dict[str, Shape] = {}
        # The service's own components come first, so a schema's model Problem becomes Problem_2.
        errors.problem_schema(components)
        self._events = Events(components, start)
        self._headers = {
            name: components.add("headers", name, header)
            for name, header in {**_HEADERS, **_headers_of_views()}.items()
        }

    def of(self, *entries: SchemaEntry, post: bool = False, named: bool = False) -> Json:
        """The responses of a call that streams one of `entries`, by status.

        post: whether the request has a body
        named: whether the body names the schema
        """
        found = errors.of_stream(post=post, named=named)
        over = {"description": _OVER, "headers": {"X-Request-ID": self._headers["X-Request-ID"]}}
        return {
            "200": self._streamed([self._shape(entry) for entry in entries]),
            "204": self._components.add("responses", "Over", over),
            **errors.responses(found, self._components),
        }

    def _streamed(self, shapes: Sequence[Shape]) -> Json:
        value = _any_of([shape.value for shape in shapes])
        specs = [spec for spec in VIEWS.values() if any(spec.fits(shape.entry) for shape in shapes)]
        # Generated clients use the first media type, so it must be one that isn't streamed.
        content = {
            JSON: {"schema": value},
            SSE.media_type: self._events_of(shapes, specs),
            NDJSON.media_type: self._lines_of(shapes),
            **{
                format.media_type: {"schema": _text(spec, value)}
                for spec, format in _with_media_type(specs)
            },
        }
        for media_type, described in content.items():
            described["examples"] = shapes[0].examples.get(media_type, {})
        return {
            "description": description(VIEWS.values()),
            "headers": self._headers,
            "content": content,
        }

    def _events_of(self, shapes: Sequence[Shape], specs: Sequence[ViewSpec]) -> Json:
        names = dict.fromkeys(event for shape in shapes for event in shape.events)
        data = {
            name: _any_of([shape.events[name] for shape in shapes if name in shape.events])
            for name in names
        }
        if self._item_schemas:
            return {"itemSchema": event_schema(data, specs)}
        return {"schema": _stream(data, specs)}

    def _lines_of(self, shapes: Sequence[Shape]) -> Json:
        # OpenAPI 3.2 describes all lines by `itemSchema`. In 3.1, `schema` describes a single line.
        line = _any_of([shape.line for shape in shapes])
        return {"itemSchema" if self._item_schemas else "schema": line}

    def _shape(self, entry: SchemaEntry) -> Shape:
        if entry.name not in self._shapes:
            self._shapes[entry.name] = self._new_shape(entry)
        return self._shapes[entry.name]

    def _new_shape(self, entry: SchemaEntry) -> Shape:
        name, components = as_type(entry.name), self._components
        value = components.schema(f"{name}Result", entry.result_json_schema)
        events = self._events.of(entry, name, value)
        played = example(entry, entry.default_model(self._models))
        found = _examples(entry, played, self._item_schemas)
        examples = {
            media_type: {
                key: components.add("examples", f"{name}-{media_type}-{key}", one)
                for key, one in named.items()
            }
            for media_type, named in found.items()
        }
        return Shape(entry, events, value, self._events.line(name, events), examples)


def _headers_of_views() -> dict[str, Json]:
    return {
        name: {
            "description": f"Where the view is `{spec.name}`.",
            "schema": {"type": "string", "const": value},
        }
        for spec in VIEWS.values()
        if spec.format is not None
        for name, value in spec.format.headers.items()
    }


def _with_media_type(specs: Iterable[ViewSpec]) -> Iterator[tuple[ViewSpec, Format]]:
    """The views that have a media type of their own."""
    for spec in specs:
        if spec.format is not None and spec.format.media_type not in _SHARED_MEDIA_TYPES:
            yield spec, spec.format


def _stream(data: Mapping[str, Json], specs: Iterable[ViewSpec]) -> Json:
    """The schema of a stream of events.

    OpenAPI 3.1 can't type the events in a text, so an extension links to their schemas.

    data: the JSON Schemas of the events' data, by the event's name
    """
    other = " and ".join(f"`{spec.name}`" for spec in specs if spec.data is not None)
    return {
        "type": "string",
        "description": "Events, each ending in an empty line; `x-event-data` types their `data`"
        + (f", except in the views {other}." if other else "."),
        "x-event-data": data,
    }


def _text(spec: ViewSpec, value: Json) -> Json:
    """The schema of a text with its own media type. value: the schema of the final value."""
    whole = {"contentMediaType": spec.whole, "contentSchema": value} if spec.whole else {}
    return {"type": "string", "description": f"With `view={spec.name}` only.", **whole}


def _any_of(schemas: Sequence[Json]) -> Json:
    different = [schema for at, schema in enumerate(schemas) if schema not in schemas[:at]]
    return different[0] if len(different) == 1 else {"anyOf": different}


def _examples(
    entry: SchemaEntry, found: Example | None, item_schemas: bool
) -> dict[str, dict[str, Json]]:
    """The examples of a schema, by media type."""
    if found is None:
        return {}
    streams = {
        "done": _named("A stream that succeeds", _sse(found.done)),
        "restart": _named("A stream whose first attempt fails", _sse(found.restarted)),
        "error": _named("A stream that fails", _sse(found.failed)),
    }
    # The snapshot view's lines come last, so they are the example for events that all views have.
    snapshots = [*found.done, *found.restarted, *found.failed]
    native = {spec.name: found.views[spec.name] for spec in specs_of(entry) if not spec.format}
    del native["snapshot"]  # `streams` has it already
    for view, messages in native.items():
        streams[view] = _named(f"The `{view}` view", _sse(messages))
    others = [message for messages in native.values() for message in messages]
    return {
        SSE.media_type: streams,
        NDJSON.media_type: _lines([*others, *snapshots], as_text=item_schemas),
        JSON: {"result": _named("The final value", json.loads(found.value))},
        **{
            format.media_type: {spec.name: _text_example(spec, format, found.views[spec.name])}
            for spec, format in _with_media_type(specs_of(entry))
        },
    }


def _text_example(spec: ViewSpec, format: Format, messages: Sequence[Message]) -> Json:
    return _named(f"The `{spec.name}` view", _written(format, messages))


def _lines(messages: Sequence[Message], *, as_text: bool) -> dict[str, Json]:
    """One line for each event: the last one of the messages.

    as_text: return the line as text, as OpenAPI 3.2 wants an example of NDJSON
    """
    encoded = [*map(NDJSON.encode, messages), NDJSON.heartbeat]
    lines = {json.loads(line)["event"]: line for line in encoded}
    return {
        event: _named(f"A line: {event}", line.decode() if as_text else json.loads(line))
        for event, line in lines.items()
    }


def _named(summary: str, value: Any) -> Json:
    return {"summary": summary, "value": value}


def _sse(messages: Sequence[Message]) -> str:
    return _written(SSE, messages)


def _written(format: Format, messages: Sequence[Message]) -> str:
    return format.encode(*messages).decode()
