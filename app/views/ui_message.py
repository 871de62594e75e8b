"""The `ui-message` view: the AI SDK's UI message stream, which its `useChat` reads.

https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol. The value is one `data-{schema}` part, sent
whole each time: a part of the same type and id takes the place of the one before.

    data: {"type":"start","messageId":…,"messageMetadata":{"stream":…,"schema":…,…}}
    data: {"type":"reasoning-start","id":…}                         where reasoning is wanted
    data: {"type":"reasoning-delta","id":…,"delta":…}
    data: {"type":"reasoning-end","id":…}
    data: {"type":"data-ideas","id":…,"data":[…]}                   zero or more
    data: {"type":"message-metadata","messageMetadata":{"restart":…}}
    data: {"type":"data-ideas","id":…,"data":[]}                    after a restart
    data: {"type":"finish","finishReason":"stop","messageMetadata":{"usage":…,"attempts":…}}
    data: [DONE]

`useChat` reads nothing after an `error`. So everything else about the error goes before it, into
the message's metadata.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from app.partial.node import Node, empty
from app.partial.value import dumps
from app.streams.log import Unread
from app.streams.log_entry import Done, Failed, Usage
from app.views.followed import Followed
from app.views.format import SSE_WITH_COMMENTS
from app.views.message import Message, about
from app.views.posted_body import PostedBody, with_topic
from app.views.span import ReasoningSpans
from app.views.summary import summarize

FORMAT: Final = replace(SSE_WITH_COMMENTS, headers={"x-vercel-ai-ui-message-stream": "v1"})
END: Final = "[DONE]"
CHUNK_JSON_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"type": {"type": "string", "pattern": "^[a-z]"}},
    "required": ["type"],
}
"""The JSON Schema of every `data` but the last, which is `END`."""

_TRANSPORT_KEYS: Final = frozenset({"id", "messages", "trigger", "messageId"})
_DONE: Final = Message(None, END.encode())
_FINISH_REASONS: Final = {"output_truncated": "length", "output_filtered": "content-filter"}


class UiMessageView:
    """Makes one part of all operations since the last. A restart undoes those before it.

    message_id: the id of the message in the chat; None takes the stream's id
    reasoning: whether the model's reasoning is sent, too
    """

    def __init__(
        self,
        request_id: str,
        plan: Node,
        message_id: str | None = None,
        *,
        reasoning: bool = False,
    ) -> None:
        self._request_id = request_id
        self._reasoning = reasoning
        self._spans = ReasoningSpans(
            open=lambda id: [_chunk("reasoning-start", id=id)],
            add=lambda id, text: _chunk("reasoning-delta", id=id, delta=text),
            close=lambda id: [_chunk("reasoning-end", id=id)],
        )
        self._empty = dumps(empty(plan))
        self._message_id = message_id
        self._usage: Usage | None = None

    def start(self, stream: Followed, position: int) -> list[Message]:
        id = self._message_id or stream.id
        return [_chunk("start", messageId=id, messageMetadata=about(stream, position))]

    def messages(self, stream: Followed, entries: Sequence[Unread], position: int) -> list[Message]:
        restart, operations, usage, end, reasoning = summarize(entries)
        self._usage = usage or self._usage
        out: list[Message] = []
        if restart is not None:
            out += self._spans.end()
            out.append(_metadata({"restart": restart.body}))
        if self._reasoning:
            out += self._spans.go_on(stream.id, reasoning)
        if operations or end is not None:
            out += self._spans.end()
        if operations:
            out.append(_part(stream, stream.document.encode()))
        elif restart is not None:
            out.append(_part(stream, self._empty))
        if isinstance(end, Done):
            out += self._finish()
        elif end is not None:
            out += self._fail(end)
        return out

    def _finish(self) -> list[Message]:
        usage = _usage_fields(self._usage)
        more = {"messageMetadata": usage} if usage else {}
        return [_chunk("finish", finishReason="stop", **more), _DONE]

    def _fail(self, end: Failed) -> list[Message]:
        error = end.body(self._request_id)
        text = error.pop("error")
        return [
            _metadata({"error": error, **_usage_fields(self._usage)}),
            _chunk("error", errorText=text),
            _chunk("finish", finishReason=_FINISH_REASONS.get(end.code, "error")),
            _DONE,
        ]


def from_use_chat(body: dict[str, Any]) -> PostedBody:
    """The parameters in what the AI SDK's `useChat` posts (its DefaultChatTransport).

    The user's last text is the topic. All keys but the transport's own are the other parameters.
    A body without `messages` is read as a plain body. Raises `InvalidRequest`.
    """
    if "messages" not in body:
        return PostedBody(body)
    parameters = {key: value for key, value in body.items() if key not in _TRANSPORT_KEYS}
    return PostedBody(with_topic(parameters, body["messages"], content="parts", beside=""))


def _chunk(type: str, **fields: Any) -> Message:
    return Message(None, dumps({"type": type, **fields}))


def _metadata(metadata: dict[str, Any]) -> Message:
    """A message that merges these fields into the metadata of the chat message."""
    return _chunk("message-metadata", messageMetadata=metadata)


def _part(stream: Followed, value: bytes) -> Message:
    head = dumps({"type": f"data-{stream.schema}", "id": stream.id})
    return Message(None, b'%b,"data":%b}' % (head[:-1], value))


def _usage_fields(usage: Usage | None) -> dict[str, Any]:
    """The tokens, as the AI SDK names them."""
    if usage is None:
        return {}
    tokens = {
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.input_tokens + usage.output_tokens,
    }
    return {"usage": tokens, **usage.asked}
