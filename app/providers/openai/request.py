"""The JSON of a request for a chat completion.

Instructor makes what a mode adds to a request. It is made once for each response model, and each
call adds its messages and its bound.
https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from instructor import Mode
from instructor import Provider as InstructorProvider
from pydantic import BaseModel

from app.providers.base import CompletionRequest
from app.providers.handlers import described, handlers
from app.providers.model_settings import Dialect, ModelSettings
from app.providers.openai.way import AskedMode, Way, first_way

JsonObject = dict[str, Any]

DIALECTS: Final[tuple[Dialect, ...]] = ("full", "strict", "inline", "plain")


@dataclass(frozen=True, slots=True)
class Template:
    """What a mode adds to each request for the same response model.

    fields: of the request
    system, user: what is appended to the first and to the last message
    """

    fields: JsonObject
    system: str = ""
    user: str = ""


def body(settings: ModelSettings, way: Way, request: CompletionRequest) -> JsonObject:
    """The JSON of a request that asks in this way. The messages are left as they are."""
    template = template_of(request.response_model, way.mode, way.dialect)
    made: JsonObject = {
        "model": settings.model,
        "messages": _appended(request.messages, template),
        "stream": True,
        **template.fields,
    }
    if way.stream_options:
        made["stream_options"] = {"include_usage": True}
    if request.max_tokens is not None and way.tokens_fields:
        made[way.tokens_fields[0]] = request.max_tokens
    if way.mode == "tools":
        made |= _of_tools(way)
        if way.tool_choice == "auto":  # what a provider does by itself
            del made["tool_choice"]
    return made


def prepare(settings: ModelSettings, response_model: type[BaseModel]) -> None:
    """Make what each way adds to a request, and keep it.

    Raises whatever is wrong with the response model.
    """
    if settings.mode != "auto":
        way = first_way(settings)
        template_of(response_model, way.mode, way.dialect)
        return
    for dialect in DIALECTS:
        template_of(response_model, "tools", dialect)
        template_of(response_model, "json_schema", dialect)
    template_of(response_model, "json", "full")
    template_of(response_model, "md_json", "full")


@cache
def template_of(model: type[BaseModel], mode: AskedMode, dialect: Dialect) -> Template:
    """What the mode adds to a request for this model. In a prompt, the schema is a text."""
    empty = {"messages": [{"role": "system", "content": ""}, {"role": "user", "content": ""}]}
    handler = handlers(InstructorProvider.OPENAI, Mode[mode.upper()]).request_handler
    made: JsonObject = handler(described(model), empty)[1]
    system, user = (message["content"] for message in made.pop("messages"))
    return Template(_in_dialect(made, mode, dialect), system, user)


def _in_dialect(fields: JsonObject, mode: AskedMode, dialect: Dialect) -> JsonObject:
    if mode == "tools":
        (tool,) = fields["tools"]
        function = tool["function"] | _asked_as(tool["function"], "parameters", dialect)
        return fields | {"tools": [tool | {"function": function}]}
    if mode == "json_schema":
        asked = fields["response_format"]["json_schema"]
        asked = asked | _asked_as(asked, "schema", dialect)
        return {"response_format": fields["response_format"] | {"json_schema": asked}}
    return fields


def _asked_as(holder: Mapping[str, Any], key: str, dialect: Dialect) -> JsonObject:
    """The schema under a key in its dialect, and whether the provider is to enforce it."""
    made: JsonObject = {key: in_dialect(holder[key], dialect)}
    return made | {"strict": True} if dialect == "strict" else made


def in_dialect(schema: JsonObject, dialect: Dialect) -> JsonObject:
    """A JSON Schema in a dialect."""
    return schema


def _of_tools(way: Way) -> JsonObject:
    made: JsonObject = {"parallel_tool_calls": False} if way.parallel_tool_calls else {}
    return made | {"tool_choice": "required"} if way.tool_choice == "required" else made


def _appended(messages: list[JsonObject], template: Template) -> list[JsonObject]:
    """The messages with what the template adds to the first and to the last of them."""
    made = list(messages)
    if template.system:
        made[0] = made[0] | {"content": made[0]["content"] + template.system}
    if template.user:
        made[-1] = made[-1] | {"content": made[-1]["content"] + template.user}
    return made
