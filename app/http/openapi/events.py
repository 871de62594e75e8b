"""The events of a stream: their description, and the schemas of their data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from app.http.openapi import errors
from app.http.openapi.components import NULL, Components, Json, record
from app.http.openapi.steering import EVENT_ID
from app.schemas.entry import SchemaEntry
from app.views.message import RETRY_MS
from app.views.specs import VIEWS, ViewEvent, ViewSpec, specs_of

MESSAGE: Final = "message"
"""The name of a plain message's event, in formats where every event has a name."""
PING: Final = "ping"

VERSION: Final[Json] = {
    "type": "string",
    "pattern": "^[0-9a-f]{12}$",
    "description": "Changes if what the schema asks or checks changes.",
}
_TOKENS: Final[Json] = {"type": "integer", "minimum": 0}
_USAGE: Final[Json] = {
    "input_tokens": _TOKENS,
    "output_tokens": _TOKENS,
    "attempts": {"type": "integer", "minimum": 1},
}
_MODELS: Final[Json] = {
    "type": "array",
    "items": {"type": "string"},
    "description": "The models that have answered, if there was more than one.",
}
_COST: Final[Json] = {
    "type": "number",
    "minimum": 0,
    "description": "What these tokens have cost in US dollars, if the prices are known.",
}
_WITHOUT_ID: Final = frozenset({MESSAGE, "error", PING})
"""The events that may lack an id. All others have one."""


def description(specs: Iterable[ViewSpec]) -> str:
    """The description of an answer that streams, in Markdown."""
    specs = list(specs)
    shown = [(spec, spec.event) for spec in specs if spec.event is not None]
    rows = [
        f"| {_name(event)} | {event.meaning} | `{spec.name}` view, zero or more |"
        for spec, event in shown
    ]
    own = [
        f"- `{spec.name}`: `{spec.format.media_type}`, {spec.contents}"
        for spec in specs
        if spec.format is not None
    ]
    return _DESCRIPTION.format(rows="\n".join(rows), own="\n".join(own), retry=RETRY_MS)


_DESCRIPTION: Final = """\
The answer, while the model writes it. `Accept` chooses the format:

- `text/event-stream` (the default): Server-Sent Events
- `application/x-ndjson`: a line of JSON for each event, `{{"event", "data", "id"?}}`; a partial's \
event is `message`
- `application/json`: the final value alone. Nothing is streamed, and `view` is ignored

| event | data | when |
|---|---|---|
| `start` | the stream's id, schema, version of the schema, model and view | first, once, with \
`retry: {retry}` |
| `reasoning` | what the model has reasoned since the last one | with `reasoning=true`, where the \
provider shows it |
{rows}
| `restart` | the number of the new attempt, why the last one failed, and the model if another \
one is asked now | when another attempt begins: forget the partial and the items |
| `usage` | the tokens of all attempts | before the end, if the provider has reported them |
| `done` | the final value, whole and validated | last |
| `error` | what went wrong, with its `code` | last |
| `ping` | `null` | when nothing else has been sent for a while |

`data` is one line of JSON. Exactly one of `done` and `error` ends a stream, and nothing follows \
it: a stream that ends without either was cut off. Ignore events and fields that you don't know.

These views have a format of their own, whatever `Accept` says, and none of these events. If their \
format is `text/event-stream`, the heartbeat is a comment (`: ping`).

{own}
"""


def _name(event: ViewEvent) -> str:
    return "*(none)*" if event.name is None else f"`{event.name}`"


