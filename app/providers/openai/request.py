"""The JSON of a request for a chat completion.

https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from instructor import Mode
from instructor import Provider as InstructorProvider

from app.providers.asking.requests import JsonObject, Requests, Template
from app.providers.asking.way import Way, settings_for
from app.providers.base import CompletionRequest
from app.providers.handlers import described, handlers
from app.providers.options import merged
from app.schemas.asked_model import AskedModel


class OpenAIRequests(Requests):
    """Requests for chat completions."""

    def body(self, way: Way, request: CompletionRequest) -> JsonObject:
        """The JSON of a request, as `Requests` says."""
        template = self.template(way, request.response_model)
        made: JsonObject = {
            "model": self.settings.model,
            "messages": _appended(request.messages, template),
            "stream": True,
            **template.fields,
        }
        if way.stream_options:
            made["stream_options"] = {"include_usage": True}
        if request.max_tokens is not None and way.tokens_fields:
            made[way.tokens_fields[0]] = request.max_tokens
        if way.mode == "tools":
            made = _with_choice(made, way)
        return merged(merged(made, self.settings.options), request.options)

    def settings_for(self, way: Way) -> str:
        """The variables of the environment for a way."""
        return settings_for(way)

    def _make(self, asked: AskedModel, way: Way) -> Template:
        empty: JsonObject = {
            "messages": [{"role": "system", "content": ""}, {"role": "user", "content": ""}]
        }
        handler = handlers(InstructorProvider.OPENAI, Mode[way.mode.upper()]).request_handler
        made: JsonObject = handler(described(asked), empty)[1]
        system, user = (message["content"] for message in made.pop("messages"))
        return Template(_enforced(made) if way.dialect == "strict" else made, system, user)


def _enforced(fields: JsonObject) -> JsonObject:
    """The fields with the wish that the provider holds the model to the schema."""
    if "tools" in fields:
        (tool,) = fields["tools"]
        return fields | {"tools": [tool | {"function": tool["function"] | {"strict": True}}]}
    asked = fields["response_format"]["json_schema"] | {"strict": True}
    return {"response_format": fields["response_format"] | {"json_schema": asked}}


def _with_choice(made: JsonObject, way: Way) -> JsonObject:
    """A request with tools that says how freely the model may call them."""
    if way.parallel_tool_calls:
        made = made | {"parallel_tool_calls": False}
    if way.tool_choice == "named":
        return made
    if way.tool_choice == "required":
        return made | {"tool_choice": "required"}
    return {key: value for key, value in made.items() if key != "tool_choice"}


def _appended(messages: list[JsonObject], template: Template) -> list[JsonObject]:
    """The messages with what the template adds to the first and to the last of them."""
    made = list(messages)
    if template.system:
        made[0] = made[0] | {"content": made[0]["content"] + template.system}
    if template.user:
        made[-1] = made[-1] | {"content": made[-1]["content"] + template.user}
    return made
