"""How messages become bytes.

Server-Sent Events: https://html.spec.whatwg.org/multipage/server-sent-events.html.
`data` is JSON, in which line breaks are escaped, so a model's text can't end a line or forge an
event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from app.views.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One way to write a response.

    media_type: its `Content-Type`, without a charset
    encode: the bytes of one message
    heartbeat: the bytes that are sent after a silence; if empty, nothing is sent
    headers: further headers of a response in this format
    tells_errors: whether an error can be written after the first byte; if not, the response
        is cut off
    """

    media_type: str
    encode: Callable[[Message], bytes]
    heartbeat: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    tells_errors: bool = True


def encode_sse(message: Message) -> bytes:
    """A message as an event. A plain message is only `data: <json>`, for the simplest readers."""
    if message.event is None:
        return b"data: %b\n\n" % message.data
    id = b"" if message.id is None else b"id: %b\n" % message.id.encode()
    retry = b"" if message.retry is None else b"retry: %d\n" % message.retry
    # The data may be a megabyte: it is copied once.
    return b"event: %b\ndata: %b\n%b%b\n" % (message.event.encode(), message.data, id, retry)


def encode_ndjson(message: Message) -> bytes:
    """A message as the line `{"event", "data", "id"?}`; a plain message's event is `message`."""
    event = (message.event or "message").encode()
    if message.id is None:
        return b'{"event":"%b","data":%b}\n' % (event, message.data)
    return b'{"event":"%b","data":%b,"id":"%b"}\n' % (event, message.data, message.id.encode())


def encode_text(message: Message) -> bytes:
    """A message's data, and nothing else."""
    return message.data


_PING: Final = Message("ping", b"null")
"""The heartbeat. It is not an SSE comment: once httpx-sse has seen an id, it turns a comment into
an event without data, and reading that as JSON fails."""

SSE: Final = Format(media_type="text/event-stream", encode=encode_sse, heartbeat=encode_sse(_PING))
SSE_WITH_COMMENTS: Final = Format(
    media_type=SSE.media_type, encode=encode_sse, heartbeat=b": ping\n\n"
)
"""For clients that expect every event to be one of their own, and so fail on a `ping`."""

NDJSON: Final = Format(
    media_type="application/x-ndjson", encode=encode_ndjson, heartbeat=encode_ndjson(_PING)
)
TEXT: Final = Format(
    media_type="text/plain", encode=encode_text, heartbeat=b" ", tells_errors=False
)
"""The heartbeat is a space, which JSON takes before a value and between its tokens."""

FORMATS: Final = (SSE, NDJSON)
"""The formats that `Accept` chooses from, the default one first."""
