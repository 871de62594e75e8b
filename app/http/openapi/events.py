"""The events of a stream: what is said of them, and the schemas of their data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from app.http.openapi import errors
from app.http.openapi.components import NULL, Components, Json, record
from app.http.openapi.steering import EVENT_ID
from app.views.message import RETRY_MS

DESCRIPTION: Final = f"""\
The answer, while the model writes it. `Accept` chooses the format:

- `text/event-stream` (the default): Server-Sent Events
- `application/x-ndjson`: a line of JSON for each event, `{{"event", "data", "id"?}}`; a partial's \
event is `message`, and the heartbeat is a `ping`
- `application/json`: nothing is streamed, and `view` is ignored; the final value alone

| event | data | when |
|---|---|---|
| `start` | the stream's id, schema, model and view | first, once, with `retry: {RETRY_MS}` |
| *(none)* | the partial value so far | `snapshot` view, zero or more |
| `patch` | operations that turn the last state into the next | `delta` view, zero or more |
| `item` | one finished, validated element | `items` view, zero or more |
| `restart` | the attempt that begins, and why the last one failed | forget the partial and the \
items |
| `usage` | the tokens of all attempts | before the end, where the provider told them |
| `done` | the final value, whole and validated | last |
| `error` | what went wrong, with its `code` | last |

`data` is one line of JSON. Exactly one of `done` and `error` ends a stream, and nothing follows \
it: a stream that ends without either was cut off. A comment (`: ping`) goes out when nothing \
else has for a while. Ignore events and fields that you don't know.

Three views have a format of their own, whatever is accepted, and none of these events:

- `text`: `text/plain`, the JSON text of the final value as it is appended. What fails after its \
first byte ends abruptly
- `ui-message`: `text/event-stream`, each `data` a chunk of the AI SDK's UI message stream. The \
partial is one `data-{{schema}}` part, which is replaced as it grows; `[DONE]` comes last
- `ag-ui`: `text/event-stream`, each `data` an event of AG-UI, from `RUN_STARTED` to \
`RUN_FINISHED` or `RUN_ERROR`. The partial is the agent's state, by `STATE_SNAPSHOT` and \
`STATE_DELTA`
"""

_TOKENS: Final[Json] = {"type": "integer", "minimum": 0}
_USAGE: Final[Json] = {
    "input_tokens": _TOKENS,
    "output_tokens": _TOKENS,
    "attempts": {"type": "integer", "minimum": 1},
}
_PATH: Final[Json] = {"type": "string", "description": "A JSON Pointer to the place."}
_HAVE_AN_ID: Final = frozenset({"start", "patch", "item", "restart", "usage", "done"})
_OF_A_SCHEMA: Final = frozenset({"message", "item", "done"})


class Events(NamedTuple):
    """References to the schemas of the events' data.

    message: a partial, which has no event; item: None where a schema has no such view
    """

    start: Json
    message: Json
    patch: Json
    item: Json | None
    restart: Json
    usage: Json
    done: Json
    error: Json

    def by_name(self) -> dict[str, Json]:
        """The schemas of those events that there are."""
        return {event: data for event, data in self._asdict().items() if data is not None}


def events(components: Components, start: Json) -> Events:
    """The events of any stream; `message`, `item` and `done` are left to its schema."""
    flaws = {"type": "array", "items": components.schema("ErrorDetail", errors.FLAW)}
    return Events(
        start=components.schema("StartEvent", start),
        message={},
        patch=components.schema("PatchEvent", _patch(components)),
        item=None,
        restart=components.schema("RestartEvent", _restart(flaws)),
        usage=components.schema("UsageEvent", record(_USAGE)),
        done={},
        error=components.schema("ErrorEvent", _error(flaws)),
    )


def start(names: Sequence[str], models: Sequence[str], view: Json) -> Json:
    """The schema of the first event's data."""
    properties: Json = {
        "stream": {"type": "string", "description": "The stream's id."},
        "schema": {"type": "string", "enum": list(names)},
        "model": {"type": "string", "enum": list(models)},
        "view": view,
    }
    return record(properties)


