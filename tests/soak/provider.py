"""A provider that plays recorded answers, and treats its connections as real ones do.

It keeps a connection after an answer. It closes idle ones without a word, and some only when the
next request is on them already, in good order or by a reset.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from random import Random

from tests.soak.answers import Answer
from tests.support.sockets import reset_when_closed

FIRST_SECONDS = 60
"""For the first request of a connection."""

IDLE_SECONDS = 3
DRIP_SECONDS = 0.2
LONGEST_DRIP = 150  # blanks
PIECE_BYTES = 65_536


class RecordedProvider:
    """answers: by the model's name.

    url: its own. requests: how many it was sent; closed: how many of these it has met
    with a connection that it closed without an answer; answering: the answers that it writes now
    """

    def __init__(self, answers: Mapping[str, Answer], seed: int) -> None:
        self.url = ""
        self.requests = self.closed = self.answering = 0
        self._answers = answers
        self._random = Random(seed)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, TimeoutError, RuntimeError):
            answer = await self._read(reader, FIRST_SECONDS)
            while await self._play(answer, writer):
                answer = await self._read(reader, self._random.uniform(0, IDLE_SECONDS))
                if self._random.random() < 0.25:
                    self.closed += 1
                    break
        if self._random.random() < 0.5:
            _reset(writer)
        writer.close()

    async def _read(self, reader: asyncio.StreamReader, seconds: float) -> Answer:
        """The answer to the next request, which has this time to come."""
        async with asyncio.timeout(seconds):
            head = await reader.readuntil(b"\r\n\r\n")
        [length] = [
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        ]
        body = json.loads(await reader.readexactly(length))
        self.requests += 1
        return self._answers[body["model"]]

    async def _play(self, answer: Answer, writer: asyncio.StreamWriter) -> bool:
        """Send an answer. Gives whether the connection is kept."""
        self.answering += 1
        try:
            return await self._sent(answer, writer)
        finally:
            self.answering -= 1

    async def _sent(self, answer: Answer, writer: asyncio.StreamWriter) -> bool:
        head = [f"HTTP/1.1 {answer.status} So", "Transfer-Encoding: chunked", *answer.headers]
        writer.write("\r\n".join([*head, "", ""]).encode())
        at = 0
        most = self._random.choice([40, 400, PIECE_BYTES]) if len(answer.body) < 9999 else 99_999
        while at < len(answer.body):
            piece = answer.body[at : at + self._random.randint(1, most)]
            await _send(writer, b"%x\r\n%b\r\n" % (len(piece), piece))
            at += len(piece)
            await asyncio.sleep(self._random.choice([0, 0, 0, 0.01]))
        for _ in range(LONGEST_DRIP if answer.then == "drip" else 0):
            await _send(writer, b"1\r\n \r\n")
            await asyncio.sleep(DRIP_SECONDS)
        if answer.then == "reset":
            _reset(writer)
        if answer.then == "keep":
            await _send(writer, b"0\r\n\r\n")
        return answer.then == "keep"


def _reset(writer: asyncio.StreamWriter) -> None:
    """Let the connection be reset when it is closed, if it is still open."""
    connection = writer.get_extra_info("socket")
    if connection is not None and not writer.transport.is_closing():
        with suppress(OSError):
            reset_when_closed(connection)


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Raises ConnectionError if the other side has closed."""
    if writer.transport.is_closing():  # here uvloop would raise a RuntimeError
        raise ConnectionResetError
    writer.write(data)
    await writer.drain()


@asynccontextmanager
async def recorded_provider(
    answers: Mapping[str, Answer], seed: int
) -> AsyncIterator[RecordedProvider]:
    """A provider that runs."""
    provider = RecordedProvider(answers, seed)
    listener = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    provider.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        listener.close()
