"""The chunks of a response to a chat completion, as msgspec reads them.

The attributes have the names of the API's JSON, because Instructor's extractors read these. (The
SDK's own classes cost eight times as much.) What these classes don't fit is read field by field,
by `lenient.py`.
https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.providers.openai.reasoning import reasoning_in


class Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class ToolCall(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: Function | None = None


class ChoiceDelta(msgspec.Struct, gc=False):
    """What a chunk adds. `function_call` is what tool calls were before there were tools."""

    content: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[Any] | None = None
    thinking: str | None = None
    thinking_blocks: list[Any] | None = None

    @property
    def reasons(self) -> bool:
        """Whether the model shows, or says, that it reasons."""
        return bool(
            (self.reasoning_content and not self.reasoning_content.isspace())
            or (self.reasoning and not self.reasoning.isspace())
            or self.reasoning_details
            or (self.thinking and not self.thinking.isspace())
            or self.thinking_blocks
        )

    @property
    def reasoned(self) -> str:
        """The text of what it reasons. Some providers send the same under several names."""
        return (
            self.reasoning_content
            or self.reasoning
            or self.thinking
            or reasoning_in(self.reasoning_details)
            or reasoning_in(self.thinking_blocks)
        )


class Choice(msgspec.Struct, gc=False):
    """One answer. Some providers send the whole `message` in the place of its parts.

    error: what has failed at the model's own provider, where OpenRouter tells it
    """

    index: int | None = None
    delta: ChoiceDelta | None = None
    message: ChoiceDelta | None = None
    finish_reason: str | None = None
    error: Any = None


class PromptTokensDetails(msgspec.Struct, gc=False):
    """cache_write_tokens is OpenRouter's name; LiteLLM calls it cache_creation_tokens."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_creation_tokens: int | None = None


class CompletionTokensDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None


class CompletionUsage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptTokensDetails | None = None
    completion_tokens_details: CompletionTokensDetails | None = None


class Chunk(msgspec.Struct, gc=False):
    """One chunk of a response.

    error: what has failed at the provider, if it holds anything
    """

    choices: list[Choice] | None = None
    usage: CompletionUsage | None = None
    error: Any = None


decode = msgspec.json.Decoder(Chunk).decode
"""The chunk that an event holds, if these classes fit it. Raises ValueError."""
