"""What Anthropic says, event by event.

https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def told(type: str, **fields: Any) -> bytes:
    """An event."""
    return f"event: {type}\ndata: {json.dumps({'type': type, **fields})}\n\n".encode()


def start(**usage: Any) -> bytes:
    """The beginning of a message, with these counts."""
    counts = usage or {"input_tokens": 7, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude"}
    more = {"content": [], "stop_reason": None, "stop_sequence": None, "usage": counts}
    return told("message_start", message=message | more)


def begin(index: int, type: str, **fields: Any) -> bytes:
    """The beginning of a block."""
    return told("content_block_start", index=index, content_block={"type": type, **fields})


def delta(index: int, type: str, **fields: Any) -> bytes:
    """A delta of a block."""
    return told("content_block_delta", index=index, delta={"type": type, **fields})


def stop(index: int) -> bytes:
    """The end of a block."""
    return told("content_block_stop", index=index)


def text(piece: str, index: int = 0) -> bytes:
    """A piece of text."""
    return delta(index, "text_delta", text=piece)


def arguments(piece: str, index: int = 0) -> bytes:
    """A piece of a tool's input."""
    return delta(index, "input_json_delta", partial_json=piece)


def said(pieces: Iterable[str], index: int = 0) -> bytes:
    """A block of text."""
    return begin(index, "text", text="") + b"".join(text(it, index) for it in pieces) + stop(index)


def called(pieces: Iterable[str], index: int = 0) -> bytes:
    """A block that is a call of a tool."""
    head = begin(index, "tool_use", id=f"toolu_{index}", name="Ideas", input={})
    return (
        head + arguments("", index) + b"".join(arguments(it, index) for it in pieces) + stop(index)
    )


def thought(text: str, index: int = 0) -> bytes:
    """A block of thinking."""
    return (
        begin(index, "thinking", thinking="", signature="")
        + delta(index, "thinking_delta", thinking=text)
        + delta(index, "signature_delta", signature="EqQBCgIYAhIM")
        + stop(index)
    )


def end(reason: str | None = "end_turn", **usage: Any) -> bytes:
    """The end of a message: the stop reason, these counts, and that nothing follows."""
    counts = usage or {"output_tokens": 9}
    changed = {"stop_reason": reason, "stop_sequence": None}
    return told("message_delta", delta=changed, usage=counts) + told("message_stop")


def failed(type: str) -> bytes:
    """The event of an error."""
    return told("error", error={"type": type, "message": "sk-canary said"}, request_id="req_1")
