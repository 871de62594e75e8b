"""The chunks of a chat completion's stream: bytes to small structs.

Server-Sent Events as OpenAI-compatible servers write them: comments, `\\r\\n`, `event:`
lines and several events a read, cut anywhere. https://platform.openai.com/docs/api-reference/
chat-streaming. The structs bear the SDK's attribute names, so that Instructor can't tell
(the SDK's own objects cost eight times as much).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from app.errors import ProviderProtocol

MAX_CHUNK_BYTES = 1024 * 1024
"""A longer event is not a chunk: the buffers' bound; over it, `ProviderProtocol`."""


class Function(msgspec.Struct):
    arguments: str | None = None


class ToolCall(msgspec.Struct):
    index: int | None = None
    function: Function | None = None


class ChoiceDelta(msgspec.Struct):
    content: str | None = None
    tool_calls: list[ToolCall] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class Choice(msgspec.Struct):
    index: int | None = None
    delta: ChoiceDelta | None = None
    finish_reason: str | None = None


class CompletionUsage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Chunk(msgspec.Struct):
    """error: anything but null says that the provider has failed."""

    choices: list[Choice] | None = None
    usage: CompletionUsage | None = None
    error: Any = None


class ChunkDecoder:
    """Bytes in, chunks out. `done` once the provider has said `[DONE]`."""

    def __init__(self) -> None:
        self.done = False
        self._decode = msgspec.json.Decoder(Chunk).decode
        self._rest: list[bytes] = []  # of a line that is not yet complete
        self._rest_length = 0
        self._data: list[bytes] = []  # of an event that is not yet complete
        self._data_length = 0

    def feed(self, data: bytes) -> Iterator[Chunk]:
        """The chunks that are complete. Raises `ProviderProtocol`."""
        for line in self._lines(data):
            if line.startswith(b"data:"):
                self._take(line[5:])
            elif not line.rstrip(b"\r") and self._data:
                if chunk := self._event():
                    yield chunk
                if self.done:
                    return

    def _take(self, data: bytes) -> None:
        self._data.append(data)
        self._data_length += len(data) + 1
        if self._data_length > MAX_CHUNK_BYTES:
            raise ProviderProtocol

    def _lines(self, data: bytes) -> list[bytes]:
        *lines, rest = data.split(b"\n")
        if lines and self._rest:
            lines[0] = b"".join([*self._rest, lines[0]])
        if lines:
            self._rest, self._rest_length = [], 0
        self._rest.append(rest)
        self._rest_length += len(rest)
        if self._rest_length > MAX_CHUNK_BYTES:
            raise ProviderProtocol
        return lines

    def _event(self) -> Chunk | None:
        data = b"\n".join(self._data).strip()
        self._data.clear()
        self._data_length = 0
        if data == b"[DONE]":
            self.done = True
            return None
        try:
            chunk = self._decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ProviderProtocol from None
        if chunk.error is not None:
            raise ProviderProtocol
        return chunk
