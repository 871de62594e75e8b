"""Reads a chat-completions request: the schema, the topic, and the form of the answer. Pure.

tools                        the schema is that of a function's parameters; the answer is a
                             tool call
response_format json_schema  the schema is in the format; the answer is the message's content
json_object, or neither      the schema may be in the system prompt, where Instructor's JSON
                             modes put it; for MD_JSON the answer is in a code fence
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

Message = dict[str, Any]

# Instructor's MD_JSON adds this to the user's message, or sends it as a message of its own.
FENCE_REQUEST: Final = re.compile(r"[^\n]*```json codeblock[^\n]*")
TOPIC: Final = re.compile(r"<topic>\n(.*?)\n</topic>", re.DOTALL)
NOTES: Final = re.compile(r"<notes>\n(.*?)\n</notes>", re.DOTALL)
HELD_ON: Final = re.compile(r"It was on \w+, (\d{4}-\d\d-\d\d)\.")
ELEMENTS: Final = re.compile(r"<elements>\n(.*?)\n</elements>", re.DOTALL)
PROMPT_SCHEMA: Final = re.compile(r"json_schema:\s*(?=\{)")

any_object: Final = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "summary": {"type": "string"},
        "points": {"type": "array", "items": {"type": "string", "minLength": 30}},
    },
    "required": ["title", "summary", "points"],
}


class BadRequest(ValueError):
    """The endpoint can't accept the request. Says what is wrong, and with which parameter."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRequest:
    """What is asked for.

    asked: its JSON
    system: the instructions
    seed: the same for the same messages and schema
    schema: the JSON Schema of the answer; None for plain text
    tool: the function to call; None for an answer in text
    fenced: whether the answer is to stand in a ```json block
    notes: a text to take the answer from; None if there is none
    held_on: the day of the meeting of which the notes are
    there: the elements of a list that are there already; the rest is asked for
    again: whether the messages hold an earlier answer, or a part of one
    usage: whether a stream is to end with its usage
    is_messages: whether it came by the messages API
    thinks: whether the model is to think first
    """

    model: str
    asked: dict[str, Any]
    system: str
    topic: str
    seed: str
    schema: object
    tool: str | None
    fenced: bool
    notes: str | None
    held_on: date | None
    there: list[Any]
    again: bool
    stream: bool
    usage: bool
    prompt_tokens: int
    is_messages: bool = False
    thinks: bool = False


def read_request(body: bytes) -> DemoRequest:
    """Read a request's body. Raises BadRequest."""
    return read(parsed(body))


