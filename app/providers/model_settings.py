"""How one model is asked: all that its provider must know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import SecretStr

from app.schema import Deadlines
from app.schemas.dialects import Dialect

Mode = Literal["auto", "tools", "json_schema", "json", "md_json"]
TokensField = Literal["max_tokens", "max_completion_tokens"]
FallBackOn = Literal["refused", "filtered", "truncated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """US dollars for a million tokens.

    cached_input, cache_write: None where they cost what input costs
    """

    input: float
    output: float
    cached_input: float | None = None
    cache_write: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """A model that callers may choose.

    name: what callers choose
    model: what its provider calls it
    provider: the name of a row of `app/providers/factory.py`
    base_url: None for the provider's own; it has no query and no user info
    api_key: None where the server needs none
    mode: how a value is asked for
    max_tokens_field: the request's field that bounds the tokens
    dialect: how much of JSON Schema its provider takes
    examples: whether it is sent the examples in a JSON Schema
    options: fields of the request, as JSON; a None takes a field out
    headers, query: of each request
    connect_timeout: in seconds
    deadlines: where the service's own do not fit
    prices: None where they are not known
    fallbacks: the names of the models to ask in its place, in this order
    fall_back_on: the ends of an answer after which they are asked, besides failures
    """

    name: str
    model: str
    provider: str = "openai"
    base_url: str | None = None
    api_key: SecretStr | None = None
    mode: Mode = "auto"
    max_tokens_field: TokensField = "max_tokens"
    dialect: Dialect = "full"
    examples: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    connect_timeout: float = 4
    deadlines: Deadlines = field(default_factory=Deadlines)
    prices: Prices | None = None
    fallbacks: tuple[str, ...] = ()
    fall_back_on: tuple[FallBackOn, ...] = ()
