"""Server-Sent Events as providers write them: bytes in, the events' data out.

A read may hold several events and be cut anywhere. What the specification passes over is passed
over: a BOM, comments, unknown fields; a line ends in `\\n`, `\\r\\n` or `\\r`. White space around
data goes, which JSON does not need, and so do events without data and events that are pings.
https://html.spec.whatwg.org/multipage/server-sent-events.html

Some providers leave out the blank line between two events, and some answer with plain JSON, one
value or one a line. Both are read by one rule: where a line ends an object and the next one
begins an object, the first is an event of its own, as no JSON text has `}` before `{`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.errors import ProviderProtocol

MAX_EVENT_BYTES = 1024 * 1024
"""The most bytes of a line, and of an event. Beyond it, `ProviderProtocol` is raised."""

DONE: Final = b"[DONE]"
"""The data of the event that says that nothing follows."""

_BOM = b"\xef\xbb\xbf"
_PINGS = frozenset({b"ping", b"heartbeat", b"keepalive", b"keep-alive"})


class EventDecoder:
    """Decodes one response.

    plain: whether it is JSON without events, as its first character tells; None before that
    """

    def __init__(self) -> None:
        self.plain: bool | None = None
        self._line: list[bytes] = []  # the pieces of a line that is not yet complete
        self._line_length = 0
        self._data: list[bytes] = []  # the lines of an event that is not yet complete
        self._length = 0  # of those, once there are two
        self._name = b""
        self._after_return = False  # whether the last read has ended in `\\r`

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The data of each event that is complete. Raises `ProviderProtocol`."""
        if data.count(b"\n") == 2 and self._is_one_event(data):
            yield data[5:].strip()
            return
        if b"\r" in data or self._after_return:
            data = self._without_returns(data)
        lines = self._lines(data)
        if self.plain is not False:
            lines = self._begin(lines)
        pending = self._data
        for line in lines:
            if not line:
                if len(pending) == 1 and not self._name:
                    yield pending.pop()
                else:
                    yield from self._event()
            elif (is_data := line.startswith(b"data:")) or line.startswith(b"error:"):
                piece = line[5 if is_data else 6 :].strip()  # errors are llama.cpp's
                if pending or len(piece) > MAX_EVENT_BYTES:
                    yield from self._go_on(piece)
                elif piece:
                    pending.append(piece)
            elif line.startswith(b"event:"):
                self._name = line[6:].strip().lower()

    def _is_one_event(self, data: bytes) -> bool:
        """Whether a read of two lines is one event of one line, as nearly all of them are."""
        return (
            data.endswith(b"}\n\n")
            and data.startswith(b"data:")
            and self.plain is False
            and not (
                self._line_length or self._data or self._name or self._after_return or b"\r" in data
            )
        )

    def end(self) -> Iterator[bytes]:
        """The response has ended: the last event may lack its blank line."""
        yield from self.feed(b"\n\n")
        if self._data:
            yield from self._event()

    def _without_returns(self, data: bytes) -> bytes:
        """The data with `\\n` at the end of each line."""
        if self._after_return and data.startswith(b"\n"):
            data = data[1:]
        self._after_return = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _begin(self, lines: list[bytes]) -> list[bytes]:
        """The lines at the begin of a response, where plain ones are made lines of an event."""
        if lines and self.plain is None:
            lines[0] = lines[0].removeprefix(_BOM)
            first = next((start for line in lines if (start := line.lstrip())), b"")
            self.plain = first.startswith((b"{", b"[")) if first else None
        return [b"data:" + line for line in lines if line.strip()] if self.plain else lines

    def _go_on(self, piece: bytes) -> Iterator[bytes]:
        """Take a further line of an event; the event, if it was over though no blank line says so.

        Raises `ProviderProtocol` where the event is too long.
        """
        last = self._data[-1] if self._data else b""
        if last == DONE or (last.endswith(b"}") and piece.startswith((b"{", DONE))):
            yield from self._event()
        if len(self._data) == 1:
            self._length = len(last) + 1
        self._length += len(piece) + 1
        if self._length > MAX_EVENT_BYTES:
            raise ProviderProtocol
        if piece:
            self._data.append(piece)

    def _lines(self, data: bytes) -> list[bytes]:
        *lines, rest = data.split(b"\n")
        if lines and self._line:
            lines[0] = b"".join([*self._line, lines[0]])
        if lines:
            self._line, self._line_length = [], 0
        self._line.append(rest)
        self._line_length += len(rest)
        if self._line_length > MAX_EVENT_BYTES:
            raise ProviderProtocol
        return lines

    def _event(self) -> tuple[bytes, ...]:
        """The event that is complete; none where it has no data, or is a ping."""
        data = b"\n".join(self._data)
        self._data.clear()
        self._length = 0
        name, self._name = self._name, b""
        return (data,) if data and name not in _PINGS else ()
