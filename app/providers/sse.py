"""Server-Sent Events as providers write them: bytes in, the events' data out.

A read may hold several events and be cut anywhere; comments, `\\r\\n` and fields other than
`data` are passed over, and so is white space around data, which JSON does not need.
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from collections.abc import Iterator

from app.errors import ProviderProtocol

MAX_EVENT_BYTES = 1024 * 1024
"""The bound of both buffers, a line's and an event's. Over it, `ProviderProtocol` is raised."""


class EventDecoder:
    """Decodes one response."""

    def __init__(self) -> None:
        self._line: list[bytes] = []  # the pieces of a line that is not yet complete
        self._line_length = 0
        self._data: list[bytes] = []  # the lines of an event that is not yet complete
        self._data_length = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The data of each event that is complete. Raises `ProviderProtocol`."""
        for line in self._lines(data):
            if line.startswith((b"data:", b"error:")):  # the latter is llama.cpp's, for errors
                self._take(line.partition(b":")[2].strip())
            elif not line.rstrip(b"\r") and self._data:
                yield self._event()

    def _take(self, data: bytes) -> None:
        self._data.append(data)
        self._data_length += len(data) + 1
        if self._data_length > MAX_EVENT_BYTES:
            raise ProviderProtocol

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

    def _event(self) -> bytes:
        data = b"\n".join(self._data)
        self._data.clear()
        self._data_length = 0
        return data
