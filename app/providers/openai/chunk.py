"""The chunks of a response to a chat completion, as msgspec reads them.

The fields have the names of the API's JSON, by which Instructor's extractors read a chunk. (The
SDK's own classes cost eight times as much.)
https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.errors import ProviderProtocol, ServiceError
from app.providers.provider_error import error_in_chunk, is_error


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

    @property
    def arguments(self) -> str:
        """The arguments of the first tool call: there is one tool, and one value."""
        text = ""
        for call in self.tool_calls or ():
            if not call.index and call.function is not None:
                text += call.function.arguments or ""
        return text


class Choice(msgspec.Struct):
    """One answer. OpenRouter tells in it, and not beside it, what the model's own provider says."""

    index: int | None = None
    delta: ChoiceDelta | None = None
    finish_reason: str | None = None
    error: Any = None


class CompletionUsage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Chunk(msgspec.Struct):
    """One chunk of a response.

    error: anything but null says that the provider has failed
    """

    choices: list[Choice] | None = None
    usage: CompletionUsage | None = None
    error: Any = None


_decode_chunk = msgspec.json.Decoder(Chunk).decode


def decode(data: bytes) -> Chunk:
    """The chunk that an event holds. Raises `ProviderProtocol`, or the error that it tells."""
    try:
        chunk = _decode_chunk(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _error(data) from None
    if chunk.error is not None or chunk.choices is None:
        told = msgspec.json.decode(data)
        if chunk.error is not None or is_error(told):
            raise error_in_chunk(told)
    return chunk


def _error(data: bytes) -> ServiceError:
    """What to raise for an event that is no chunk."""
    try:
        told = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ProviderProtocol()
    return error_in_chunk(told) if is_error(told) else ProviderProtocol()
