"""Server-Sent Events: messages to the bytes of `text/event-stream`.

https://html.spec.whatwg.org/multipage/server-sent-events.html. `data` is JSON, in which
a line break is escaped, so no text of a model can end a line or forge an event.
"""

from __future__ import annotations

from app.views.message import Message

MEDIA_TYPE = "text/event-stream"
HEADERS: dict[str, str] = {}
PING = b": ping\n\n"


def encode(message: Message) -> bytes:
    """A message; a plain one is `data: <json>` alone, for the simplest readers."""
    if message.event is None:
        return b"data: %b\n\n" % message.data
    lines = [b"event: %b\ndata: %b\n" % (message.event.encode(), message.data)]
    if message.id is not None:
        lines.append(b"id: %b\n" % message.id.encode())
    if message.retry is not None:
        lines.append(b"retry: %d\n" % message.retry)
    lines.append(b"\n")
    return b"".join(lines)
