"""What steers every stream: query keys and headers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.http.auth.tickets import TICKET_BYTES
from app.http.endpoints.options import IDEMPOTENCY_KEY, Options
from app.http.endpoints.replies import EVENT_ID_BYTES
from app.http.openapi.components import Json
from app.views.specs import VIEWS

EVENT_ID: Final[Json] = {"type": "string", "maxLength": EVENT_ID_BYTES}
TICKET: Final[Json] = {"type": "string", "maxLength": TICKET_BYTES}
KEY: Final[Json] = {"type": "string", "pattern": f"^{IDEMPOTENCY_KEY}$"}

_WORDS: Final = {
    "view": "What the stream shows while the value is being written.",
    "interval_ms": "Milliseconds between two partials, at least.",
    "resumable": "Whether a stream that is begun goes on for a while when its readers have gone, "
    "and is kept for a while when it has ended, so that they may come back.",
    "model": "The model that writes a stream that is begun.",
    "reasoning": "Whether what the model reasons is sent, where its provider shows it. It is kept "
    "only where the call that has begun the stream says so, too.",
    "idempotency_key": "The same as the header `Idempotency-Key`, which goes first, for clients "
    "that set no headers.",
    "last_event_id": "The same as the header `Last-Event-ID`, which goes first.",
    "ticket": "A ticket (`POST /tickets`), for clients that set no headers, as `EventSource`.",
}


def in_query(models: Sequence[str], views: Sequence[str]) -> list[Json]:
    """The query keys of every call that streams.

    models: those that a request may choose from, the default one first
    """
    known = Options.model_json_schema()["properties"]
    found = [
        {
            "name": name,
            "in": "query",
            "description": _WORDS[name],
            "schema": _schema(name, known[name], models, views),
        }
        for name in Options.model_fields
    ]
    return [each | _shows(views) if each["name"] == "view" else each for each in found]


def last_event_id() -> Json:
    """The header of a reader that comes back."""
    words = (
        "The id of the last event that the client has had. Nothing is begun: the stream goes on "
        "after that event, `delta` and `items` with exactly what has not been had. After the last "
        "event there is nothing (204)."
    )
    return {"name": "Last-Event-ID", "in": "header", "description": words, "schema": EVENT_ID}


def idempotency_key() -> Json:
    """The header of a call that begins at most one stream, however often it is sent."""
    words = (
        "The same key attaches to the stream that the first call began, if schema, model and "
        "parameters are the same. Implies `resumable=true`."
    )
    return {"name": "Idempotency-Key", "in": "header", "description": words, "schema": KEY}


def _schema(name: str, known: Json, models: Sequence[str], views: Sequence[str]) -> Json:
    if name == "view":
        return {"type": "string", "enum": list(views), "default": known["default"]}
    if name == "model":
        return {"type": "string", "enum": list(models), "default": models[0]}
    if name == "idempotency_key":
        return KEY
    if name == "last_event_id":
        return EVENT_ID
    if name == "ticket":
        return TICKET
    return {key: value for key, value in known.items() if key != "title"}


def _shows(views: Sequence[str]) -> Json:
    """What the views show: for people as a list, for programs as examples."""
    listed = "\n".join(f"- `{view}`: {VIEWS[view].summary}" for view in views)
    examples = {view: {"summary": VIEWS[view].summary, "value": view} for view in views}
    return {"description": f"{_WORDS['view']}\n\n{listed}", "examples": examples}
