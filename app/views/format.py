"""How messages become bytes.

Server-Sent Events: https://html.spec.whatwg.org/multipage/server-sent-events.html.
`data` is JSON, in which line breaks are escaped, so a model's text can't end a line or forge an
event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.views.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One way to write a response.

    media_type: its `Content-Type`, without a charset
    parts: the bytes of one message, in parts
    heartbeat: the bytes that are sent after a silence; if empty, nothing is sent
    headers: further headers of a response in this format
    tells_errors: whether an error can be written after the first byte; if not, the response
        is cut off
    """

    media_type: str
    parts: Callable[[Message], Sequence[bytes]]
    heartbeat: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    tells_errors: bool = True

    def encode(self, *messages: Message) -> bytes:
        """The bytes of messages. Their data may be a megabyte, and is copied once."""
        return b"".join([part for message in messages for part in self.parts(message)])


def sse_parts(message: Message) -> Sequence[bytes]:
    """A message as an event. A plain message is only `data: <json>`, for the simplest readers."""
    if message.event is None:
        return b"data: ", message.data, b"\n\n"
    id = b"" if message.id is None else b"id: %b\n" % message.id.encode()
    retry = b"" if message.retry is None else b"retry: %d\n" % message.retry
    return b"event: %b\ndata: " % message.event.encode(), message.data, b"\n%b%b\n" % (id, retry)


def ndjson_parts(message: Message) -> Sequence[bytes]:
    """A message as the line `{"event", "data", "id"?}`; a plain message's event is `message`."""
    head = b'{"event":"%b","data":' % (message.event or "message").encode()
    id = b"" if message.id is None else b',"id":"%b"' % message.id.encode()
    return head, message.data, b"%b}\n" % id


def text_parts(message: Message) -> Sequence[bytes]:
    """A message's data, and nothing else."""
    return (message.data,)


_PING: Final = Message("ping", b"null")
"""The heartbeat. It is not an SSE comment: once httpx-sse has seen an id, it turns a comment into
an event without data, and reading that as JSON fails."""

SSE: Final = Format(
    media_type="text/event-stream", parts=sse_parts, heartbeat=b"".join(sse_parts(_PING))
)
SSE_WITH_COMMENTS: Final = Format(
    media_type=SSE.media_type, parts=sse_parts, heartbeat=b": ping\n\n"
)
"""For clients that expect every event to be one of their own, and so fail on a `ping`."""

NDJSON: Final = Format(
    media_type="application/x-ndjson", parts=ndjson_parts, heartbeat=b"".join(ndjson_parts(_PING))
)
TEXT: Final = Format(media_type="text/plain", parts=text_parts, heartbeat=b" ", tells_errors=False)
"""The heartbeat is a space, which JSON takes before a value and between its tokens."""

FORMATS: Final = (SSE, NDJSON)
"""The formats that `Accept` chooses from, the default one first."""
