"""The `ag-ui` view: the events of the Agent-User Interaction Protocol, which `HttpAgent` reads.

https://docs.ag-ui.com/concepts/events. The value is the agent's state.

    data: {"type":"RUN_STARTED","threadId":…,"runId":…,"protocolVersion":"1.0","metadata":…}
    data: {"type":"REASONING_MESSAGE_CONTENT","messageId":…,"delta":…}    where it is wanted
    data: {"type":"STATE_SNAPSHOT","snapshot":[]}                   first, and after a restart
    data: {"type":"STATE_DELTA","delta":[{"op":"add",…},…]}         zero or more
    data: {"type":"RUN_FINISHED","threadId":…,"runId":…,"result":[…],"usage":[…]}

or `RUN_ERROR` at the end. Patches are strict RFC 6902, so a string that grows is replaced as a
whole. Clients drop fields that the protocol doesn't name, so the service's own are in `metadata`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final
from uuid import uuid4

from app.partial.block import member
from app.partial.growing import Growing
from app.partial.merge import merge
from app.partial.node import Node, empty
from app.partial.operation import Append, Operation, Path, Replace
from app.partial.value import dumps
from app.streams.log import Skipped, Unread
from app.streams.log_entry import Done, Failed, Restart, Usage
from app.views.followed import Followed
from app.views.format import SSE_WITH_COMMENTS
from app.views.message import Message, about
from app.views.patch import Pointers, are_known, written
from app.views.posted_body import PostedBody, object_at, string_at, with_topic
from app.views.span import ReasoningSpans
from app.views.summary import summarize

FORMAT: Final = SSE_WITH_COMMENTS
PROTOCOL_VERSION: Final = "1.0"
EVENT_JSON_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"type": {"type": "string", "pattern": "^[A-Z]"}},
    "required": ["type"],
}
"""The JSON Schema of every `data`."""

_INPUT_KEYS: Final = frozenset({"threadId", "runId", "messages", "forwardedProps"})


class AgUiView:
    """Merges all operations since its last message into one change of the state.

    thread_id, run_id: the caller's ids of the conversation and of this answer; None makes new
        ones
    reasoning: whether the model's reasoning is sent, too
    """

    def __init__(
        self,
        request_id: str,
        plan: Node,
        thread_id: str | None = None,
        run_id: str | None = None,
        *,
        reasoning: bool = False,
    ) -> None:
        self._request_id = request_id
        self._reasoning = reasoning
        self._spans = ReasoningSpans(open=_open_span, add=_add_to_span, close=_close_span)
        self._empty = dumps(empty(plan))
        self._ids = {"threadId": thread_id or str(uuid4()), "runId": run_id or str(uuid4())}
        self._shown = False  # whether the client has a state that a delta may change
        self._usage: Usage | None = None

    def start(self, stream: Followed, position: int) -> list[Message]:
        known = {"protocolVersion": PROTOCOL_VERSION, "metadata": about(stream, position)}
        return [_event("RUN_STARTED", **self._ids, **known)]

    def messages(self, stream: Followed, entries: Sequence[Unread], position: int) -> list[Message]:
        restart, operations, usage, end, reasoning = summarize(entries)
        self._usage = usage or self._usage
        out: list[Message] = []
        if restart is not None:
            out += self._spans.end()
        if self._reasoning:
            out += self._spans.go_on(stream.id, reasoning)
        if operations or end is not None:
            out += self._spans.end()
        if restart is not None:
            out.append(_snapshot(stream.document.encode() if operations else self._empty, restart))
        elif operations:
            out.append(self._change(stream, operations))
        self._shown = self._shown or restart is not None or bool(operations)
        if isinstance(end, Done):
            out.append(self._finished(stream))
        elif end is not None:
            out.append(self._error(stream, end))
        return out

    def _change(self, stream: Followed, operations: list[Operation | Skipped]) -> Message:
        if self._shown and are_known(operations):
            merged = merge(operations)
            if not any(_is_refused(operation.path) for operation in merged):
                delta = patch(merged, stream.document.value)
                return Message(None, _with({"type": "STATE_DELTA"}, "delta", delta))
        return _snapshot(stream.document.encode())

    def _finished(self, stream: Followed) -> Message:
        head = {"type": "RUN_FINISHED", **self._ids, **_usage_fields(stream, self._usage)}
        result = stream.document.encode()
        if result == b"null":  # the protocol allows no null here
            return Message(None, dumps(head))
        return Message(None, _with(head, "result", result))

    def _error(self, stream: Followed, end: Failed) -> Message:
        error = end.body(self._request_id)
        message, code = error.pop("error"), error.pop("code")
        usage = _usage_fields(stream, self._usage)
        metadata = error | usage.pop("metadata", {})
        return _event("RUN_ERROR", message=message, code=code, metadata=metadata, **usage)


def from_run_agent_input(body: dict[str, Any]) -> PostedBody:
    """The parameters in an AG-UI `RunAgentInput`, with its ids if it has any.

    The user's last text is the topic. The other parameters are in `forwardedProps`. A body with
    none of the keys of `RunAgentInput` is read as a plain body. Raises `InvalidRequest`.
    """
    if _INPUT_KEYS.isdisjoint(body):
        return PostedBody(body)
    ids = {
        name: string_at(body[key], f"/{key}")
        for name, key in (("thread_id", "threadId"), ("run_id", "runId"))
        if body.get(key) is not None
    }
    given = body.get("forwardedProps")
    parameters = {} if given is None else object_at(given, "/forwardedProps")
    messages = body.get("messages", [])
    found = with_topic(parameters, messages, content="content", beside="/forwardedProps")
    return PostedBody(found, ids)


def patch(merged: Iterable[Operation], value: Any) -> bytes:
    """Operations as RFC 6902 writes them.

    value: the state that they lead to
    """
    out: list[bytes] = []
    pointers = Pointers()
    for operation in merged:
        if isinstance(operation, Append):
            text = _at(value, operation.path)
            if not isinstance(text, str | Growing):  # a later operation replaces its container
                continue
            operation = Replace(operation.path, text)
        out.append(written(operation, pointers))
    return b"[%b]" % b",".join(out)


def _at(value: Any, path: Path) -> Any:
    """The value at a path; None where there is nothing."""
    for step in path:
        try:
            value = member(value, step)
        except (LookupError, TypeError):
            return None
    return value


def _is_refused(path: Path) -> bool:
    """Whether fast-json-patch, the client's library, refuses a path: it could be a prototype's."""
    return "__proto__" in path or ("constructor", "prototype") in pairwise(path)


def _open_span(id: str) -> list[Message]:
    return [
        _event("REASONING_START", messageId=id),
        _event("REASONING_MESSAGE_START", messageId=id, role="reasoning"),
    ]


def _add_to_span(id: str, text: str) -> Message:
    return _event("REASONING_MESSAGE_CONTENT", messageId=id, delta=text)


def _close_span(id: str) -> list[Message]:
    return [_event(f"REASONING_{what}END", messageId=id) for what in ("MESSAGE_", "")]


def _event(type: str, **fields: Any) -> Message:
    return Message(None, dumps({"type": type, **fields}))


def _snapshot(value: bytes, restart: Restart | None = None) -> Message:
    head: dict[str, Any] = {"type": "STATE_SNAPSHOT"}
    if restart is not None:
        head["metadata"] = {"restart": restart.body}
    return Message(None, _with(head, "snapshot", value))


def _with(head: dict[str, Any], key: str, value: bytes) -> bytes:
    """The JSON of an object with one more member, whose value is JSON already."""
    return b'%b,"%b":%b}' % (dumps(head)[:-1], key.encode(), value)


def _usage_fields(stream: Followed, usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {}
    tokens = {
        "model": stream.model,
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.input_tokens + usage.output_tokens,
    }
    return {"usage": [tokens], "metadata": usage.asked}
