"""A client's connection, held to the sizes and the order that HTTP has.

What uvicorn's own leaves open: a head without a bound, a refusal that is lost because the
connection is reset under it, and a running response that isn't told that its client has gone
when that had already sent its next request.
"""

from __future__ import annotations

import secrets
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.errors import HeadersTooLarge, InvalidRequest, ServiceError
from app.http.context import HEADER
from app.http.problem import problem

HEAD_BYTES = 65536
"""Of a request's target and headers. One that has not ended may take one read more."""

LINGER_SECONDS = 2
"""That a refused client may go on to send, unheard. Closed with bytes unread, the connection
would be reset, and the answer lost (RFC 9112 9.6)."""

LINE_BYTES = len(": \r\n")


class Connection(HttpToolsProtocol):
    """uvicorn's protocol; a request that can't be read is refused with a problem."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._reading_head = False
        self._head_bytes = 0
        self._is_refused = False
        self._running: Any = None

    # -- what the client sends ----------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        was_reading_head = self._reading_head
        super().data_received(data)
        # The parser keeps a header to itself until it has ended: it is counted by its bytes.
        if was_reading_head and self._reading_head and not self._is_refused:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(HeadersTooLarge())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._reading_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._reading_head = False
        lines = sum(len(name) + len(value) + LINE_BYTES for name, value in self.headers)
        if len(self.url) + lines > HEAD_BYTES:
            self._head_bytes = HEAD_BYTES + 1
            raise HeadersTooLarge  # which the parser makes an error of its own
        super().on_headers_complete()

    # -- refusals -----------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls where the parser has an error."""
        if self._head_bytes > HEAD_BYTES:
            self._refuse(HeadersTooLarge())
        else:
            self._refuse(InvalidRequest("The request is not valid HTTP.", status=400))

    def _refuse(self, error: ServiceError) -> None:
        self._is_refused = True
        if self._is_answering:
            self.transport.close()  # whatever is said now would stand in the middle of it
            return
        request_id = secrets.token_hex(8)
        response = problem(error, request_id, {HEADER: request_id})
        lines = [STATUS_LINE[response.status_code]]
        lines += [b"%b: %b\r\n" % pair for pair in response.raw_headers]
        lines += [b"connection: close\r\n\r\n", bytes(response.body)]
        self.transport.write(b"".join(lines))
        self.transport.write_eof()
        self._client_has_gone()  # nothing can be written any more
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    @property
    def _is_answering(self) -> bool:
        running = self._running
        return running is not None and running.response_started and not running.response_complete

    # -- the request that is answered ----------------------------------------------------------

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._client_has_gone()

    def _client_has_gone(self) -> None:
        """uvicorn tells the newest request alone, and that one may wait behind this."""
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()
