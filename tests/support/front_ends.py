"""What the clients of other front ends post."""

from __future__ import annotations

from typing import Any


def said(text: str, *, role: str = "user") -> dict[str, Any]:
    """A message of `useChat`'s."""
    return {"id": "m", "role": role, "parts": [{"type": "text", "text": text}]}


def posted(*messages: Any, **parameters: Any) -> dict[str, Any]:
    """What `useChat` posts."""
    own = {"id": "c1", "messages": [*messages], "trigger": "submit-message", "messageId": None}
    return {**own, **parameters}


def run_agent_input(*messages: Any, **fields: Any) -> dict[str, Any]:
    """What `HttpAgent` posts."""
    own = {"threadId": "t1", "runId": "u1", "protocolVersion": "1.0", "messages": [*messages]}
    return {**own, "state": {}, "tools": [], "context": [], "forwardedProps": {}, **fields}
