"""Newline-delimited JSON: messages to lines of `application/x-ndjson`."""

from __future__ import annotations

from app.views.message import Message

MEDIA_TYPE = "application/x-ndjson"
HEADERS: dict[str, str] = {}
PING = b'{"event":"ping","data":null}\n'


def encode(message: Message) -> bytes:
    """A message as `{"event", "data", "id"?}`; a plain one's event is `message`."""
    event = (message.event or "message").encode()
    if message.id is None:
        return b'{"event":"%b","data":%b}\n' % (event, message.data)
    return b'{"event":"%b","data":%b,"id":"%b"}\n' % (event, message.data, message.id.encode())
