"""Makes responses that stream: a view and a format turn what a follower reads into bytes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing

from sse_starlette.sse import EventSourceResponse
from starlette.responses import Response, StreamingResponse

from app.streams.follower import follow
from app.streams.log import Unread
from app.streams.stream import Stream
from app.telemetry.delivery import Delivery
from app.views.format import SSE, Format
from app.views.message import Message
from app.views.view import View

HEADERS = {
    # Without `no-transform`, a proxy that compresses would hold back the whole stream.
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}

PIECE_BYTES = 65_536
"""What is sent at once, at most: the server copies it twice on its way to the socket."""


async def body(
    stream: Stream,
    view: View,
    format: Format,
    *,
    interval: float,
    heartbeat: float,
    position: int,
    delivery: Delivery,
) -> AsyncGenerator[bytes, None]:
    """The bytes of a response. Each piece should be sent at once.

    interval, heartbeat, position: those of `follow`
    delivery: measures what is sent
    Raises `CannotTakeBack` if a view has written something that turns out to be wrong.
    """

    def encode(batch: list[Message]) -> bytes:
        stream.figures.messages += len(batch)
        piece = format.encode(*batch)
        delivery.counts(len(batch), len(piece))
        return piece

    def make(entries: Sequence[Unread], position: int) -> list[Message]:
        batch = view.messages(stream, entries, position)
        delivery.made()
        return batch

    with delivery:
        if start := encode(view.start(stream, position)):
            yield start
        del start  # a message that was sent must not stay in memory while the stream is silent
        is_open = False
        batches = follow(stream, make, interval=interval, heartbeat=heartbeat, position=position)
        async with aclosing(batches):
            async for batch in batches:
                if not batch and format.heartbeat and not is_open:
                    yield format.heartbeat
                while batch:
                    is_open = batch[-1].open
                    piece = encode(sent_together(batch))
                    delivery.sends()
                    for at in range(0, len(piece), PIECE_BYTES):
                        yield piece[at : at + PIECE_BYTES]
                    del piece


def sent_together(batch: list[Message]) -> list[Message]:
    """Take those messages out of a batch that are sent together next: of `PIECE_BYTES`, or one.

    The follower holds the batch, too, and what was sent of it must not stay in memory.
    """
    many = size = 0
    for message in batch:
        size += len(message.data)
        if many and size > PIECE_BYTES:
            break
        many += 1
    taken = batch[:many]
    del batch[:many]
    return taken


def respond(body: AsyncIterator[bytes], format: Format, headers: Mapping[str, str]) -> Response:
    """A response that sends a body until it ends or the reader leaves."""
    headers = {**HEADERS, **format.headers, **headers}
    if format.media_type != SSE.media_type:
        return StreamingResponse(body, headers=headers, media_type=format.media_type)
    # sse-starlette's ping is sent even after other messages. The follower's heartbeat replaces it.
    response = EventSourceResponse(body, headers=headers, ping=0, sep="\n")
    del response.headers["Connection"]  # only the server knows whether it closes the connection
    return response
