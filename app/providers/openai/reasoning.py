"""The text of what a model reasons, in the shapes in which providers send it. Pure.

A string, or an object with a text, or a list of them: DeepSeek's `reasoning_content`, OpenRouter's
`reasoning_details` (`reasoning.text`, `reasoning.summary`), LiteLLM's `thinking_blocks`, Mistral's
parts of the content of the type `thinking`.
https://openrouter.ai/docs/use-cases/reasoning-tokens
https://docs.mistral.ai/capabilities/reasoning
"""

from __future__ import annotations

from typing import Any, Final

_NAMES: Final = ("thinking", "text", "summary", "reasoning", "content", "value")
_DEPTH: Final = 4


def reasoning_in(value: Any, depth: int = _DEPTH) -> str:
    """The text in a value of any shape; "" where there is none, or it is encrypted."""
    if isinstance(value, str):
        return value
    if not depth:
        return ""
    if isinstance(value, list):
        return "".join([reasoning_in(part, depth - 1) for part in value])
    if isinstance(value, dict):
        texts = (reasoning_in(value.get(name), depth - 1) for name in _NAMES)
        return next(filter(None, texts), "")
    return ""
