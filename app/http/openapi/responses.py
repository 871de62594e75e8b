"""What a call that streams answers: the three formats, the events and the headers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, NamedTuple

from app.entry import Entry
from app.http.negotiation import Format
from app.http.openapi import errors
from app.http.openapi.components import Components, Json
from app.http.openapi.example import Example, example
from app.wire import ndjson, sse
from app.wire.message import RETRY_MS, Message

EVENTS: Final = f"""\
The answer, while the model writes it. `Accept` chooses the format:

- `text/event-stream` (the default): Server-Sent Events
- `application/x-ndjson`: a line of JSON for each event, `{{"event", "data", "id"?}}`; a partial's \
event is `message`, and the heartbeat is a `ping`
- `application/json`: nothing is streamed; the final value alone

| event | data | when |
|---|---|---|
| `start` | the stream's id, schema, model and view | first, once, with `retry: {RETRY_MS}` |
| *(none)* | the partial value so far | zero or more |
| `restart` | the attempt that begins, and why the last one failed | forget the partial |
| `usage` | the tokens of all attempts | before the end, where the provider told them |
| `done` | the final value, whole and validated | last |
| `error` | what went wrong, with its `code` | last |

`data` is one line of JSON. Exactly one of `done` and `error` ends a stream, and nothing follows \
it: a stream that ends without either was cut off. A comment (`: ping`) goes out when nothing \
else has for a while. Ignore events and fields that you don't know.
"""

HEADERS: Final[dict[str, Json]] = {
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
        "description": "`no-cache`, where the answer streams.",
        "schema": {"type": "string", "const": "no-cache"},
    },
    "X-Accel-Buffering": {
        "description": "`no`, where the answer streams: proxies must not hold it back.",
        "schema": {"type": "string", "const": "no"},
    },
    "Retry-After": {
        "description": "Seconds to wait before trying again, where they are known.",
        "schema": {"type": "integer", "minimum": 0},
    },
}
_ON_A_STREAM: Final = ("X-Request-ID", "Location", "Cache-Control", "X-Accel-Buffering")


class Events(NamedTuple):
    """References to the schemas of the events' data, but for the schema's own two."""

    start: Json
    restart: Json
    usage: Json
    error: Json


class Shapes(NamedTuple):
    """References to the schemas of what one schema streams, and an example."""

    partial: Json
    result: Json
    line: Json
    example: Example | None


class Responses:
    """The responses of the calls that stream."""

    def __init__(
        self, components: Components, *, names: Sequence[str], models: Sequence[str], view: Json
    ) -> None:
        self._components = components
        self._models = models
        for name, header in HEADERS.items():
            components.add("headers", name, header)
        self._events = _events(components, names, models, view)
        self._shapes: dict[str, Shapes] = {}

    def of(self, *entries: Entry, body: bool, named: bool) -> Json:
        """The responses of a call that streams one of `entries`, by status.

        body: the request has one; named: it says which schema it is about.
        """
        found = errors.of_stream(body=body, named=named)
        return {
            "200": self._streamed([self._shape(entry) for entry in entries]),
            **errors.responses(found, self._components),
        }

    def _streamed(self, shapes: Sequence[Shapes]) -> Json:
        return {
            "description": EVENTS,
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _ON_A_STREAM},
            "content": {
                Format.SSE.value: self._sse(shapes),
                Format.NDJSON.value: self._ndjson(shapes),
                Format.JSON.value: self._json(shapes),
            },
        }

    def _sse(self, shapes: Sequence[Shapes]) -> Json:
        # OpenAPI 3.1 has no way to type the events in a stream: the extension links to them.
        data = {
            "start": self._events.start,
            "message": any_of([shape.partial for shape in shapes]),
            "restart": self._events.restart,
            "usage": self._events.usage,
            "done": any_of([shape.result for shape in shapes]),
            "error": self._events.error,
        }
        description = "Events, each ending in an empty line; `x-event-data` types their `data`."
        schema = {"type": "string", "description": description, "x-event-data": data}
        return {"schema": schema} | _examples(shapes[0].example, _sse_examples)

    def _ndjson(self, shapes: Sequence[Shapes]) -> Json:
        schema = any_of([shape.line for shape in shapes])
        return {"schema": schema} | _examples(shapes[0].example, _ndjson_examples)

    def _json(self, shapes: Sequence[Shapes]) -> Json:
        schema = any_of([shape.result for shape in shapes])
        return {"schema": schema} | _examples(shapes[0].example, _json_examples)

    def _shape(self, entry: Entry) -> Shapes:
        if entry.name not in self._shapes:
            self._shapes[entry.name] = self._build_shape(entry)
        return self._shapes[entry.name]

    def _build_shape(self, entry: Entry) -> Shapes:
        name, components = pascal(entry.name), self._components
        partial = components.schema(f"{name}Partial", entry.partial_json_schema)
        result = components.schema(f"{name}Result", entry.result_json_schema)
        lines = [
            _line("start", self._events.start, with_id=True),
            _line("message", partial),
            _line("restart", self._events.restart, with_id=True),
            _line("usage", self._events.usage, with_id=True),
            _line("done", result, with_id=True),
            _line("error", self._events.error),
            _line("ping", {"type": "null"}),
        ]
        line = components.schema(
            f"{name}Line", {"oneOf": lines, "description": "One line of the answer."}
        )
        return Shapes(partial, result, line, example(entry, self._models[0]))


def pascal(name: str) -> str:
    """`trip-plans` -> `TripPlans`"""
    return "".join(part.capitalize() for part in name.split("-"))


def any_of(schemas: Sequence[Json]) -> Json:
    """One of the schemas."""
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


def _line(event: str, data: Json, *, with_id: bool = False) -> Json:
    properties = {
        "event": {"type": "string", "const": event},
        "data": data,
        "id": {"type": "string", "maxLength": 64},
    }
    required = ["event", "data", *(["id"] if with_id else [])]
    return {"title": event, "type": "object", "properties": properties, "required": required}


def _events(
    components: Components, names: Sequence[str], models: Sequence[str], view: Json
) -> Events:
    whole = {"type": "integer", "minimum": 0}
    flaws = {"type": "array", "items": components.schema("Flaw", errors.FLAW)}
    codes = {"type": "string", "enum": errors.codes(errors.in_stream())}
    start: Json = {
        "stream": {"type": "string", "description": "The stream's id."},
        "schema": {"type": "string", "enum": list(names)},
        "model": {"type": "string", "enum": list(models)},
        "view": {key: value for key, value in view.items() if key != "default"},
    }
    restart: Json = {
        "attempt": {"type": "integer", "minimum": 2, "description": "The one that begins."},
        "code": {**codes, "description": "Why the last one failed."},
        "errors": flaws,
    }
    usage: Json = {
        "input_tokens": whole,
        "output_tokens": whole,
        "attempts": {"type": "integer", "minimum": 1},
    }
    error: Json = {
        "error": {"type": "string", "description": "For a human."},
        "code": {**codes, "description": "For a program."},
        "retryable": {"type": "boolean", "description": "Whether trying again may help."},
        "request_id": {"type": "string"},
    }
    more: Json = {
        "retry_after": {"type": "number", "minimum": 0, "description": "Seconds."},
        "errors": flaws,
    }
    return Events(
        components.schema("StartEvent", record(start)),
        components.schema("RestartEvent", record(restart)),
        components.schema("UsageEvent", record(usage)),
        components.schema("ErrorEvent", record(error, more)),
    )


def record(required: Json, optional: Json | None = None) -> Json:
    """The schema of an object, which may come to have more keys."""
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": list(required)}


def _examples(found: Example | None, form: _Form) -> Json:
    return {"examples": form(found)} if found else {}


def _sse_examples(found: Example) -> Json:
    return {
        "done": _named("A stream that succeeds", _text(found.done)),
        "restart": _named("A first attempt that fails", _text(found.restarted)),
        "error": _named("A stream that fails", _text(found.failed)),
    }


def _ndjson_examples(found: Example) -> Json:
    lines = {message.event or "message": message for message in (*found.restarted, *found.failed)}
    return {
        event: _named(f"A line: {event}", json.loads(ndjson.encode(message)))
        for event, message in lines.items()
    } | {"ping": _named("A line: the heartbeat", json.loads(ndjson.PING))}


def _json_examples(found: Example) -> Json:
    return {"result": _named("The final value", found.value)}


def _named(summary: str, value: object) -> Json:
    return {"summary": summary, "value": value}


def _text(messages: Sequence[Message]) -> str:
    return b"".join(map(sse.encode, messages)).decode()
