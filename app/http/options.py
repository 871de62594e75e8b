"""How a stream is to be sent: the query keys that steer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import QueryParams

from app.errors import InvalidRequest
from app.flaw import flaws


class Options(BaseModel):
    """interval_ms: between partials, at least. model: None for the default one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    view: Literal["snapshot"] = "snapshot"
    interval_ms: Annotated[int, Field(ge=0, le=5000)] = 50
    resumable: Literal["false"] = "false"
    model: str | None = None

    def pick(self, models: Sequence[str]) -> str:
        """The model to use. Raises `InvalidRequest` for one that isn't configured."""
        if self.model is None:
            return models[0]
        if self.model not in models:
            raise InvalidRequest(
                "There is no such model.",
                errors=[{"path": "/model", "message": f"must be one of {', '.join(models)}"}],
            )
        return self.model


def split_query(query: QueryParams) -> tuple[Options, dict[str, str]]:
    """A query as options and the rest, which are a schema's parameters.

    Raises `InvalidRequest` for a key that stands twice, and for a wrong option.
    """
    pairs = query.multi_items()
    given = dict(pairs)
    if len(given) != len(pairs):
        raise InvalidRequest(
            "A query key stands twice.", errors=[{"path": "", "message": "has a key twice"}]
        )
    options = {key: value for key, value in given.items() if key in Options.model_fields}
    rest = {key: value for key, value in given.items() if key not in Options.model_fields}
    try:
        return Options.model_validate_strings(options), rest
    except ValidationError as error:
        raise invalid("The query is not valid.", error) from None


def invalid(message: str, error: ValidationError) -> InvalidRequest:
    """A validation error in our words."""
    return InvalidRequest(
        message, errors=flaws(error.errors(include_url=False, include_input=False))
    )
