"""Reads a request of the messages API, Anthropic's, as one for a chat completion. Pure.

tools                        the schema is that of a tool's input; the answer is a call of it
output_config.format         the schema is in the format; the answer is text
neither                      the schema may be in the system prompt, where Instructor's JSON mode
                             puts it

https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

from typing import Any

from app.demo.request import BadRequest, DemoRequest, Message, object_in, parsed, read


def read_messages_request(body: bytes) -> DemoRequest:
    """Read a request's body. Raises BadRequest."""
    request = parsed(body)
    if not isinstance(request.get("max_tokens"), int):
        raise BadRequest("max_tokens: Field required", "max_tokens")
    return read(_as_chat(request), is_messages=True, thinks=_thinks(request))


def _thinks(request: dict[str, Any]) -> bool:
    return object_in(request, "thinking").get("type") in ("enabled", "adaptive")


def _as_chat(request: dict[str, Any]) -> dict[str, Any]:
    """The request as it would be for a chat completion."""
    chat = {
        "model": request["model"],
        "messages": _messages(request),
        "stream": request.get("stream"),
    }
    asked_format = object_in(object_in(request, "output_config"), "format")
    if asked_format:
        chat["response_format"] = {"type": "json_schema", "json_schema": asked_format}
    return chat | _tools(request)


def _messages(request: dict[str, Any]) -> Any:
    messages = request.get("messages")
    if not isinstance(messages, list):
        return messages
    if any(isinstance(it, dict) and it.get("role") == "system" for it in messages):
        raise BadRequest('messages: Unexpected role "system".', "messages")
    system: Message = {"role": "system", "content": request.get("system")}
    return [system, *messages] if messages else []


def _tools(request: dict[str, Any]) -> dict[str, Any]:
    tools = request.get("tools")
    if not isinstance(tools, list):
        return {"tools": tools} if tools else {}
    functions = [
        {"name": tool.get("name"), "parameters": tool.get("input_schema", {})}
        for tool in tools
        if isinstance(tool, dict)
    ]
    choice = object_in(request, "tool_choice")
    named = {"type": "function", "function": {"name": choice.get("name")}}
    words: dict[Any, Any] = {"tool": named, "any": "required", "none": "none"}
    return {
        "tools": [{"type": "function", "function": function} for function in functions],
        "tool_choice": words.get(choice.get("type"), "auto"),
    }
