"""A TCP proxy that does to connections what a network may do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
from urllib.parse import urlsplit

RESENT_SECONDS = 0.2
"""How late bytes come that were lost once: TCP sends them again after this time, and after twice
as long each time that they are lost again. https://www.rfc-editor.org/rfc/rfc6298"""


class Proxy:
    """url: its own URL. connections: how many connections there have been.

    limits: after how many bytes of the target's the next connections are reset, one by one
    passed: what has come from the target so far
    delay: seconds that each piece of bytes takes on its way
    loss: the share of pieces that are lost once or several times, and come late
    drops_questions, drops_answers: whether bytes to the target, or from it, vanish for good while
        the connections stay open
    """

    def __init__(self, target: str, seed: int = 0) -> None:
        self.url = ""
        self.connections = 0
        self.limits: list[int] = []
        self.passed = bytearray()
        self._news = asyncio.Event()
        self.delay = 0.0
        self.loss = 0.0
        self.drops_questions = False
        self.drops_answers = False
        self._swallowed: asyncio.Future[bytes] | None = None
        self._target = urlsplit(target)
        self._writers: set[asyncio.StreamWriter] = set()
        self._random = Random(seed)

    def cut(self) -> None:
        """Break all connections, on both sides."""
        for writer in self._writers:
            writer.transport.abort()

    def swallow(self) -> asyncio.Future[bytes]:
        """Drop the next answer alone. The result is the answer, once it was dropped."""
        self._swallowed = asyncio.get_running_loop().create_future()
        return self._swallowed

    async def has_passed(self, part: bytes, times: int) -> None:
        """Wait until this has come from the target so often."""
        async with asyncio.timeout(30):
            while self.passed.count(part) < times:
                self._news.clear()
                await self._news.wait()

    def _note(self, data: bytes) -> None:
        self.passed += data
        self._news.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        host, port = self._target.hostname, self._target.port
        try:
            other_reader, other_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, other_writer}
        self._writers |= both
        limit = self.limits.pop(0) if self.limits else None
        try:
            await asyncio.gather(
                self._copy(reader, other_writer, answers=False),
                self._copy(other_reader, writer, answers=True, limit=limit),
            )
        finally:
            self._writers -= both
            for end in both:
                end.close()

    async def _copy(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        answers: bool,
        limit: int | None = None,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if answers:
                    self._note(data)
                if not self._is_dropped(data, answers=answers):
                    await asyncio.sleep(self._late())
                    writer.write(data[:limit])
                    await writer.drain()
                if limit is not None and (limit := limit - len(data)) <= 0:
                    writer.transport.abort()
                    return
        writer.close()  # even if the other side was reset: else its connection would stay

    def _is_dropped(self, data: bytes, *, answers: bool) -> bool:
        if answers and self._swallowed is not None:
            self._swallowed.set_result(data)
            self._swallowed = None
            return True
        return self.drops_answers if answers else self.drops_questions

    def _late(self) -> float:
        late, again = self.delay, RESENT_SECONDS
        while self._random.random() < self.loss:
            late, again = late + again, again * 2
        return late


@asynccontextmanager
async def proxy(target: str) -> AsyncIterator[Proxy]:
    """A proxy in front of a server. Its URL has the scheme of the target's."""
    between = Proxy(target)
    listener = await asyncio.start_server(between.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    between.url = f"{urlsplit(target).scheme}://127.0.0.1:{port}"
    try:
        yield between
    finally:
        listener.close()
        between.cut()