def read(
    request: dict[str, Any], *, is_messages: bool = False, thinks: bool = False
) -> DemoRequest:
    """Read a request's JSON. Raises BadRequest."""
    messages = _messages(request)
    tool, schema, fenced = _wanted(request, messages)
    about = json.dumps([messages, schema], sort_keys=True)
    options = request.get("stream_options")
    there = find_elements(messages)
    notes, held_on = find_notes(messages)
    return DemoRequest(
        model=request["model"],
        asked=request,
        system="\n\n".join(_system(messages)),
        topic=find_topic(messages),
        seed=hashlib.sha256(about.encode()).hexdigest(),
        schema=schema,
        tool=tool,
        fenced=fenced,
        notes=notes,
        held_on=held_on,
        there=there,
        again=bool(there) or any(message.get("role") == "assistant" for message in messages),
        stream=bool(request.get("stream")),
        usage=isinstance(options, dict) and bool(options.get("include_usage")),
        prompt_tokens=max(1, len(about) // 4),
        is_messages=is_messages,
        thinks=thinks,
    )


def find_topic(messages: list[Message]) -> str:
    """The topic: the last one between delimiters, else the user's first message."""
    users = [_text(message) for message in messages if message.get("role") == "user"]
    for text in reversed(users):
        if found := TOPIC.findall(text):
            return html.unescape(found[-1])
    return FENCE_REQUEST.sub("", users[0]).strip() if users else ""


def find_notes(messages: list[Message]) -> tuple[str | None, date | None]:
    """The notes of a meeting between delimiters, and its day: None for what isn't there."""
    for text in (_text(message) for message in messages if message.get("role") == "user"):
        if found := NOTES.search(text):
            day = HELD_ON.search(text[: found.start()])
            return html.unescape(found[1]), _date(day[1]) if day else None
    return None, None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def find_elements(messages: list[Message]) -> list[Any]:
    """The elements of a list that the user's messages quote; empty if there are none."""
    for message in reversed(messages):
        if message.get("role") == "user" and (found := ELEMENTS.findall(_text(message))):
            try:
                elements = json.loads(html.unescape(found[-1]))
            except ValueError:
                continue
            return elements if isinstance(elements, list) else []
    return []


def parsed(body: bytes) -> dict[str, Any]:
    """The JSON of a request, which names a model. Raises BadRequest."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("We could not parse the JSON body of your request.") from None
    if not isinstance(request, dict):
        raise BadRequest("The body of your request must be a JSON object.")
    if not isinstance(request.get("model"), str):
        raise BadRequest("You must provide a model parameter.", "model")
    return request


def _messages(request: dict[str, Any]) -> list[Message]:
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("Missing required parameter: 'messages'.", "messages")
    if not all(isinstance(message, dict) for message in messages):
        raise BadRequest("Invalid type for 'messages': expected objects.", "messages")
    return messages


def _text(message: Message) -> str:
    """A message's content, which is a string or a list of parts."""
    content = message.get("content")
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n\n".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def _system(messages: list[Message]) -> list[str]:
    return [_text(m) for m in messages if m.get("role") in ("system", "developer")]


def _wanted(request: dict[str, Any], messages: list[Message]) -> tuple[str | None, object, bool]:
    """The tool, the schema, and whether the answer is fenced."""
    if function := _tool(request, messages):
        return str(function.get("name", "answer")), function.get("parameters", {}), False
    answer_format = object_in(request, "response_format")
    match answer_format.get("type"):
        case "json_schema":
            schema = object_in(answer_format, "json_schema").get("schema")
            if not isinstance(schema, dict):
                raise BadRequest("Missing 'response_format.json_schema.schema'.", "response_format")
            return None, schema, False
        case "json_object":
            return None, _prompt_schema(messages) or any_object, False
    users = (_text(message) for message in messages if message.get("role") == "user")
    return None, _prompt_schema(messages), any(FENCE_REQUEST.search(text) for text in users)


def _tool(request: dict[str, Any], messages: list[Message]) -> dict[str, Any] | None:
    """The function to call: the chosen one, else the first. None asks for text."""
    tools, choice = request.get("tools") or [], request.get("tool_choice", "auto")
    if not isinstance(tools, list):
        raise BadRequest("Invalid type for 'tools': expected an array.", "tools")
    given = [object_in(tool, "function") for tool in tools]
    functions = [function for function in given if function]
    answered = messages[-1].get("role") == "tool" and choice == "auto"
    if not functions or choice == "none" or answered:
        return None
    if not isinstance(choice, dict):
        return functions[0]
    name = object_in(choice, "function").get("name")
    for function in functions:
        if function.get("name") == name:
            return function
    raise BadRequest("Tool choice not found in 'tools'.", "tool_choice")


def object_in(holder: object, key: str) -> dict[str, Any]:
    """The object under a key, or an empty one."""
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, dict) else {}


def _prompt_schema(messages: list[Message]) -> object:
    """The last JSON Schema that a system message asks the answer to match, or None."""
    for text in reversed(_system(messages)):
        for found in reversed(list(PROMPT_SCHEMA.finditer(text))):
            try:
                return json.JSONDecoder().raw_decode(text, found.end())[0]
            except ValueError:
                continue
    return None
