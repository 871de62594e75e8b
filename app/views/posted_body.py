"""The body that a front end posts, read as a schema's parameters.

The code for one front end alone is in the file of its view.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from app.errors import InvalidRequest


class PostedBody(NamedTuple):
    """What was read of a body: a schema's parameters, and the ids that the view sends back."""

    parameters: dict[str, Any]
    ids: Mapping[str, str] = {}


def with_topic(
    parameters: dict[str, Any], messages: Any, *, content: str, beside: str
) -> dict[str, Any]:
    """Add the topic, which is the user's last text, to the parameters.

    messages: what the body has under `/messages`
    content: the key of a message that holds its text or its parts
    beside: a JSON Pointer to the place of the parameters in the body

    If there is no text of the user, the topic may be one of the parameters.
    Raises `InvalidRequest`.
    """
    topic = next(_user_texts(list_at(messages, "/messages"), content), None)
    if topic is None:
        if "topic" not in parameters:
            raise _invalid("/messages", "must hold a text of the user's")
        return parameters
    if "topic" in parameters:
        raise _invalid(f"{beside}/topic", "is what the user's last message says")
    return {"topic": topic, **parameters}


def _user_texts(messages: list[Any], content: str) -> Iterator[str]:
    """The texts of the user's messages, in reverse order."""
    for index in reversed(range(len(messages))):
        at = f"/messages/{index}"
        message = object_at(messages[index], at)
        if message.get("role") == "user":
            text = _text(message.get(content), f"{at}/{content}", plain=content == "content")
            if text is not None:
                yield text


def _text(content: Any, at: str, *, plain: bool) -> str | None:
    """The text of a message's parts; None if there is none.

    plain: whether the content may also be a string
    """
    if plain and isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise _invalid(at, "must be a string or a list" if plain else "must be a list")
    texts: list[str] = []
    for index, part in enumerate(content):
        part = object_at(part, f"{at}/{index}")
        if part.get("type") == "text":
            texts.append(string_at(part.get("text"), f"{at}/{index}/text"))
    return "\n".join(texts) if texts else None


def string_at(value: Any, at: str) -> str:
    """The value, if it has the type of this function's name. Raises `InvalidRequest` for `at`."""
    if not isinstance(value, str):
        raise _invalid(at, "must be a string")
    return value


def list_at(value: Any, at: str) -> list[Any]:
    """The value, if it has the type of this function's name. Raises `InvalidRequest` for `at`."""
    if not isinstance(value, list):
        raise _invalid(at, "must be a list")
    return value


def object_at(value: Any, at: str) -> dict[str, Any]:
    """The value, if it has the type of this function's name. Raises `InvalidRequest` for `at`."""
    if not isinstance(value, dict):
        raise _invalid(at, "must be an object")
    return value


def _invalid(at: str, message: str) -> InvalidRequest:
    return InvalidRequest("The body is not valid.", errors=[{"path": at, "message": message}])
