"""A way of asking a model for a value. Pure.

Providers take different requests for the same thing, so a way says what a request holds beside
its model, its messages and its schema. `next_way.py` says which way comes after one that a
provider has refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.providers.model_settings import ModelSettings, TokensField
from app.schemas.dialects import Dialect

AskedMode = Literal["tools", "json_schema", "json", "md_json"]
ToolChoice = Literal["named", "required", "auto"]

TOKENS_FIELDS: Final[tuple[TokensField, ...]] = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of asking.

    mode: where the schema stands in the request, and the value in the answer
    dialect: how much of JSON Schema is used; `strict` asks the provider to enforce it, too
    tool_choice: which call is wanted: the tool by its name, any call, or what the model likes
    tokens_fields: the fields that may bound the tokens; the first one is sent
    stream_options: whether the usage is asked for
    parallel_tool_calls: whether the request says that it wants a single call
    """

    mode: AskedMode
    dialect: Dialect = "full"
    tool_choice: ToolChoice = "named"
    tokens_fields: tuple[TokensField, ...] = TOKENS_FIELDS
    stream_options: bool = True
    parallel_tool_calls: bool = True


def first_way(settings: ModelSettings) -> Way:
    """The way in which a model is asked first: the only one, unless the mode is `auto`."""
    first = settings.max_tokens_field
    return Way(
        mode="tools" if settings.mode == "auto" else settings.mode,
        dialect=settings.dialect,
        tokens_fields=(first, *(other for other in TOKENS_FIELDS if other != first)),
    )


def settings_for(way: Way) -> str:
    """The environment variables with which a model is asked in this way from the first call on."""
    values: dict[str, str] = {"INSTRUCTOR_MODE": way.mode}
    if way.dialect != "full":
        values["SCHEMA_DIALECT"] = way.dialect
    if way.tokens_fields[:1] == ("max_completion_tokens",):
        values["MAX_TOKENS_FIELD"] = "max_completion_tokens"
    if body := _extra_body(way):
        values["EXTRA_BODY"] = f"'{json.dumps(body)}'"
    return " ".join(f"{name}={value}" for name, value in values.items())


def _extra_body(way: Way) -> dict[str, Any]:
    """What differs from a request in the way's mode; a null takes a field out."""
    body: dict[str, Any] = {}
    if not way.stream_options:
        body["stream_options"] = None
    if not way.tokens_fields:
        body |= dict.fromkeys(TOKENS_FIELDS)
    if way.mode == "tools" and way.tool_choice != "named":
        body["tool_choice"] = None if way.tool_choice == "auto" else way.tool_choice
    if way.mode == "tools" and not way.parallel_tool_calls:
        body["parallel_tool_calls"] = None
    return body
