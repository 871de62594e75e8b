"""The tables of the file that describes models: their keys, and what is expected of each."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from app.providers.base_url import BaseUrl
from app.providers.factory import PROVIDERS
from app.providers.model_settings import FallBackOn, Mode, TokensField
from app.schemas.dialects import Dialect

VARIABLE: Final = "the name of a variable of the environment that is set, to printable ASCII"

_Seconds = Annotated[float | None, Field(gt=0, le=86_400, allow_inf_nan=False)]
_Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _key(expected: str, **bounds: Any) -> Any:
    return Field(description=expected, **bounds)


class _Table(BaseModel):
    """A table. None stands for a key that is not there."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DeadlinesTable(_Table):
    """In seconds."""

    connect: Annotated[_Seconds, _key("seconds to connect to the provider")] = None
    first_content: Annotated[_Seconds, _key("seconds to the first content")] = None
    gap: Annotated[_Seconds, _key("seconds between contents")] = None
    total: Annotated[_Seconds, _key("seconds for a stream, with all its attempts")] = None


class PricesTable(_Table):
    """In US dollars."""

    input: Annotated[_Dollars, _key("dollars for a million tokens of input")]
    output: Annotated[_Dollars, _key("dollars for a million tokens of output")]
    cached_input: Annotated[
        _Dollars | None, _key("dollars for a million tokens of input that the provider had cached")
    ] = None
    cache_write: Annotated[
        _Dollars | None, _key("dollars for a million tokens of input that the provider caches")
    ] = None


class ModelTable(_Table):
    """One model."""

    model: Annotated[str | None, _key("what the provider calls the model", min_length=1)] = None
    provider: Annotated[str | None, _key(f"one of {', '.join(PROVIDERS)}")] = None
    base_url: Annotated[
        BaseUrl | None, _key("the URL (http or https) of a compatible server's API")
    ] = None
    api_key_env: Annotated[str | None, _key(VARIABLE)] = None
    mode: Annotated[Mode | None, _key("auto, tools, json_schema, json or md_json")] = None
    max_tokens_field: Annotated[TokensField | None, _key("max_tokens or max_completion_tokens")] = (
        None
    )
    dialect: Annotated[Dialect | None, _key("full, strict, inline or plain")] = None
    examples: Annotated[bool | None, _key("true or false")] = None
    options: Annotated[dict[str, Any] | None, _key("a table of fields of the request")] = None
    without: Annotated[
        list[str] | None, _key("a list of fields of the request to take out of it")
    ] = None
    headers: Annotated[
        dict[str, Any] | None, _key('a table of strings, or of { env = "VARIABLE" }')
    ] = None
    query: Annotated[dict[str, str] | None, _key("a table of strings")] = None
    deadlines: Annotated[DeadlinesTable | None, _key("a table of seconds")] = None
    prices: Annotated[PricesTable | None, _key("a table of dollars, input and output")] = None
    fallbacks: Annotated[list[str] | None, _key("a list of names of other models of this file")] = (
        None
    )
    fall_back_on: Annotated[
        list[FallBackOn] | None, _key("a list of refused, filtered, truncated")
    ] = None


class ModelsTable(_Table):
    """The whole file."""

    models: Annotated[
        dict[str, ModelTable], _key("a table for each model, [models.NAME]", min_length=1)
    ]


def expected(place: tuple[str | int, ...]) -> str:
    """What is expected at a place of the file, whatever stands there."""
    table, key = _owner(place)
    if key not in table.model_fields:
        return f"one of the keys {', '.join(table.model_fields)}"
    return table.model_fields[key].description or ""


def _owner(place: tuple[Any, ...]) -> tuple[type[BaseModel], str]:
    """The table whose key a place is, or is below, and that key."""
    match place:
        case ("models", _, "deadlines", key, *_):
            return DeadlinesTable, key
        case ("models", _, "prices", key, *_):
            return PricesTable, key
        case ("models", _, key, *_):
            return ModelTable, key
        case _:
            return ModelsTable, place[0]