def event_schema(data: Mapping[str, Json]) -> Json:
    """The schema of one event of `text/event-stream`. data: the schemas of its data, by its name.

    As OpenAPI 3.2 models an event ("Special Considerations for Server-Sent Events"): an object
    of its fields, whose `data` is a string that holds JSON.
    """
    named = [_named_event(name, schema) for name, schema in data.items() if name != "message"]
    text: Json = {"type": "string"}
    fields = {"event": text, "data": text, "id": EVENT_ID, "retry": {"type": "integer"}}
    return {
        "type": "object",
        "properties": fields,
        "required": ["data"],
        "anyOf": [*named, _named_event("ping", NULL), *_plain_events(data["message"])],
    }


def _named_event(name: str, data: Json) -> Json:
    required = ["event", "id"] if name in _HAVE_AN_ID else ["event"]
    properties = {"event": {"const": name}, "data": _holding(data)}
    return {"title": name, "properties": properties, "required": required}


def _plain_events(partial: Json) -> list[Json]:
    """Those without an `event`: partials, and what the views with a format of their own send."""
    own: Json = {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]}
    choices = {
        "message": ("In the `snapshot` view: a partial.", _holding(partial)),
        "chunk": ("In the views `ui-message` and `ag-ui`: an event of theirs.", _holding(own)),
        "end": ("The last of the `ui-message` view.", {"const": "[DONE]"}),
    }
    unnamed = {"not": {"required": ["event"]}}
    return [
        {"title": title, "description": words, "properties": {"data": data}, **unnamed}
        for title, (words, data) in choices.items()
    ]


def _holding(schema: Json) -> Json:
    """The schema of a string that holds JSON."""
    return {"contentMediaType": "application/json", "contentSchema": schema}


def line(components: Components, name: str, events: Events) -> Json:
    """A reference to the schema of one line of `application/x-ndjson`. name: of the schema"""
    lines = [_line(components, name, event, data) for event, data in events.by_name().items()]
    ping = _line(components, name, "ping", NULL)
    choices = {"description": "One line of the answer.", "oneOf": [*lines, ping]}
    return components.schema(f"{name}Line", choices)


def _line(components: Components, name: str, event: str, data: Json) -> Json:
    """A reference to the schema of an event's line. Those of any schema's streams are shared."""
    kind = {"type": "string", "const": event}
    has_id = event in _HAVE_AN_ID
    required: Json = {"event": kind, "data": data} | ({"id": EVENT_ID} if has_id else {})
    optional = {} if has_id else {"id": EVENT_ID}
    owner = name if event in _OF_A_SCHEMA else ""
    return components.schema(f"{owner}{event.title()}Line", record(required, optional))


def _patch(components: Components) -> Json:
    change = {"type": "string", "enum": ["add", "replace"], "description": "As RFC 6902 has it."}
    append = {"type": "string", "const": "append", "description": "To the string at `path`."}
    whole = record({"op": change, "path": _PATH, "value": {}})
    more = record({"op": append, "path": _PATH, "value": {"type": "string"}})
    operation = components.schema("PatchOperation", {"oneOf": [whole, more]})
    return {"type": "array", "items": operation, "minItems": 1}


def _codes(words: str) -> Json:
    codes = errors.codes(errors.in_stream())
    return {"type": "string", "enum": codes, "description": words}


def _restart(flaws: Json) -> Json:
    attempt = {"type": "integer", "minimum": 2, "description": "The one that begins."}
    code = _codes("Why the last one failed.")
    return record({"attempt": attempt, "code": code, "errors": flaws})


def _error(flaws: Json) -> Json:
    required: Json = {
        "error": {"type": "string", "description": "For a human."},
        "code": _codes("For a program."),
        "retryable": {"type": "boolean", "description": "Whether trying again may help."},
        "request_id": {"type": "string"},
    }
    after = {"type": "integer", "minimum": 0, "description": "Seconds."}
    return record(required, {"retry_after": after, "errors": flaws})
