"""Words of providers, which differ in case and separators."""

from __future__ import annotations


def key_of(word: str) -> str:
    """The same key for all spellings of a word: `tool-calls`, `toolCalls`, `TOOL_CALLS`."""
    return "".join(filter(str.isalnum, word)).lower()
