"""Translates providers' finish reasons to `Finish`."""

from __future__ import annotations

import re

from app.providers.base import Finish
from app.providers.spelling import key_of

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
        "tools",
        "end",
        "end_of_turn",
        "end_of_text",
        "eot",
        "finished",
        "done",
    ),
    Finish.LENGTH: (
        "length",
        "max_length",
        "max_tokens",
        "max_output_tokens",
        "model_length",
        "max_len",
        "max_context",
        "context_length_exceeded",
        "model_context_window_exceeded",
        "error_limit",
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
        "content_policy_violation",
        "sensitive",
        "error_toxic",
    ),
    Finish.REFUSED: ("refusal", "refused"),
}


_NONE = frozenset({"", "null", "none", "undefined"})
"""Words that say nothing: the model goes on."""

LONGEST_WORD = 40


def _key(word: str) -> str:
    """The key of a word, without the field's name: `FinishReason.STOP`, `REASON_STOP`."""
    key = key_of(word)
    return key.removeprefix("finish").removeprefix("reason") if "reason" in key else key


_FINISHES = {_key(word): finish for finish, words in _WORDS.items() for word in words}


def standard(word: str) -> Finish | None:
    """What a provider's word means, in whatever case and with whatever separators.

    None: it says that the model goes on.
    """
    if word.strip().lower() in _NONE:
        return None
    return _FINISHES.get(_key(word), Finish.UNKNOWN)


def for_log(word: str) -> str:
    """A provider's word as it may stand in the log: letters, digits and `_`.

    Empty for what is no word. It may be text of the provider's, which the log never has.
    """
    kept = word.replace("-", "_")
    return kept[:LONGEST_WORD] if re.fullmatch(r"[A-Za-z0-9_]+", kept) else ""
