"""How one model is asked: all that its provider must know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import SecretStr

Mode = Literal["tools", "json_schema", "json", "md_json"]
TokensField = Literal["max_tokens", "max_completion_tokens"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """A model that callers may choose.

    name: what callers choose
    model: what its provider calls it
    provider: the name of a row of `app/providers/factory.py`
    base_url: None for the provider's own
    api_key: None where the server needs none
    mode: how a value is asked for
    max_tokens_field: the request's field that bounds the tokens
    options: fields of the request, as JSON; a None takes a field out
    headers, query: of each request
    connect_timeout: in seconds
    """

    name: str
    model: str
    provider: str = "openai"
    base_url: str | None = None
    api_key: SecretStr | None = None
    mode: Mode = "tools"
    max_tokens_field: TokensField = "max_tokens"
    options: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    connect_timeout: float = 4
