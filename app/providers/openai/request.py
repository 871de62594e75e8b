"""The JSON of a request for a chat completion.

Instructor makes what a mode adds to a request. It is made once for each model of a value, and
each call adds its messages and its bound.
https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final, get_args

from instructor import Mode
from instructor import Provider as InstructorProvider

from app.providers.base import CompletionRequest
from app.providers.handlers import described, handlers
from app.providers.model_settings import ModelSettings
from app.providers.openai.way import AskedMode, Way, first_way
from app.providers.options import merged
from app.schemas.asked_model import AskedModel
from app.schemas.dialects import DIALECTS, Dialect, Unsayable

JsonObject = dict[str, Any]

_IN_PROMPT: Final = ("json", "md_json")
"""The modes that put the schema into the prompt, where each dialect is as good as the next."""


@dataclass(frozen=True, slots=True)
class Template:
    """What a mode adds to each request for the same value.

    fields: of the request
    system, user: what is appended to the first and to the last message
    """

    fields: JsonObject
    system: str = ""
    user: str = ""


def body(settings: ModelSettings, way: Way, request: CompletionRequest) -> JsonObject:
    """The JSON of a request that asks in this way. The messages are left as they are.

    Raises `Unsayable`.
    """
    template = template_of(request.response_model, way.mode, way.dialect, settings.examples)
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
        made = _with_choice(made, way)
    return merged(merged(made, settings.options), request.options)


def sayable(settings: ModelSettings, way: Way, asked: AskedModel) -> Way:
    """The way, or the next one whose dialect can say what is asked."""
    while not _can_say(settings, way, asked):
        if way.dialect == "plain":
            return replace(way, mode="json", dialect="full")
        way = replace(way, dialect="full" if way.dialect == "strict" else "plain")
    return way


def prepare(settings: ModelSettings, values: Iterable[AskedModel]) -> None:
    """Make what the requests for a schema's values have in common.

    values: one for each bound of a list. Of the ways that a model may turn out to need, the last
        value stands for all: the others are made when they are needed, in 2 ms each

    Raises `Unsayable` where the dialect that is set can't say one, and whatever else is wrong.
    """
    first = first_way(settings)
    for value in values:
        template_of(value, first.mode, first.dialect, settings.examples)
    if settings.mode == "auto":
        for mode, dialect in product(get_args(AskedMode), DIALECTS):
            _can_say(settings, Way(mode=mode, dialect=dialect), value)


def template_of(asked: AskedModel, mode: AskedMode, dialect: Dialect, examples: bool) -> Template:
    """What the mode adds to a request for this value. It is made once. Raises `Unsayable`."""
    key = (mode, "full" if mode in _IN_PROMPT else dialect, examples)
    if key not in asked.kept:
        try:
            asked.kept[key] = _template(asked, *key)
        except Unsayable as error:
            asked.kept[key] = str(error)
    kept: Template | str = asked.kept[key]
    if isinstance(kept, str):
        raise Unsayable(kept)
    return kept


def _template(asked: AskedModel, mode: AskedMode, dialect: Dialect, examples: bool) -> Template:
    empty: JsonObject = {
        "messages": [{"role": "system", "content": ""}, {"role": "user", "content": ""}]
    }
    handler = handlers(InstructorProvider.OPENAI, Mode[mode.upper()]).request_handler
    made: JsonObject = handler(described(asked.in_dialect(dialect, examples=examples)), empty)[1]
    system, user = (message["content"] for message in made.pop("messages"))
    return Template(_enforced(made) if dialect == "strict" else made, system, user)


def _can_say(settings: ModelSettings, way: Way, asked: AskedModel) -> bool:
    try:
        template_of(asked, way.mode, way.dialect, settings.examples)
    except Unsayable:
        return False
    return True


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
