"""One message of a response. A format turns it into bytes."""

from __future__ import annotations

from typing import NamedTuple

from app.partial.value import dumps
from app.streams.log_entry import Done, ElementClosed, Event, Failed, Restart, Usage
from app.views.followed import Followed

RETRY_MS = 2000


class Message(NamedTuple):
    """A message: one thing that a response sends.

    event: its name; None for a plain message
    data: one line of JSON
    id: the position that a reader may come back to
    retry: milliseconds after which a client connects again
    open: whether it ends within a string, so that no heartbeat may come before the next message
    """

    event: str | None
    data: bytes
    id: str | None = None
    retry: int | None = None
    open: bool = False


def about(stream: Followed, position: int) -> dict[str, str]:
    """The fields with which every view begins a response, which continues from `position`."""
    return {
        "stream": stream.id,
        "schema": stream.schema,
        "schema_version": stream.schema_version,
        "model": stream.model_at(position),
    }


def start(stream: Followed, view: str, position: int) -> Message:
    """The first message of a response, which continues from `position`."""
    body = {**about(stream, position), "view": view}
    return Message("start", dumps(body), f"{stream.id}-{position}", RETRY_MS)


def of_event(event: Event, *, id: str, value: bytes, request_id: str) -> Message:
    """The message of an event, the same in every native view.

    value: the JSON of the newest state (for `Done`), or of the element (for `ElementClosed`)
    """
    match event:
        case Restart():
            return Message("restart", dumps(event.body), id)
        case Usage():
            return Message("usage", dumps(event.body), id)
        case Done():
            return Message("done", value, id)
        case Failed():
            return Message("error", dumps(event.body(request_id)), id)
        case ElementClosed():
            return Message("item", value, id)
