"""The JSON of a request for a message.

Instructor makes what the modes `tools` and `json` add. Its handler for structured outputs asks
for a beta of them that is over, and needs Anthropic's SDK; so `json_schema` is made here.
https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from instructor import Mode
from instructor import Provider as InstructorProvider

from app.providers.asking.requests import IN_PROMPT, JsonObject, Requests, Template
from app.providers.asking.way import Way
from app.providers.base import CompletionRequest
from app.providers.handlers import described, handlers
from app.providers.options import merged
from app.schemas import in_words
from app.schemas.asked_model import AskedModel
from app.schemas.subschemas import Json, mapped

DEFAULT_MAX_TOKENS: Final = 8192
"""What is sent where neither the schema nor the options bound the tokens: the API wants a bound."""

_BOUNDS: Final = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "maxItems"}
)
"""Keywords that the dialect `strict` has and the API refuses."""


class AnthropicRequests(Requests):
    """Requests for messages."""

    def body(self, way: Way, request: CompletionRequest) -> JsonObject:
        """The JSON of a request, as `Requests` says.

        A model that thinks can't be forced to call a tool. Where the options make it think, it is
        asked to call one.
        https://platform.claude.com/docs/en/build-with-claude/extended-thinking
        """
        options = merged(self.settings.options, request.options)
        if _thinks(options):
            way = replace(way, tool_choice="auto")
        template = self.template(way, request.response_model)
        made: JsonObject = {
            "model": self.settings.model,
            "max_tokens": request.max_tokens or DEFAULT_MAX_TOKENS,
            **_system(request.messages, template),
            "messages": [it for it in request.messages if it["role"] != "system"],
            "stream": True,
            **template.fields,
        }
        return _with_whole_choice(merged(merged(made, self.settings.options), request.options))

    def first_way(self) -> Way:
        """The way in which the model is asked first."""
        way = super().first_way()
        return replace(way, dialect="strict") if way.mode == "json_schema" else way

    def sayable(self, way: Way, asked: AskedModel) -> Way:
        """The way, or the next one that can say what is asked.

        The API always holds a model to a schema, so `json_schema` has no other dialect.
        """
        if way.mode == "json_schema" and not (
            way.dialect == "strict" and self._can_say(way, asked)
        ):
            return replace(way, mode="json", dialect="full")
        return super().sayable(way, asked)

    def settings_for(self, way: Way) -> str:
        """The keys of `models.toml` for a way."""
        keys: dict[str, Any] = {"mode": way.mode}
        if way.mode == "tools" and way.dialect != "full":
            keys["dialect"] = way.dialect
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        if way.mode == "tools" and way.tool_choice != "named":
            lines.append(f'options.tool_choice.type = "{_CHOICES[way.tool_choice]}"')
        return "; ".join(lines)

    def _of_template(self, way: Way) -> Way:
        if way.mode in IN_PROMPT:
            return Way(mode="json")
        if way.mode == "json_schema":
            return Way(mode="json_schema", dialect="strict")
        return Way(mode="tools", dialect=way.dialect, tool_choice=way.tool_choice)

    def _make(self, asked: AskedModel, way: Way) -> Template:
        if way.dialect == "strict":
            asked = replace(asked, json_schema=_without_bounds(asked.json_schema))
        if way.mode == "json_schema":
            asked_format = {"type": "json_schema", "schema": asked.json_schema}
            return Template({"output_config": {"format": asked_format}})
        handler = handlers(InstructorProvider.ANTHROPIC, Mode[way.mode.upper()]).request_handler
        # Where a model thinks, Instructor asks it in words to call the tool and to say no more.
        thinking = {"thinking": {"type": "enabled"}} if way.tool_choice == "auto" else {}
        made: JsonObject = handler(described(asked), {"messages": [], **thinking})[1]
        system = "".join(part["text"] for part in made.pop("system", ()))
        fields = {key: made[key] for key in made if key not in ("messages", "thinking")}
        return Template(_chosen(fields, way) if way.mode == "tools" else fields, system)


_CHOICES: Final = {"named": "tool", "required": "any", "auto": "auto"}


def _chosen(fields: JsonObject, way: Way) -> JsonObject:
    """The fields of a request with a tool: how freely the model may call it, and that once."""
    choice = fields["tool_choice"] | {"type": _CHOICES[way.tool_choice]}
    (tool,) = fields["tools"]
    return {
        "tools": [tool | {"strict": True} if way.dialect == "strict" else tool],
        "tool_choice": choice | {"disable_parallel_tool_use": True},
    }


def _thinks(options: JsonObject) -> bool:
    """Whether the options make the model think."""
    thinking = options.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive")


def _with_whole_choice(body: JsonObject) -> JsonObject:
    """The body without a tool's name in a choice that names none, as options may have made it."""
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") != "tool":
        return body | {"tool_choice": {key: choice[key] for key in choice if key != "name"}}
    return body


def _system(messages: list[JsonObject], template: Template) -> JsonObject:
    """The field for what the system messages say and the template adds, if that is anything."""
    said = [message["content"] for message in messages if message["role"] == "system"]
    texts = [text for text in (*said, template.system) if text.strip()]
    return {"system": [{"type": "text", "text": text} for text in texts]} if texts else {}


def _without_bounds(schema: Json) -> Json:
    """A schema of the dialect `strict` whose bounds are said in words.

    https://platform.claude.com/docs/en/build-with-claude/structured-outputs
    """
    dropped = _BOUNDS | ({"minItems"} if schema.get("minItems", 0) > 1 else set())
    return in_words.described(mapped(schema, _without_bounds), dropped)
