"""What the calls that stream answer: three formats, headers, examples."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from app.entry import Entry
from app.http.negotiation import Format
from app.http.openapi import errors
from app.http.openapi.components import Components, Json
from app.http.openapi.events import DESCRIPTION, Events, events, line
from app.http.openapi.example import Example, example
from app.wire import ndjson, sse
from app.wire.message import Message

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
        "schema": {"type": "string", "const": "no-cache"},
    },
    "X-Accel-Buffering": {
        "description": "Where the answer streams: proxies must not hold it back.",
        "schema": {"type": "string", "const": "no"},
    },
}


class Shape(NamedTuple):
    """What one schema streams. line: a reference to the schema of a line; examples: by format."""

    events: Events
    line: Json
    examples: dict[Format, Json]


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

    def of(self, *entries: Entry, body: bool, named: bool) -> Json:
        """The responses of a call that streams one of `entries`, by status.

        body: the request has one; named: it says which schema it is about.
        """
        found = errors.of_stream(body=body, named=named)
        return {
            "200": self._streamed([self._shape(entry) for entry in entries]),
            **errors.responses(found, self._components),
        }

    def _streamed(self, shapes: Sequence[Shape]) -> Json:
        schemas = {
            Format.SSE: _text(shapes),
            Format.NDJSON: _any_of([shape.line for shape in shapes]),
            Format.JSON: _any_of([shape.events.done for shape in shapes]),
        }
        content = {
            format.value: {"schema": schema, "examples": shapes[0].examples[format]}
            for format, schema in schemas.items()
        }
        return {"description": DESCRIPTION, "headers": self._headers, "content": content}

    def _shape(self, entry: Entry) -> Shape:
        if entry.name not in self._shapes:
            self._shapes[entry.name] = self._new_shape(entry)
        return self._shapes[entry.name]

    def _new_shape(self, entry: Entry) -> Shape:
        name, components = pascal(entry.name), self._components
        partial = components.schema(f"{name}Partial", entry.partial_json_schema)
        result = components.schema(f"{name}Result", entry.result_json_schema)
        found = self._events._replace(message=partial, done=result)
        examples = _examples(example(entry, self._model))
        shared = {
            format: {
                key: components.add("examples", f"{name}-{format.name}-{key}", one)
                for key, one in examples.get(format, {}).items()
            }
            for format in Format
        }
        return Shape(found, components.schema(f"{name}Line", line(found)), shared)


def pascal(name: str) -> str:
    """`trip-plans` -> `TripPlans`"""
    return "".join(part.capitalize() for part in name.split("-"))


def _text(shapes: Sequence[Shape]) -> Json:
    """The schema of a stream of events.

    OpenAPI 3.1 can't type the events in a text: an extension links to their schemas.
    """
    every = [shape.events._asdict() for shape in shapes]
    return {
        "type": "string",
        "description": "Events, each ending in an empty line; `x-event-data` types their `data`.",
        "x-event-data": {
            event: _any_of([events[event] for events in every]) for event in Events._fields
        },
    }


def _any_of(schemas: Sequence[Json]) -> Json:
    different = [schema for at, schema in enumerate(schemas) if schema not in schemas[:at]]
    return different[0] if len(different) == 1 else {"anyOf": different}


def _examples(found: Example | None) -> dict[Format, dict[str, Json]]:
    if found is None:
        return {}
    return {
        Format.SSE: {
            "done": _named("A stream that succeeds", _sse(found.done)),
            "restart": _named("A stream whose first attempt fails", _sse(found.restarted)),
            "error": _named("A stream that fails", _sse(found.failed)),
        },
        Format.NDJSON: _lines([*found.restarted, *found.failed]),
        Format.JSON: {"result": _named("The final value", found.value)},
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
