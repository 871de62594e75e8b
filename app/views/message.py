"""One message of a response, before a format has made bytes of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from app.partial.value import dumps
from app.streams.log_entry import Done, ElementClosed, Event, Failed, Restart, Usage
from app.views.followed import Followed

RETRY_MS = 2000


class Message(NamedTuple):
    """event: None for a plain message. data: one line of JSON. retry: milliseconds."""

    event: str | None
    data: bytes
    id: str | None = None
    retry: int | None = None


def about(run: Followed) -> dict[str, str]:
    """What every view tells of a run at its start."""
    return {
        "stream": run.id,
        "schema": run.schema,
        "schema_version": run.schema_version,
        "model": run.model,
    }


def start(run: Followed, view: str, position: int) -> Message:
    """The first message of a response, which continues from `position`."""
    body = {**about(run), "view": view}
    return Message("start", dumps(body), f"{run.id}-{position}", RETRY_MS)


def of_event(event: Event, *, id: str, value: bytes, request_id: str) -> Message:
    """The message that an event makes in every view; `value`: the state's JSON."""
    match event:
        case Restart(attempt, code, errors):
            data: Any = {"attempt": attempt, "code": code, "errors": errors}
            return Message("restart", dumps(data), id)
        case Usage(input_tokens, output_tokens, attempts):
            data = {
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "attempts": attempts,
            }
            return Message("usage", dumps(data), id)
        case Done():
            return Message("done", value, id)
        case Failed():
            return Message("error", dumps(event.body(request_id)), id)
        case ElementClosed():
            return Message("item", value, id)
