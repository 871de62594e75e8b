"""Two parsers of whole streams: one for the HTML standard, and a strict one for our protocol."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NamedTuple


class Event(NamedTuple):
    """What an `EventSource` dispatches."""

    type: str
    data: str
    id: str


def dispatched(stream: bytes) -> list[Event]:
    """The events of a stream.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    # The text after the last line end is an incomplete line, which is dropped.
    lines = re.split("\r\n|\n|\r", text)[:-1]
    found: list[Event] = []
    data, kind, last = "", "", ""
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                found.append(Event(kind or "message", data.removesuffix("\n"), last))
            data, kind = "", ""
        elif field == "event":
            kind = value
        elif field == "data":
            data += value + "\n"
        elif field == "id" and "\0" not in value:
            last = value
    return found


@dataclass(frozen=True)
class Message:
    """A message of ours; `event` is None for a plain one."""

    event: str | None
    data: Any
    id: str | None


_MESSAGE = re.compile(
    rb"data: (?P<partial>[^\r\n]+)\n\n"
    rb"|event: (?P<event>[a-z]+)\ndata: (?P<data>[^\r\n]+)\n"
    rb"id: (?P<id>[0-9A-Za-z]{22,}-[0-9]+)\n(?P<retry>retry: 2000\n)?\n"
)

PING = b"event: ping\ndata: null\n\n"


def messages(stream: bytes) -> list[Message]:
    """The messages of a whole stream. Each must have exactly the form of `docs/protocol.md`.

    The stream must begin with `start` and end in `done` or `error`, and have these nowhere else.
    All ids must be of one stream and grow. Heartbeats are left out.
    """
    found: list[Message] = []
    at = 0
    while at < len(stream):
        if stream.startswith(PING, at):
            at += len(PING)
            continue
        match = _MESSAGE.match(stream, at)
        assert match, f"no message: {stream[at : at + 100]!r}"
        at = match.end()
        event = match["event"] and match["event"].decode()
        id = match["id"] and match["id"].decode()
        assert (match["retry"] is not None) == (event == "start")
        found.append(Message(event, json.loads(match["partial"] or match["data"]), id))
    events = [message.event for message in found]
    assert events[0] == "start"
    assert events[-1] in ("done", "error")
    assert not {"start", "done", "error"}.intersection(events[1:-1])
    ids = [message.id.split("-") for message in found if message.id]
    assert {stream for stream, _ in ids} == {found[0].data["stream"]}
    positions = [int(position) for _, position in ids]
    assert positions == sorted(set(positions))
    assert all(len(message.id) <= 64 for message in found if message.id)
    return found
