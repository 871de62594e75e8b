"""Writes an answer as the messages API does, Anthropic's: in events, or whole. Pure.

https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from app.demo.chunks import MARK, Problem, to_json
from app.demo.reasoning import FORMS
from app.demo.request import DemoRequest

THOUGHT: Final = "The topic is clear, so a few good words are all that is needed."

_REASONS: Final = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}
"""The API's words for those of chat completions."""

_KINDS: Final = {
    "rate_limit_exceeded": "rate_limit_error",
    "server_error": "api_error",
    "invalid_api_key": "authentication_error",
    "model_not_found": "not_found_error",
}
FILTERED: Final[Problem] = {
    "error": {
        "message": "Output blocked by content filtering policy",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
}
"""What the API says in the place of an answer that its filter has stopped."""


def messages_problem(problem: Problem) -> dict[str, Any]:
    """A problem of chat completions as this API tells it."""
    error = problem["error"]
    kind = _KINDS.get(error["code"] or "", error["type"])
    return {"type": "error", "error": {"type": kind, "message": error["message"]}}


def _event(value: dict[str, Any]) -> bytes:
    return f"event: {value['type']}\n".encode() + b"data: " + to_json(value) + b"\n\n"


class MessagesWriter:
    """Writes one answer; a `Writer`."""

    keep_alive: Final = _event({"type": "ping"})

    def __init__(self, request: DemoRequest, created: int) -> None:
        self._request = request
        self._thinks = request.thinks or request.model in FORMS
        self._index = 1 if self._thinks else 0

    def head(self, *, refused: bool = False) -> bytes:
        """The events before the first token."""
        message = self._message([], None, 1)
        start = _event({"type": "message_start", "message": message}) + self.keep_alive
        thought = self._thought() if self._thinks else b""
        return start + thought + self._begin(self._index, self._block("", refused=refused))

    def answer(self, tokens: Sequence[str]) -> list[bytes]:
        """An event for each token of the answer."""
        if self._request.tool is None:
            return self._each(tokens, "text_delta", "text")
        return self._each(tokens, "input_json_delta", "partial_json")

    def refusal(self, tokens: Sequence[str]) -> list[bytes]:
        """An event for each token of a refusal."""
        return self._each(tokens, "text_delta", "text")

    def end(self, reason: str, written: int, *, refused: bool = False) -> bytes:
        """The events after the last token."""
        if reason == "content_filter":
            return self.failure(FILTERED)
        word = "refusal" if refused else _REASONS[reason]
        delta = {"stop_reason": word, "stop_sequence": None}
        usage = {"output_tokens": written}
        return (
            _event({"type": "content_block_stop", "index": self._index})
            + _event({"type": "message_delta", "delta": delta, "usage": usage})
            + _event({"type": "message_stop"})
        )

    def failure(self, problem: Problem) -> bytes:
        """The event of an error."""
        return _event(messages_problem(problem))

    def whole(self, written: Sequence[str], reason: str, *, refused: bool) -> bytes:
        """The whole answer of a call that doesn't stream."""
        if reason == "content_filter":
            return self.whole_failure(FILTERED)
        block = self._block("".join(written), refused=refused)
        thought = {"type": "thinking", "thinking": THOUGHT, "signature": self._request.seed}
        content = [thought, block] if self._thinks else [block]
        word = "refusal" if refused else _REASONS[reason]
        return to_json(self._message(content, word, len(written)))

    def whole_failure(self, problem: Problem) -> bytes:
        """An error in the place of the whole answer."""
        return to_json(messages_problem(problem))

    def _message(self, content: list[Any], reason: str | None, written: int) -> dict[str, Any]:
        usage = {"input_tokens": self._request.prompt_tokens, "output_tokens": written}
        return {
            "id": f"msg_{self._request.seed[:24]}",
            "type": "message",
            "role": "assistant",
            "model": self._request.model,
            "content": content,
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": usage | {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0},
        }

    def _block(self, text: str, *, refused: bool) -> dict[str, Any]:
        """A block with this text, which may be empty yet."""
        if refused or self._request.tool is None:
            return {"type": "text", "text": text}
        value = json.loads(text) if text else {}
        name = self._request.tool
        return {"type": "tool_use", "id": f"toolu_{self._request.seed[:24]}", "name": name} | {
            "input": value
        }

    def _begin(self, index: int, block: dict[str, Any]) -> bytes:
        return _event({"type": "content_block_start", "index": index, "content_block": block})

    def _thought(self) -> bytes:
        signature = {"type": "signature_delta", "signature": self._request.seed}
        return (
            self._begin(0, {"type": "thinking", "thinking": "", "signature": ""})
            + self._delta(0, {"type": "thinking_delta", "thinking": THOUGHT})
            + self._delta(0, signature)
            + _event({"type": "content_block_stop", "index": 0})
        )

    def _delta(self, index: int, delta: dict[str, Any]) -> bytes:
        return _event({"type": "content_block_delta", "index": index, "delta": delta})

    def _each(self, tokens: Sequence[str], kind: str, field: str) -> list[bytes]:
        # Events differ in their token only, so the rest of the JSON is made once.
        event = self._delta(self._index, {"type": kind, field: MARK})
        before, after = event.split(to_json(MARK))
        return [before + to_json(token) + after for token in tokens]
