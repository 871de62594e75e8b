"""What readers of ended streams are sent from the beginning, kept as bytes.

To make a large answer's messages again takes up to a second. Its bytes are kept when they are
first sent, and sent as they are after that. Where a response has ids of its own, what is kept has
placeholders for them. Nobody can guess these, so a model's text is never taken for one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from secrets import token_hex
from typing import Final, NamedTuple

from app.http.endpoints.response import PIECE_BYTES
from app.partial.value import dumps
from app.streams.stream import Stream
from app.telemetry.delivery import Delivery
from app.views.format import Format
from app.views.message import Message

CAPACITY_BYTES: Final = 32 * 1024 * 1024
"""The most bytes that are kept. Those that were not asked for longest go first."""

Key = tuple[str, str, str]
"""A stream's id, what its reader has asked for, and a media type."""

Begin = Callable[[Mapping[str, str], Format], AsyncGenerator[bytes, None]]
"""Begins the whole response of a stream that has ended in `done`, with these ids, in a format."""


class _Whole(NamedTuple):
    messages: int
    data: bytes


class WholeReplays:
    """capacity: the most bytes that are kept."""

    def __init__(self, capacity: int = CAPACITY_BYTES) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[Key, _Whole] = OrderedDict()
        self._size = 0
        self._stand_in = token_hex(16)

    def pieces(
        self,
        key: Key,
        begin: Begin,
        ids: Mapping[str, str],
        format: Format,
        stream: Stream,
        delivery: Delivery,
    ) -> AsyncIterator[bytes]:
        """The bytes under a key, or those of a response that is begun, which are then kept.

        ids: those of this response
        """
        own = {self._named(name): id for name, id in ids.items()}
        whole = self._kept.get(key)
        if whole is None:
            stand_ins = {name: self._named(name) for name in ids}
            return self._keeping(key, lambda it: begin(stand_ins, it), own, format)
        self._kept.move_to_end(key)
        return _again(whole, own, stream, delivery)

    def _named(self, name: str) -> str:
        """What stands in the place of an id."""
        return f"{name}-{self._stand_in}"

    async def _keeping(
        self,
        key: Key,
        begin: Callable[[Format], AsyncGenerator[bytes, None]],
        own: Mapping[str, str],
        format: Format,
    ) -> AsyncIterator[bytes]:
        messages: list[bytes] = []

        def parts(message: Message) -> Sequence[bytes]:
            messages.append(format.encode(message))
            return (_exchanged(messages[-1], own),)

        async with aclosing(begin(replace(format, parts=parts))) as made:
            async for piece in made:
                yield piece
        self._keep(key, _Whole(len(messages), b"".join(messages)))

    def _keep(self, key: Key, whole: _Whole) -> None:
        if key in self._kept or len(whole.data) > self._capacity:
            return
        self._kept[key] = whole
        self._size += len(whole.data)
        while self._size > self._capacity:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest.data)


async def _again(
    whole: _Whole, own: Mapping[str, str], stream: Stream, delivery: Delivery
) -> AsyncIterator[bytes]:
    with delivery:
        data = _exchanged(whole.data, own)
        stream.figures.messages += whole.messages
        delivery.counts(whole.messages, len(data))
        for at in range(0, len(data), PIECE_BYTES):
            yield data[at : at + PIECE_BYTES]


def _exchanged(data: bytes, own: Mapping[str, str]) -> bytes:
    """JSON with some strings exchanged for others."""
    for stand_in, id in own.items():
        data = data.replace(dumps(stand_in), dumps(id))
    return data
