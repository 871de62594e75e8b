"""What readers of ended streams are sent from the beginning, kept as bytes.

To make a large answer's messages again takes up to a second. Its bytes are kept when they are
first sent, and sent as they are after that.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final, NamedTuple

from app.http.endpoints.response import PIECE_BYTES
from app.streams.stream import Stream
from app.telemetry.delivery import Delivery

CAPACITY_BYTES: Final = 32 * 1024 * 1024
"""The most bytes that are kept. Those that were not asked for longest go first."""

Key = tuple[str, str, str]
"""A stream's id, what its reader has asked for, and a media type."""


class _Whole(NamedTuple):
    messages: int
    data: bytes


class WholeReplays:
    """capacity: the most bytes that are kept."""

    def __init__(self, capacity: int = CAPACITY_BYTES) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[Key, _Whole] = OrderedDict()
        self._size = 0

    def pieces(
        self, key: Key, stream: Stream, made: AsyncGenerator[bytes, None], delivery: Delivery
    ) -> AsyncIterator[bytes]:
        """The bytes under a key, or those that are made, which are then kept.

        made: the whole response of a stream that has ended in `done`; it is not begun if it is not
            needed
        """
        whole = self._kept.get(key)
        if whole is None:
            return self._keeping(key, stream, made)
        self._kept.move_to_end(key)
        return _again(whole, stream, delivery)

    async def _keeping(
        self, key: Key, stream: Stream, made: AsyncGenerator[bytes, None]
    ) -> AsyncIterator[bytes]:
        before, pieces = stream.figures.messages, []
        async with aclosing(made):
            async for piece in made:
                pieces.append(piece)
                yield piece
        # Another reader's messages may be among these: the number is for the metrics alone.
        self._keep(key, _Whole(stream.figures.messages - before, b"".join(pieces)))

    def _keep(self, key: Key, whole: _Whole) -> None:
        if key in self._kept or len(whole.data) > self._capacity:
            return
        self._kept[key] = whole
        self._size += len(whole.data)
        while self._size > self._capacity:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest.data)


async def _again(whole: _Whole, stream: Stream, delivery: Delivery) -> AsyncIterator[bytes]:
    with delivery:
        stream.figures.messages += whole.messages
        delivery.counts(whole.messages, len(whole.data))
        for at in range(0, len(whole.data), PIECE_BYTES):
            yield whole.data[at : at + PIECE_BYTES]
