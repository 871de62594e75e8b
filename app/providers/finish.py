"""Providers' words for why a model has stopped, made standard."""

from __future__ import annotations

from app.providers.base import Finish

_WORDS = {
    Finish.STOP: (
        "stop",
        "stop_sequence",
        "end_turn",
        "eos",
        "eos_token",
        "complete",
        "completed",
        "tool_calls",
        "tool_call",
        "tool_use",
        "function_call",
    ),
    Finish.LENGTH: (
        "length",
        "max_length",
        "max_tokens",
        "max_output_tokens",
        "model_length",
        "model_context_window_exceeded",
    ),
    Finish.FILTERED: (
        "content_filter",
        "content_filtered",
        "safety",
        "image_safety",
        "recitation",
        "blocklist",
        "prohibited_content",
        "spii",
        "guardrail_intervened",
    ),
    Finish.REFUSED: ("refusal",),
}


def _key(word: str) -> str:
    """The same key for all spellings of a word: `tool-calls`, `toolCalls`, `TOOL_CALLS`."""
    return "".join(filter(str.isalnum, word)).lower()


_FINISHES = {_key(word): finish for finish, words in _WORDS.items() for word in words}


def standard(word: str) -> Finish:
    """What a provider's word means, in whatever case and with whatever separators."""
    return _FINISHES.get(_key(word), Finish.UNKNOWN)
