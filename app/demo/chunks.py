"""Writes an answer as the chat-completions API does: in chunks, or whole. Pure.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from app.demo.request import DemoRequest

DONE: Final = b"data: [DONE]\n\n"
MARK: Final = "\N{INFORMATION SEPARATOR ONE}"

Delta = dict[str, Any]
Problem = dict[str, dict[str, Any]]


def to_json(value: object) -> bytes:
    """Compact JSON in UTF-8. Half a surrogate pair becomes a question mark."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def event(value: object) -> bytes:
    """One server-sent event."""
    return b"data: " + to_json(value) + b"\n\n"


def usage(request: DemoRequest, written: int) -> dict[str, int]:
    """The tokens of a request and of its answer."""
    asked = request.prompt_tokens
    return {
        "prompt_tokens": asked,
        "completion_tokens": written,
        "total_tokens": asked + written,
    }


def problem(message: str, kind: str, code: str | None, param: str | None = None) -> Problem:
    """An error object."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


class ChunkWriter:
    """Writes one answer; a `Writer`."""

    keep_alive: Final = b": keep-alive\n\n"

    def __init__(self, request: DemoRequest, created: int) -> None:
        self._request = request
        self._created = created
        self._base = {
            "id": f"chatcmpl-{request.seed[:24]}",
            "object": "chat.completion.chunk",
            "created": created,
            "model": request.model,
            "system_fingerprint": "fp_demo",
        }

    def head(self, *, refused: bool = False) -> bytes:
        """The chunks before the first token: the role, and the head of a tool call."""
        return self.role() if refused else self.role() + self.call()

    def call(self) -> bytes:
        """The head of a tool call, if the answer is one."""
        if self._request.tool is None:
            return b""
        call = {"index": 0, **_call(self._request, "")}
        return self.chunk({"tool_calls": [call]})

    def role(self) -> bytes:
        """The first chunk, which has no content."""
        return self.chunk({"role": "assistant"})

    def answer(self, tokens: Sequence[str]) -> list[bytes]:
        """A chunk for each token of the answer."""
        if self._request.tool is None:
            return self._each(tokens, lambda text: {"content": text})
        return self._each(
            tokens, lambda text: {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}
        )

    def reasoning(self, tokens: Sequence[str], form: Callable[[str], Delta]) -> list[bytes]:
        """A chunk for each token of what the model reasons, in a provider's form."""
        return [self.chunk(form(token)) for token in tokens]

    def refusal(self, tokens: Sequence[str]) -> list[bytes]:
        """A chunk for each token of a refusal."""
        return self._each(tokens, lambda text: {"refusal": text})

    def end(self, reason: str, written: int, *, refused: bool = False) -> bytes:
        """The finish reason, the usage if the request wants it, and the end of the stream."""
        last = self.chunk({}, reason)
        if self._request.usage:
            counted = usage(self._request, written)
            last += event({**self._base, "choices": [], "usage": counted})
        return last + DONE

    def failure(self, problem: Problem) -> bytes:
        """The event of an error."""
        return event(problem)

    def whole(self, written: Sequence[str], reason: str, *, refused: bool) -> bytes:
        """The whole answer of a call that doesn't stream."""
        return to_json(_completion(self._request, written, self._created, reason, refused=refused))

    def whole_failure(self, problem: Problem) -> bytes:
        """An error in the place of the whole answer."""
        return to_json(problem)

    def chunk(self, delta: Delta, reason: str | None = None) -> bytes:
        """One chunk."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return event({**self._base, "choices": [choice]})

    def _each(self, tokens: Sequence[str], delta: Callable[[str], Delta]) -> list[bytes]:
        # Chunks differ in their token only, so the rest of the JSON is made once.
        before, after = self.chunk(delta(MARK)).split(to_json(MARK))
        return [before + to_json(token) + after for token in tokens]


def _completion(
    request: DemoRequest, written: Sequence[str], created: int, reason: str, *, refused: bool
) -> dict[str, Any]:
    text = "".join(written)
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    if refused:
        message["refusal"] = text
    elif request.tool is None:
        message["content"] = text
    else:
        message["tool_calls"] = [_call(request, text)]
    return {
        "id": f"chatcmpl-{request.seed[:24]}",
        "object": "chat.completion",
        "created": created,
        "model": request.model,
        "system_fingerprint": "fp_demo",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
        "usage": usage(request, len(written)),
    }


def _call(request: DemoRequest, arguments: str) -> dict[str, Any]:
    function = {"name": request.tool, "arguments": arguments}
    return {"id": f"call_{request.seed[:24]}", "type": "function", "function": function}
