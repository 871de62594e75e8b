"""Chunks as they are really sent, read field by field: slower than `chunk.py`, and forgiving.

A field that isn't needed may be anything. One that is needed (content, arguments, a finish
reason) may have any of the forms in which some provider sends it; what can't be read of it is
`ProviderProtocol`, whose `cause` names the field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any

import msgspec

from app.providers.answer_text import unreadable
from app.providers.openai.chunk import (
    Choice,
    ChoiceDelta,
    Chunk,
    CompletionTokensDetails,
    CompletionUsage,
    Function,
    PromptTokensDetails,
    ToolCall,
)
from app.providers.openai.reasoning import reasoning_in
from app.providers.provider_error import is_error
from app.providers.sse import DONE

_between = re.compile(r"(?:[\s,]|data:|\ufeff)*")
_decoder = json.JSONDecoder(strict=False)
_THOUGHTS = ("thinking", "reasoning", "thought", "redacted_thinking")
_REASONING = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "thinking_blocks")
_WORDS = ("message", "detail", "msg")
"""Under one of these names an error says what is wrong."""


def chunks(data: bytes) -> Iterator[Chunk | None]:
    """The chunks that an event holds: one, or several that are glued together, or a list of them.

    None: the provider says that nothing follows. Raises `ProviderProtocol`, after the chunks
    before what can't be read.
    """
    text = data.decode("utf-8", "replace")
    at = 0
    while (at := _after(text, at)) < len(text):
        if text.startswith(DONE.decode(), at):
            yield None
            at += len(DONE)
            continue
        try:
            value, at = _decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            raise unreadable() from None
        if value is None:  # some providers write it to keep the connection open
            continue
        for item in value if isinstance(value, list) and value else [value]:
            yield _chunk(item, intact="\ufffd" not in text)


def _after(text: str, at: int) -> int:
    found = _between.match(text, at)
    return found.end() if found else at


def _chunk(value: Any, *, intact: bool) -> Chunk:
    if not isinstance(value, dict):
        raise unreadable("chunk")
    if "choices" not in value:
        return Chunk(usage=_usage(value.get("usage")), error=_error(value))
    choices = [_choice(item) for item in _items(value["choices"], "choices")]
    if not intact and any(_is_damaged(choice.delta or choice.message) for choice in choices):
        raise unreadable("UTF-8")
    return Chunk(choices, _usage(value.get("usage")), value if value.get("error") else None)


def _is_damaged(delta: ChoiceDelta | None) -> bool:
    """Whether the text holds what stands for bytes that are no UTF-8."""
    if delta is None:
        return False
    functions = [delta.function_call, *(call.function for call in delta.tool_calls or ())]
    texts = [delta.content, *(function.arguments for function in functions if function)]
    return any("\ufffd" in text for text in texts if text)


def _error(value: dict[str, Any]) -> Any:
    """A value without choices, if it tells an error; None: it does not."""
    told = any(isinstance(value.get(word), str | list) for word in _WORDS)
    return value if told or is_error(value) else None


def _items(value: Any, path: str) -> list[Any]:
    """The elements of a list, or the one that stands for a list; those that are null go."""
    if isinstance(value, dict):
        return [value]
    if not value:
        return []
    if not isinstance(value, list):
        raise unreadable(path)
    return [item for item in value if item]


def _choice(value: Any) -> Choice:
    if not isinstance(value, dict):
        raise unreadable("choices")
    reason = value.get("finish_reason")
    return Choice(
        index=_index(value.get("index")),
        delta=_delta(value.get("delta")),
        message=_delta(value.get("message")),
        finish_reason=str(reason) if reason else None,
        error=value.get("error"),
    )


def _delta(value: Any) -> ChoiceDelta | None:
    if not value:
        return None
    if isinstance(value, str):
        return ChoiceDelta(content=value)
    if not isinstance(value, dict):
        raise unreadable("choices.delta")
    parts = _items(_as_parts(value.get("content")), "choices.delta.content")
    thoughts = [part for part in parts if _is_thought(part)]
    texts = [_text(part) for part in parts if not _is_thought(part)]
    refusal = value.get("refusal")
    reasoned = [value.get(name) for name in _REASONING] + [thoughts]
    return ChoiceDelta(
        content="".join(texts),
        tool_calls=[
            _call(it) for it in _items(value.get("tool_calls"), "choices.delta.tool_calls")
        ],
        function_call=_function(value.get("function_call")),
        refusal=refusal if isinstance(refusal, str) else None,
        reasoning=next(filter(None, map(reasoning_in, reasoned)), None),
        reasoning_details=[True] if any(reasoned) else None,
    )


def _as_parts(content: Any) -> Any:
    return [content] if isinstance(content, str) else content


def _is_thought(part: Any) -> bool:
    return isinstance(part, dict) and (part.get("type") in _THOUGHTS or part.get("thought") is True)


def _text(part: Any) -> str:
    """The text of a part of the content: none, where it is of another kind."""
    text = part.get("text") if isinstance(part, dict) else part
    if isinstance(text, dict):
        text = text.get("value")
    if isinstance(text, str):
        return text
    if text is None:
        return ""
    raise unreadable("choices.delta.content")


def _call(value: Any) -> ToolCall:
    if not isinstance(value, dict):
        raise unreadable("choices.delta.tool_calls")
    name = value.get("id")
    return ToolCall(
        index=_index(value.get("index")),
        id=str(name) if name else None,
        function=_function(value.get("function")),
    )


def _function(value: Any) -> Function | None:
    if not value:
        return None
    if not isinstance(value, dict):
        raise unreadable("choices.delta.tool_calls.function")
    name, arguments = value.get("name"), value.get("arguments")
    if isinstance(arguments, dict | list):
        arguments = json.dumps(arguments, ensure_ascii=False)
    if arguments is not None and not isinstance(arguments, str):
        raise unreadable("choices.delta.tool_calls.function.arguments")
    return Function(name=name if isinstance(name, str) else None, arguments=arguments)


def _index(value: Any) -> int | None:
    """A number, or one in a string; None for anything else."""
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        return int(value) if len(value) < 10 else None
    return value if type(value) is int else None


def _usage(value: Any) -> CompletionUsage | None:
    if not isinstance(value, dict):
        return None
    return CompletionUsage(
        _count(value.get("prompt_tokens")),
        _count(value.get("completion_tokens")),
        _count(value.get("total_tokens")),
        PromptTokensDetails(**_counts(value.get("prompt_tokens_details"), PromptTokensDetails)),
        CompletionTokensDetails(
            **_counts(value.get("completion_tokens_details"), CompletionTokensDetails)
        ),
    )


def _counts(value: Any, of: type[msgspec.Struct]) -> dict[str, int | None]:
    """The counts that an object holds, by the names of a struct's fields."""
    found = value if isinstance(value, dict) else {}
    return {name: _count(found.get(name)) for name in of.__struct_fields__}


def _count(value: Any) -> int | None:
    """A count of tokens: a fraction is cut off; None for what is none."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number) if isfinite(number) else None
