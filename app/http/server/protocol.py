"""uvicorn's protocol class, with bounds for slow and greedy clients.

uvicorn's own class leaves four problems. A request's head (its request line and headers) has no
bound in size or time. A refusal may be lost, because the connection is reset before the client
has read it. If a client sends its next request too early, nobody notices when the client leaves.
A reader that doesn't read is never disconnected.
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
"""The bound of a request's target and headers. It is checked after each read from the socket, so
they may exceed it by one read."""

HEAD_SECONDS = 10
"""The time that a head may take. It begins with the connection, or with the first byte after the
last answer. uvicorn's keep-alive timeout bounds the wait for that byte."""

LINGER_SECONDS = 2
"""After a refusal, bytes from the client are read and dropped for this time. If the connection
were closed with unread bytes, it would be reset, and the answer lost (RFC 9112 9.6)."""

LINE_BYTES = len(": \r\n")

CHECKS = 8
"""How many times within `send_timeout` the protocol checks whether a reader reads."""

_log = structlog.get_logger("http")


class _TooEarly(Exception):
    """A request has begun before the previous one was answered."""


class Protocol(HttpToolsProtocol):
    """Serves one connection. A request that can't be read is refused with a problem.

    Pipelining is not accepted. If a request comes before the previous one is answered, the
    connection is closed after that answer. RFC 9112 9.3.2 lets a client send it again.

    The transport buffers at most the rest of one write; uvicorn would let 64 KiB gather. So a
    slow reader skips to the newest state.

    send_timeout: seconds after which a reader that reads nothing is disconnected. Its transport
        is aborted, because closing it would wait for the reader for ever
    """

    # Python shares the attribute names of objects of a class only up to some number of attributes.
    # uvicorn's class nearly reaches it, so without slots each connection would take 1.5 KB more.
    __slots__ = (
        "_framing_bytes",
        "_head",
        "_head_bytes",
        "_head_timer",
        "_is_deaf",
        "_read_timer",
        "_send_timeout",
    )

    def __init__(self, *args: Any, send_timeout: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._send_timeout = send_timeout
        self._head: list[tuple[bytes, bytes]] | None = None  # the headers, while they come
        self._head_bytes = 0
        self._framing_bytes = 0  # since the last bytes of the body, such as those of trailers
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
        self._framing_bytes += len(data)
        super().data_received(data)
        # The parser reports a header only when it is complete, so its bytes are counted here.
        if head is not None and self._head is head and not self._is_deaf:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(HeadersTooLarge())
        elif self._expects_body and self._head_bytes + self._framing_bytes > HEAD_BYTES:
            self._refuse(HeadersTooLarge())
        # These bytes may also be the rest of a body after its answer, or blank lines before a head.
        if self._head_timer is None and self._is_answered and not self._is_deaf:
            self._expect_head()

    # -- callbacks of the parser, which stops at an exception ----------------------------------

    def on_message_begin(self) -> None:
        if self._is_answering:
            self._hear_no_more()
            raise _TooEarly
        super().on_message_begin()
        self._head = self.headers
        self._head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header of the head.

        One in a trailer is dropped, as RFC 9110 6.5.1 allows: the request was checked without it.
        """
        if self._head is not None:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._framing_bytes = 0
        super().on_body(body)

    def on_headers_complete(self) -> None:
        self._framing_bytes = 0
        self._stop_head_timer()
        lines = sum(len(name) + len(value) + LINE_BYTES for name, value in self.headers)
        self._head_bytes = len(self.url) + lines
        if self._head_bytes > HEAD_BYTES:
            raise HeadersTooLarge
        self._check_host()
        self._head = None
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """uvicorn calls this after an exception in the parser."""
        if self._is_deaf:
            return
        if self._head_bytes > HEAD_BYTES:
            self._refuse(HeadersTooLarge())
        else:
            self._refuse(InvalidRequest("The request is not valid HTTP.", status=400))

    def _check_host(self) -> None:
        """Raise `InvalidRequest` unless there is one name of a host (RFC 9112 3.2).

        Of two, a proxy may look at one and the service at the other. HTTP/1.0 has none.
        """
        hosts = [value.strip() for name, value in self.headers if name == b"host"]
        is_needed = self.parser.get_http_version() == "1.1"
        if len(hosts) > 1 or b"" in hosts or (is_needed and not hosts):
            raise InvalidRequest(status=400)

    # -- heads ---------------------------------------------------------------------------------

    @property
    def _is_answering(self) -> bool:
        """Whether a whole request has been received, and its answer is not yet complete."""
        cycle = self.cycle
        return cycle is not None and not cycle.more_body and not cycle.response_complete

    @property
    def _is_answered(self) -> bool:
        """Whether there was no request yet, or the last one has its whole answer."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def _is_refusable(self) -> bool:
        """Whether an answer may be sent now: the request that is read has none yet."""
        cycle = self.cycle
        if self._head is not None or cycle is None:
            return True
        return not (cycle.response_started and (cycle.more_body or not cycle.response_complete))

    @property
    def _expects_body(self) -> bool:
        """Whether a part of a request's body, or a trailer, may still come."""
        return self._head is None and self.cycle is not None and self.cycle.more_body

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
        """Ignore everything that the client sends from now on, but notice when it leaves."""
        self._is_deaf = True
        self.cycle.keep_alive = False

    def _refuse(self, error: ServiceError) -> None:
        """Answer with a problem and close the connection. Beside another answer, only close."""
        self._is_deaf = True
        self._stop_head_timer()
        if not self._is_refusable:
            self.cycle.keep_alive = False
            self.transport.close()
            return
        if self.cycle is not None:  # this answer replaces that of the app
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
        """Disconnect the reader if it does not read; otherwise check again later.

        before: how many bytes were unread at the last check
        since: the time of the last check at which it had read something
        """
        left, now = self.transport.get_write_buffer_size(), self.loop.time()
        if left < before:
            since = now
        if now - since >= self._send_timeout:
            _log.info("a reader did not read")
            self.transport.abort()
        else:
            wait = self._send_timeout / CHECKS
            self._read_timer = self.loop.call_later(wait, self._check_reader, left, since)
