"""A client's connection, held to the sizes, the order and the pace that a service can bear.

What uvicorn's own protocol leaves open: a head without a bound, in size or in time; a refusal
that is lost because the connection is reset under it; a client that sends its next request too
early, behind which nobody would notice that it has gone; and a reader that doesn't read.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.errors import HeadersTooLarge, InvalidRequest, ServiceError
from app.http.context import HEADER
from app.http.problem import problem

HEAD_BYTES = 65536
"""Of a request's target and headers. One that has not ended may take one read more."""

HEAD_SECONDS = 10
"""For all of a head: from the connection's beginning, or the first byte after an answer (for
which uvicorn has a wait of its own)."""

LINGER_SECONDS = 2
"""A refused client may go on to send for so long, unheard. A connection that is closed with
bytes unread would be reset, and the answer lost (RFC 9112 9.6)."""

LINE_BYTES = len(": \r\n")

CHECKS = 8
"""How often it is checked whether a reader reads, in the time that it has."""

_log = structlog.get_logger("http")


class _TooEarly(Exception):
    """A request has begun while another one is answered."""


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol; a request that can't be read is refused with a problem.

    Requests are not taken in advance: where one comes while another is answered, the
    connection is closed after that answer (RFC 9112 9.3.2 lets a client send it again).

    send_timeout: seconds after which a reader that takes nothing is cut off, whatever the
        response: a transport that is merely closed would wait for such a reader for ever.
        Nothing is buffered but the rest of one write (uvicorn lets 64 KiB gather), so that a
        slow reader skips to what is newest.
    """

    def __init__(self, *args: Any, send_timeout: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._send_timeout = send_timeout
        self._head: list[tuple[bytes, bytes]] | None = None  # the one that is being read
        self._head_bytes = 0
        self._is_deaf = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._stop_read_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        if self._is_answering:
            self._hear_no_more()
            return
        head = self._head
        super().data_received(data)
        # The parser keeps a header to itself until it has ended: it is counted by its bytes.
        if head is not None and self._head is head and not self._is_deaf:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(HeadersTooLarge())
        # Also for what is left of a body after its answer, and for blank lines before a head.
        if self._head_timer is None and self._is_answered and not self._is_deaf:
            self._expect_head()

    # -- what the parser calls: an exception ends it -------------------------------------------

    def on_message_begin(self) -> None:
        if self._is_answering:
            self._hear_no_more()
            raise _TooEarly
        super().on_message_begin()
        self._head = self.headers
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._head = None
        self._stop_head_timer()
        lines = sum(len(name) + len(value) + LINE_BYTES for name, value in self.headers)
        self._head_bytes = len(self.url) + lines
        if self._head_bytes > HEAD_BYTES:
            raise HeadersTooLarge
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls after that."""
        if self._is_deaf:
            return
        if self._head_bytes > HEAD_BYTES:
            self._refuse(HeadersTooLarge())
        else:
            self._refuse(InvalidRequest("The request is not valid HTTP.", status=400))

    # -- heads ---------------------------------------------------------------------------------

    @property
    def _is_answering(self) -> bool:
        """Whether a whole request has come, and not all of its answer has gone."""
        cycle = self.cycle
        return cycle is not None and not cycle.more_body and not cycle.response_complete

    @property
    def _is_answered(self) -> bool:
        """Whether nothing is owed to the client: it has asked for nothing, or has its answer."""
        return self.cycle is None or self.cycle.response_complete

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        if self._head is None:
            self.transport.close()
        else:
            self._refuse(InvalidRequest("The request's head did not come in time.", status=400))

    def _hear_no_more(self) -> None:
        """Ignore what else the client sends, but notice when it goes."""
        self._is_deaf = True
        self.cycle.keep_alive = False

    def _refuse(self, error: ServiceError) -> None:
        self._is_deaf = True
        self._stop_head_timer()
        if self.cycle is not None:  # one whose body can't be read has no answer but this
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        request_id = secrets.token_hex(8)
        response = problem(error, request_id, {HEADER: request_id})
        lines = [STATUS_LINE[response.status_code]]
        lines += [b"%b: %b\r\n" % pair for pair in response.raw_headers]
        lines += [b"connection: close\r\n\r\n", bytes(response.body)]
        self.transport.write(b"".join(lines))
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    # -- readers -------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        super().pause_writing()
        self._check_reader(self.transport.get_write_buffer_size(), self.loop.time())

    def resume_writing(self) -> None:
        self._stop_read_timer()
        super().resume_writing()

    def _stop_read_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _check_reader(self, before: int, since: float) -> None:
        """Does the reader read? It had left `before` bytes, and taken its last at `since`."""
        left, now = self.transport.get_write_buffer_size(), self.loop.time()
        if left < before:
            since = now
        if now - since >= self._send_timeout:
            _log.info("a reader did not read")
            self.transport.abort()
        else:
            wait = self._send_timeout / CHECKS
            self._read_timer = self.loop.call_later(wait, self._check_reader, left, since)
