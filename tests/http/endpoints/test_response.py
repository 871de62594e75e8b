"""The body of a response: what is sent at once, and what is held while it is sent."""

from __future__ import annotations

from app.http.endpoints.response import PIECE_BYTES, body
from app.partial.operation import Replace
from app.streams.log_entry import Done
from app.telemetry.metrics import Telemetry
from app.views.delta import DeltaView
from app.views.format import SSE
from tests.support.begun import begun

VALUE = "word " * PIECE_BYTES


async def test_a_long_message_is_sent_in_pieces_that_make_it_up() -> None:
    stream = begun()
    stream.write([Replace((), VALUE)], VALUE, range(0))
    stream.end(Done())
    pieces = body(
        stream,
        DeltaView("R"),
        SSE,
        interval=0,
        heartbeat=15,
        position=0,
        delivery=Telemetry().delivery(stream, "delta", interval=0, received=0),
    )
    sent = [piece async for piece in pieces]
    assert max(map(len, sent)) == PIECE_BYTES
    start, patch, done, rest = b"".join(sent).decode().split("\n\n")
    assert start.startswith("event: start\n")
    assert patch.startswith('event: patch\ndata: [{"op":"replace","path":"","value":"word word')
    assert done.startswith(f'event: done\ndata: "{VALUE}"')
    assert rest == ""
