"""The bodies that other front ends post, as a schema's parameters.

A body in which nothing of the front end's own is found is the plain one, and stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from app.errors import InvalidRequest

_USE_CHAT = frozenset({"id", "messages", "trigger", "messageId"})
_RUN_AGENT_INPUT = frozenset({"threadId", "runId", "messages", "forwardedProps"})


def from_use_chat(body: dict[str, Any]) -> dict[str, Any]:
    """The parameters in what the AI SDK's `useChat` posts (its DefaultChatTransport).

    The last text of the user's is the topic; what is beside the transport's own keys are the
    schema's parameters. Raises `InvalidRequest`.
    """
    if "messages" not in body:
        return body
    parameters = {key: value for key, value in body.items() if key not in _USE_CHAT}
    return _with_topic(parameters, body["messages"], content="parts", beside="")


def from_run_agent_input(body: dict[str, Any]) -> tuple[dict[str, Any], str, str]:
    """The parameters, thread id and run id in an AG-UI `RunAgentInput`; missing ids are made.

    The last text of the user's is the topic; the other parameters are in `forwardedProps`.
    Raises `InvalidRequest`.
    """
    if _RUN_AGENT_INPUT.isdisjoint(body):
        return body, str(uuid4()), str(uuid4())
    thread_id, run_id = _id(body, "threadId"), _id(body, "runId")
    given = body.get("forwardedProps")
    parameters = {} if given is None else _object(given, "/forwardedProps")
    messages = body.get("messages", [])
    parameters = _with_topic(parameters, messages, content="content", beside="/forwardedProps")
    return parameters, thread_id, run_id


def _with_topic(
    parameters: dict[str, Any], messages: Any, *, content: str, beside: str
) -> dict[str, Any]:
    """The parameters, whose topic is the last text of the user's, or else was given as one."""
    topic = next(_user_texts(_list(messages, "/messages"), content), None)
    if topic is None:
        if "topic" not in parameters:
            raise _invalid("/messages", "must hold a text of the user's")
        return parameters
    if "topic" in parameters:
        raise _invalid(f"{beside}/topic", "is what the user's last message says")
    return {"topic": topic, **parameters}


def _user_texts(messages: list[Any], content: str) -> Iterator[str]:
    """The texts of the user's messages, the last one first."""
    for index in reversed(range(len(messages))):
        at = f"/messages/{index}"
        message = _object(messages[index], at)
        if message.get("role") == "user":
            text = _text(message.get(content), f"{at}/{content}", plain=content == "content")
            if text is not None:
                yield text


def _text(content: Any, at: str, *, plain: bool) -> str | None:
    """The text of a message's parts, None where there is none.

    plain: whether the content may also be a string
    """
    if plain and isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise _invalid(at, "must be a string or a list" if plain else "must be a list")
    texts: list[str] = []
    for index, part in enumerate(content):
        part = _object(part, f"{at}/{index}")
        if part.get("type") == "text":
            texts.append(_string(part.get("text"), f"{at}/{index}/text"))
    return "\n".join(texts) if texts else None


def _id(body: dict[str, Any], key: str) -> str:
    given = body.get(key)
    return str(uuid4()) if given is None else _string(given, f"/{key}")


def _string(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise _invalid(at, "must be a string")
    return value


def _list(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise _invalid(at, "must be a list")
    return value


def _object(value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid(at, "must be an object")
    return value


def _invalid(at: str, message: str) -> InvalidRequest:
    return InvalidRequest("The body is not valid.", errors=[{"path": at, "message": message}])