class Events:
    """The JSON Schemas of the data of all events, most of them as references to components.

    start: the JSON Schema of the first event's data
    """

    def __init__(self, components: Components, start: Json) -> None:
        self._components = components
        details = {"type": "array", "items": components.schema("ErrorDetail", errors.ERROR_DETAIL)}
        self._first = {"start": components.schema("StartEvent", start)}
        self._middle = {
            "reasoning": components.schema("ReasoningEvent", record({"text": {"type": "string"}})),
            "restart": components.schema("RestartEvent", _restart(details)),
            "usage": components.schema(
                "UsageEvent", record(_USAGE, {"cost_usd": _COST, "models": _MODELS})
            ),
        }
        self._last = {"error": components.schema("ErrorEvent", _error(details)), PING: NULL}
        # The service's own components come first, so that a schema's can't take their names.
        shared = {**self._first, **self._shared_views(), **self._middle, **self._last}
        self._lines = {event: self._line("", event, data) for event, data in shared.items()}

    def of(self, entry: SchemaEntry, name: str, done: Json) -> dict[str, Json]:
        """The JSON Schemas of the data of all events in a schema's streams, by the event.

        name: the schema's name in the components
        done: the JSON Schema of the final value
        """
        views = {
            spec.event.name or MESSAGE: self._data(spec.event, entry, name)
            for spec in specs_of(entry)
            if spec.event is not None
        }
        return {**self._first, **views, **self._middle, "done": done, **self._last}

    def line(self, name: str, events: Mapping[str, Json]) -> Json:
        """A reference to the schema of one line of `application/x-ndjson`.

        name: the schema's name in the components
        events: the result of `of`
        """
        lines = [
            self._lines.get(event) or self._line(name, event, data)
            for event, data in events.items()
        ]
        choices = {"description": "One line of the answer.", "oneOf": lines}
        return self._components.schema(f"{name}Line", choices)

    def _line(self, owner: str, event: str, data: Json) -> Json:
        """A reference to the schema of an event's line.

        owner: the schema's name; empty if the line is the same for all schemas
        """
        kind = {"type": "string", "const": event}
        has_id = event not in _WITHOUT_ID
        required: Json = {"event": kind, "data": data} | ({"id": EVENT_ID} if has_id else {})
        optional = {} if has_id else {"id": EVENT_ID}
        return self._components.schema(f"{owner}{event.title()}Line", record(required, optional))

    def _shared_views(self) -> dict[str, Json]:
        """The JSON Schemas of those view events that are the same for every schema."""
        return {
            spec.event.name or MESSAGE: self._component(spec.event, spec.event.json_schema, "")
            for spec in VIEWS.values()
            if spec.event is not None and isinstance(spec.event.json_schema, Mapping)
        }

    def _data(self, event: ViewEvent, entry: SchemaEntry, name: str) -> Json:
        given = event.json_schema
        return self._component(event, given(entry) if callable(given) else given, name)

    def _component(self, event: ViewEvent, json_schema: Mapping[str, Any], name: str) -> Json:
        if event.component is None:
            return self._components.embed(dict(json_schema))
        return self._components.schema(event.component.format(name), dict(json_schema))


def start(names: Sequence[str], models: Sequence[str], view: Json) -> Json:
    """The schema of the first event's data."""
    properties: Json = {
        "stream": {"type": "string", "description": "The stream's id."},
        "schema": {"type": "string", "enum": list(names)},
        "schema_version": VERSION,
        "model": {"type": "string", "enum": list(models)},
        "view": view,
    }
    return record(properties)


def event_schema(data: Mapping[str, Json], specs: Iterable[ViewSpec]) -> Json:
    """The schema of one event of `text/event-stream`.

    In OpenAPI 3.2 ("Special Considerations for Server-Sent Events") an event is an object of its
    fields, whose `data` is a string that holds JSON.

    data: the JSON Schemas of the data, by the event's name
    specs: the views that are described
    """
    named = [_named_event(name, schema) for name, schema in data.items() if name != MESSAGE]
    text: Json = {"type": "string"}
    fields = {"event": text, "data": text, "id": EVENT_ID, "retry": {"type": "integer"}}
    return {
        "type": "object",
        "properties": fields,
        "required": ["data"],
        "anyOf": [*named, *_plain_events(data, specs)],
    }


def _named_event(name: str, data: Json) -> Json:
    required = ["event"] if name in _WITHOUT_ID else ["event", "id"]
    properties = {"event": {"const": name}, "data": _holding(data)}
    return {"title": name, "properties": properties, "required": required}


def _plain_events(data: Mapping[str, Json], specs: Iterable[ViewSpec]) -> Iterator[Json]:
    """The events without a name: partials, and the events of views with their own format."""
    for spec in specs:
        words = f"In the `{spec.name}` view"
        if spec.event is not None and spec.event.name is None:
            meaning = f"{words}: {spec.event.meaning}."
            yield _plain_event(MESSAGE, meaning, _holding(data[MESSAGE]))
        if spec.data is not None:
            yield _plain_event(spec.name, f"{words}.", _holding(dict(spec.data.json_schema)))
            if spec.data.end is not None:
                yield _plain_event(
                    f"{spec.name}-end", f"{words}: the last.", {"const": spec.data.end}
                )


def _plain_event(title: str, words: str, data: Json) -> Json:
    unnamed = {"not": {"required": ["event"]}}
    return {"title": title, "description": words, "properties": {"data": data}, **unnamed}


def _holding(schema: Json) -> Json:
    """The schema of a string that holds JSON."""
    return {"contentMediaType": "application/json", "contentSchema": schema}


def _codes(words: str) -> Json:
    codes = errors.codes(errors.in_stream())
    return {"type": "string", "enum": codes, "description": words}


def _restart(details: Json) -> Json:
    attempt = {"type": "integer", "minimum": 2, "description": "The number of the new attempt."}
    code = _codes("Why the last attempt failed.")
    model = {"type": "string", "description": "The model that is asked now, if it is another one."}
    return record({"attempt": attempt, "code": code, "errors": details}, {"model": model})


def _error(details: Json) -> Json:
    required: Json = {
        "error": {"type": "string", "description": "For a human."},
        "code": _codes("For a program."),
        "retryable": {"type": "boolean", "description": "Whether trying again may help."},
        "request_id": {"type": "string"},
    }
    after = {"type": "integer", "minimum": 0, "description": "Seconds."}
    return record(required, {"retry_after": after, "errors": details})
