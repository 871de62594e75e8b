"""What the calls that stream answer: their formats, headers, examples."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from app.http.endpoints.negotiation import Format
from app.http.openapi import errors
from app.http.openapi.components import Components, Json
from app.http.openapi.events import DESCRIPTION, Events, events, line
from app.http.openapi.example import Example, example
from app.schemas.entry import SchemaEntry
from app.views import ndjson, sse, text
from app.views.message import Message
from app.views.specs import OWN_FORMAT, has_items

_HEADERS: Final[dict[str, Json]] = {
    "X-Request-ID": {
        "description": "The request's id: the client's own, if it sent a usable one.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "The stream's path, `/streams/{id}`, where the answer streams.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Cache-Control": {
        "description": "An answer is never to be taken from a cache.",
        "schema": {"type": "string", "const": "no-cache, no-transform"},
    },
    "X-Accel-Buffering": {
        "description": "Where the answer streams: proxies must not hold it back.",
        "schema": {"type": "string", "const": "no"},
    },
    **{
        name: {
            "description": f"Where the view is `{view}`.",
            "schema": {"type": "string", "const": value},
        }
        for view, wire in OWN_FORMAT.items()
        for name, value in wire.HEADERS.items()
    },
}
_TEXT: Final = text.MEDIA_TYPE
_OVER: Final = "With `Last-Event-ID`: that event was the last, and nothing follows."


class Shape(NamedTuple):
    """What one schema streams. line: a reference to a line's schema; examples: by media type."""

    events: Events
    line: Json
    examples: dict[str, Json]


class Responses:
    """The responses of the calls that stream. start: the schema of the first event's data."""

    def __init__(self, components: Components, start: Json, model: str) -> None:
        self._components = components
        self._model = model
        self._shapes: dict[str, Shape] = {}
        # The service's own come before any schema's: a model called Problem is Problem_2.
        errors.problem_schema(components)
        self._events = events(components, start)
        self._headers = {
            name: components.add("headers", name, header) for name, header in _HEADERS.items()
        }

    def of(self, *entries: SchemaEntry, post: bool = False, named: bool = False) -> Json:
        """The responses of a call that streams one of `entries`, by status.

        post: the request has a body; named: which says what schema it is about
        """
        found = errors.of_stream(post=post, named=named)
        over = {"description": _OVER, "headers": {"X-Request-ID": self._headers["X-Request-ID"]}}
        return {
            "200": self._streamed([self._shape(entry) for entry in entries]),
            "204": self._components.add("responses", "Over", over),
            **errors.responses(found, self._components),
        }

    def _streamed(self, shapes: Sequence[Shape]) -> Json:
        value = _any_of([shape.events.done for shape in shapes])
        schemas = {
            Format.SSE.value: _stream(shapes),
            Format.NDJSON.value: _any_of([shape.line for shape in shapes]),
            Format.JSON.value: value,
            _TEXT: _text(value),
        }
        content = {
            media_type: {"schema": schema, "examples": shapes[0].examples[media_type]}
            for media_type, schema in schemas.items()
        }
        return {"description": DESCRIPTION, "headers": self._headers, "content": content}

    def _shape(self, entry: SchemaEntry) -> Shape:
        if entry.name not in self._shapes:
            self._shapes[entry.name] = self._new_shape(entry)
        return self._shapes[entry.name]

    def _new_shape(self, entry: SchemaEntry) -> Shape:
        name, components = pascal(entry.name), self._components
        partial = components.schema(f"{name}Partial", entry.partial_json_schema)
        result = components.schema(f"{name}Result", entry.result_json_schema)
        item = components.resolve(result)["items"] if has_items(entry) else None
        found = self._events._replace(message=partial, item=item, done=result)
        examples = _examples(example(entry, self._model))
        kinds = {**{format.value: format.name for format in Format}, _TEXT: "TEXT"}
        shared = {
            media_type: {
                key: components.add("examples", f"{name}-{kind}-{key}", one)
                for key, one in examples.get(media_type, {}).items()
            }
            for media_type, kind in kinds.items()
        }
        return Shape(found, components.schema(f"{name}Line", line(found)), shared)


def pascal(name: str) -> str:
    """`trip-plans` -> `TripPlans`"""
    return "".join(part.capitalize() for part in name.split("-"))


def _stream(shapes: Sequence[Shape]) -> Json:
    """The schema of a stream of events.

    OpenAPI 3.1 can't type the events in a text: an extension links to their schemas.
    """
    every = [shape.events.by_name() for shape in shapes]
    data = {
        event: [events[event] for events in every if event in events] for event in Events._fields
    }
    return {
        "type": "string",
        "description": "Events, each ending in an empty line; `x-event-data` types their `data`, "
        "but for the views `ui-message` and `ag-ui`.",
        "x-event-data": {event: _any_of(schemas) for event, schemas in data.items() if schemas},
    }


def _text(value: Json) -> Json:
    """The schema of the `text` view, whose whole is the value's JSON."""
    return {
        "type": "string",
        "description": "With `view=text` only.",
        "contentMediaType": Format.JSON.value,
        "contentSchema": value,
    }


def _any_of(schemas: Sequence[Json]) -> Json:
    different = [schema for at, schema in enumerate(schemas) if schema not in schemas[:at]]
    return different[0] if len(different) == 1 else {"anyOf": different}


def _examples(found: Example | None) -> dict[str, dict[str, Json]]:
    if found is None:
        return {}
    streams = {
        "done": _named("A stream that succeeds", _sse(found.done)),
        "restart": _named("A stream whose first attempt fails", _sse(found.restarted)),
        "error": _named("A stream that fails", _sse(found.failed)),
        "delta": _named("The `delta` view", _sse(found.delta)),
    }
    if found.items:
        streams["items"] = _named("The `items` view", _sse(found.items))
    # The snapshot view's lines go last, for those that the views have in common.
    messages = [*found.items, *found.delta, *found.restarted, *found.failed]
    return {
        Format.SSE.value: streams,
        Format.NDJSON.value: _lines(messages),
        Format.JSON.value: {"result": _named("The final value", json.loads(found.value))},
        _TEXT: {"text": _named("The final value's text", found.text.decode())},
    }


def _lines(messages: Sequence[Message]) -> dict[str, Json]:
    """A line for each event there is: the last of them."""
    encoded = [ndjson.encode(message) for message in messages]
    lines = {line["event"]: line for line in map(json.loads, [*encoded, ndjson.PING])}
    return {event: _named(f"A line: {event}", line) for event, line in lines.items()}


def _named(summary: str, value: Any) -> Json:
    return {"summary": summary, "value": value}


def _sse(messages: Sequence[Message]) -> str:
    return b"".join(map(sse.encode, messages)).decode()
