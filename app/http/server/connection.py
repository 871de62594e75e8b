"""A client's connection, held to the sizes and the order that HTTP has.

What uvicorn's own leaves open: a head without a bound, in size or in time; a refusal that is
lost because the connection is reset under it; and a client that sends its next request too
early, behind which nobody would notice that it has gone.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from typing import Any

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
"""That a refused client may go on to send, unheard. Closed with bytes unread, the connection
would be reset, and the answer lost (RFC 9112 9.6)."""

LINE_BYTES = len(": \r\n")


_NO_PIPELINE: deque[Any] = deque()
"""What all connections have in place of one each, in which nothing would ever wait."""


class _TooEarly(Exception):
    """A request has begun while another one is answered."""


class Connection(HttpToolsProtocol):
    """uvicorn's protocol; a request that can't be read is refused with a problem.

    Requests are not taken in advance: where one comes while another is answered, the
    connection is closed after that answer (RFC 9112 9.3.2 lets a client send it again).
    """

    # With more in its `__dict__` than CPython shares the keys of, that would take 1.5 KB.
    __slots__ = ("_head", "_head_bytes", "_is_deaf", "_waiting")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.pipeline = _NO_PIPELINE
        self._head: list[tuple[bytes, bytes]] | None = None  # the one that is being read
        self._head_bytes = 0
        self._is_deaf = False
        self._waiting: asyncio.TimerHandle | None = None  # for a head

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
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
        if self._waiting is None and self._is_answered and not self._is_deaf:
            self._wait()

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
        self._wait_no_more()
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

    # -- and then ------------------------------------------------------------------------------

    @property
    def _is_answering(self) -> bool:
        """Whether a whole request has come, and not all of its answer has gone."""
        cycle = self.cycle
        return cycle is not None and not cycle.more_body and not cycle.response_complete

    @property
    def _is_answered(self) -> bool:
        """Whether nothing is owed to the client: it has asked for nothing, or has its answer."""
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _head_is_late(self) -> None:
        if self._head is None:
            self.transport.close()
        else:
            self._refuse(InvalidRequest("The request's head did not come in time.", status=400))

    def _hear_no_more(self) -> None:
        """But notice when the client goes, as one does who reads on."""
        self._is_deaf = True
        self.cycle.keep_alive = False

    def _refuse(self, error: ServiceError) -> None:
        self._is_deaf = True
        self._wait_no_more()
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
