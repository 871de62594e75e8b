"""How a stream is to be sent: the query keys that steer it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Annotated
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticKnownError

from app.errors import InvalidRequest
from app.partial.error_detail import error_details
from app.views.specs import VIEWS

MOST_FLAWS = 20
"""That an answer names: a request may hold thousands."""


def _known_view(name: str) -> str:
    """A view's name. Raises Pydantic's error of a literal for any other."""
    if name not in VIEWS:
        *others, last = map(repr, VIEWS)
        raise PydanticKnownError("literal_error", {"expected": f"{', '.join(others)} or {last}"})
    return name


class Options(BaseModel):
    """interval_ms: between partials, at least. model: None for the default one.

    reasoning: taken already, and does nothing yet
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    view: Annotated[str, AfterValidator(_known_view)] = "snapshot"
    interval_ms: Annotated[int, Field(ge=0, le=5000)] = 50
    resumable: bool = False
    model: str | None = None
    reasoning: bool = False
    last_event_id: str | None = None
    ticket: str | None = None

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


def split_query(query: bytes) -> tuple[Options, dict[str, str]]:
    """A query as options and the rest, which are a schema's parameters.

    Raises `InvalidRequest` for what is no UTF-8, a key that stands twice, and a wrong option.
    """
    given = read_query(query)
    options = {key: value for key, value in given.items() if key in Options.model_fields}
    rest = {key: value for key, value in given.items() if key not in Options.model_fields}
    try:
        return Options.model_validate_strings(options), rest
    except ValidationError as error:
        raise invalid("The query is not valid.", error, set(options)) from None


def ticket_in(query: bytes) -> str | None:
    """The ticket in a query. Raises `InvalidRequest` for one that can't be read."""
    return read_query(query).get("ticket") if b"ticket" in query else None


def refuse_unknown(rest: dict[str, str], known: Iterable[str] = Options.model_fields) -> None:
    """Raises `InvalidRequest` where keys are left that nobody takes."""
    if rest:
        message = f"The query has an unknown key.{there_are(known)}"
        raise _refuse(message, "has an unknown key")


def there_are(keys: Iterable[str]) -> str:
    """What a message says where a key is none of these."""
    return f" There are: {', '.join(keys) or 'none'}."


def read_query(query: bytes) -> dict[str, str]:
    """All of a query. Raises `InvalidRequest` for what is no UTF-8, and a key that stands twice.

    Not Starlette's, which replaces what is no UTF-8.
    """
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise _refuse("The query is not valid UTF-8.", "must be valid UTF-8") from None
    given = dict(pairs)
    if len(given) != len(pairs):
        raise _refuse("A query key stands twice.", "has a key twice")
    return given


def _refuse(message: str, why: str) -> InvalidRequest:
    return InvalidRequest(message, errors=[{"path": "", "message": why}])


def invalid(message: str, error: ValidationError, keys: Set[str]) -> InvalidRequest:
    """A validation error in our words; of keys, only these are named: others are input."""
    found = error_details(error.errors(include_url=False, include_input=False), keys=keys)
    distinct = {(flaw["path"], flaw["message"]): flaw for flaw in found}
    return InvalidRequest(message, errors=list(distinct.values())[:MOST_FLAWS])
