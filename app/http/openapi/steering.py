"""The query keys and headers of every call that streams."""

from __future__ import annotations

from collections.abc import Sequence, Set
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
    "interval_ms": "The least number of milliseconds between two partials.",
    "resumable": "Whether a new stream goes on for a while when its readers have left, and is kept "
    "for a while after its end, so that they may come back.",
    "model": "The model that writes a new stream. A schema may have its own default.",
    "reasoning": "Whether the model's reasoning is sent, if its provider shows it. It is kept only "
    "if the call that began the stream asked for it, too.",
    "idempotency_key": "The same as the header `Idempotency-Key`, which takes precedence. For "
    "clients that can't set headers.",
    "last_event_id": "The same as the header `Last-Event-ID`, which takes precedence.",
    "ticket": "A ticket (`POST /tickets`), for clients that can't set headers: `EventSource`.",
}


def in_query(models: Sequence[str], defaults: Set[str], views: Sequence[str]) -> list[Json]:
    """The query keys of a call that streams.

    models: those that a request may choose from
    defaults: the default ones of the schemas that may be called
    """
    known = Options.model_json_schema()["properties"]
    found = [
        {
            "name": name,
            "in": "query",
            "description": _WORDS[name],
            "schema": _schema(name, known[name], models, defaults, views),
        }
        for name in Options.model_fields
    ]
    return [each | _shows(views) if each["name"] == "view" else each for each in found]


def last_event_id() -> Json:
    """The header of a reader that reconnects."""
    words = (
        "The id of the last event that the client has received. No stream is begun: the response "
        "continues after that event, in `delta` and `items` with exactly the events after it. If "
        "it was the last event, there is nothing more (204)."
    )
    return {"name": "Last-Event-ID", "in": "header", "description": words, "schema": EVENT_ID}


def idempotency_key() -> Json:
    """The header of a call that begins at most one stream, even if it is sent several times."""
    words = (
        "The same key attaches to the stream that the first call began, if schema, model and "
        "parameters are the same. Implies `resumable=true`."
    )
    return {"name": "Idempotency-Key", "in": "header", "description": words, "schema": KEY}


def _schema(
    name: str, known: Json, models: Sequence[str], defaults: Set[str], views: Sequence[str]
) -> Json:
    if name == "view":
        return {"type": "string", "enum": list(views), "default": known["default"]}
    if name == "model":
        default = {"default": min(defaults)} if len(defaults) == 1 else {}
        return {"type": "string", "enum": list(models), **default}
    if name == "idempotency_key":
        return KEY
    if name == "last_event_id":
        return EVENT_ID
    if name == "ticket":
        return TICKET
    return {key: value for key, value in known.items() if key != "title"}


def _shows(views: Sequence[str]) -> Json:
    """What the views show: a list for people, and examples for programs."""
    listed = "\n".join(f"- `{view}`: {VIEWS[view].summary}" for view in views)
    examples = {view: {"summary": VIEWS[view].summary, "value": view} for view in views}
    return {"description": f"{_WORDS['view']}\n\n{listed}", "examples": examples}
