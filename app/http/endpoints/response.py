"""Responses that stream: what a follower reads, in a view and a format, as bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from functools import partial
from types import ModuleType

from sse_starlette.sse import EventSourceResponse
from starlette.responses import Response, StreamingResponse

from app.http.endpoints.negotiation import Format
from app.streams.follower import follow
from app.streams.stream import Stream
from app.views import ndjson, sse
from app.views.message import Message
from app.views.view import View

_WIRES: dict[Format, ModuleType] = {Format.SSE: sse, Format.NDJSON: ndjson}

HEADERS = {
    # Without `no-transform`, proxies that compress hold the whole stream back.
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


def wire_of(format: Format) -> ModuleType | None:
    """How a format writes messages; None for the one that has none."""
    return _WIRES.get(format)


async def body(
    stream: Stream,
    view: View,
    wire: ModuleType,
    *,
    interval: float,
    heartbeat: float,
    position: int,
) -> AsyncIterator[bytes]:
    """The bytes of a response, each piece to be sent at once.

    interval, heartbeat, position: as `follow` has them
    Raises `CannotTakeBack` where a view can't go on.
    """

    def encode(batch: list[Message]) -> bytes:
        stream.figures.messages += len(batch)
        return b"".join(map(wire.encode, batch)) if batch else wire.PING

    if start := view.start(stream, position):
        yield encode(start)
    make = partial(view.messages, stream)
    batches = follow(stream, make, interval=interval, heartbeat=heartbeat, position=position)
    async with aclosing(batches):
        async for batch in batches:
            if piece := encode(batch):
                yield piece


def respond(body: AsyncIterator[bytes], wire: ModuleType, headers: Mapping[str, str]) -> Response:
    """A response that sends this body until it ends, or the reader goes."""
    headers = {**HEADERS, **wire.HEADERS, **headers}
    if wire.MEDIA_TYPE != sse.MEDIA_TYPE:
        return StreamingResponse(body, headers=headers, media_type=wire.MEDIA_TYPE)
    # Its own ping runs whatever else is sent: the follower has the heartbeat.
    response = EventSourceResponse(body, headers=headers, ping=0, sep="\n")
    del response.headers["Connection"]  # the server's to say, which may have been asked to close
    return response
