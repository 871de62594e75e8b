"""Answers with a stream, from any position, in the view and format that the client wants."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from app.errors import Overloaded, StreamNotFound
from app.http.context import prefix, received, request_id, when_over
from app.http.endpoints.negotiation import JSON
from app.http.endpoints.response import body, respond
from app.http.endpoints.whole_replays import WholeReplays
from app.http.problem import problem
from app.settings import Settings
from app.streams.log_entry import Done, Failed
from app.streams.registry import Streams
from app.streams.stream import Stream
from app.telemetry.delivery import Delivery
from app.telemetry.metrics import Telemetry
from app.views.format import Format
from app.views.view import View

CLIENT_CLOSED_REQUEST = 499  # nginx's own status; the client that could read it has left
EVENT_ID_BYTES = 64

_event_id = re.compile(r"([A-Za-z0-9]+)-(0|[1-9][0-9]{0,15})")


class Reading(NamedTuple):
    """How a client wants to read.

    name: the view's name
    view: makes the view of a response with these ids
    ids: those of this response
    format: the format of the messages; None sends the final value alone, as JSON
    interval: the least seconds between two messages
    repeated: a key for the response's bytes. Whole responses with the same key differ in their
        ids alone. None: its bytes are never sent again
    """

    name: str
    view: Callable[[Mapping[str, str]], View]
    ids: Mapping[str, str]
    format: Format | None
    interval: float
    repeated: str | None


class Replies:
    """Makes the responses of streams."""

    def __init__(self, streams: Streams, settings: Settings, telemetry: Telemetry) -> None:
        self._streams = streams
        self._telemetry = telemetry
        self._settings = settings
        self._whole = WholeReplays()

    async def reply(
        self, request: Request, reading: Reading, stream: Stream, position: int | None = None
    ) -> Response:
        """The response of a stream.

        position: the response begins after it; None sends the whole state first
        """
        is_whole = position is None and isinstance(stream.outcome, Done)
        if position is None:
            position = stream.attempt_began
        # The request counts as a reader until its response was sent, or can't be sent.
        when_over(request.scope, self._streams.read(stream))
        waited = stream.opened if reading.format else stream.finished
        window = self._settings.open_timeout if reading.format else None
        if not await while_there(request, waited, window):
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        if stream.is_cut and not stream.ended:
            return problem(Overloaded(retry_after=1), request_id(request.scope))
        end = stream.outcome
        if isinstance(end, Failed) and not (_tells_errors(reading) and stream.was_begun):
            return problem(end, request_id(request.scope))
        if reading.format is None:
            headers = {"Cache-Control": "no-cache"}
            return Response(stream.document.encode(), 200, headers, JSON)
        delivery = self._telemetry.delivery(
            stream, reading.name, interval=reading.interval, received=received(request.scope)
        )
        begin = reading, reading.format, stream, position, delivery
        return self._stream(request, *begin, is_whole=is_whole)

    async def resume(
        self, request: Request, reading: Reading, stream: Stream, position: int
    ) -> Response:
        """The response with what comes after `position`; a 204 after the last event.

        Raises `StreamNotFound` for a position that the stream has not reached.
        """
        if position > stream.position and not await self._streams.reach(stream, position):
            raise StreamNotFound
        if stream.ended and position == stream.position:
            return Response(status_code=204)
        return await self.reply(request, reading, stream, position)

    def _stream(
        self,
        request: Request,
        reading: Reading,
        format: Format,
        stream: Stream,
        position: int,
        delivery: Delivery,
        *,
        is_whole: bool,
    ) -> Response:
        stream.commit()

        def begin(ids: Mapping[str, str], format: Format) -> AsyncGenerator[bytes, None]:
            return body(
                stream,
                reading.view(ids),
                format,
                interval=reading.interval,
                heartbeat=self._settings.heartbeat_seconds,
                position=position,
                delivery=delivery,
            )

        pieces: AsyncIterator[bytes]
        if is_whole and reading.repeated is not None:
            key = stream.id, reading.repeated, format.media_type
            pieces = self._whole.pieces(key, begin, reading.ids, format, stream, delivery)
        else:
            pieces = begin(reading.ids, format)
        location = f"{prefix(request.scope)}/streams/{stream.id}"
        return respond(pieces, format, {"Location": location})


def _tells_errors(reading: Reading) -> bool:
    """Whether an error can be sent after the status 200. JSON and plain text have no way to."""
    return reading.format is not None and reading.format.tells_errors


def parse_event_id(given: str) -> tuple[str, int]:
    """The stream and the position that an event's id names. Raises `StreamNotFound`."""
    found = _event_id.fullmatch(given) if len(given) <= EVENT_ID_BYTES else None
    if found is None:
        raise StreamNotFound
    return found[1], int(found[2])


async def while_there(request: Request, future: asyncio.Future[Any], seconds: float | None) -> bool:
    """Wait for a future for at most `seconds`. False if the client has left meanwhile."""
    if future.done():
        return True
    leaving: asyncio.Task[bool] = asyncio.create_task(_disconnect(request))
    try:
        await asyncio.wait({future, leaving}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return not leaving.done()
    finally:
        leaving.cancel()


async def _disconnect(request: Request) -> bool:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return True
