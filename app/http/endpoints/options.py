"""How a stream is sent: the query keys that every stream accepts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from difflib import get_close_matches
from itertools import islice
from typing import Annotated
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticKnownError

from app.errors import InvalidRequest
from app.partial.error_detail import error_details
from app.views.specs import VIEWS

MAX_DETAILS = 20
"""The most errors that an answer names. A request may hold thousands."""

MAX_KEY = 64
"""The most characters of an unknown key for which a near one is looked for."""

IDEMPOTENCY_KEY = r"[\x20-\x7e]{1,255}"
"""Printable ASCII characters."""


def _known_view(name: str) -> str:
    """A view's name. For any other name, raises the error that Pydantic has for a literal."""
    if name not in VIEWS:
        *others, last = map(repr, VIEWS)
        raise PydanticKnownError("literal_error", {"expected": f"{', '.join(others)} or {last}"})
    return name


class Options(BaseModel):
    """The query keys that every stream accepts.

    interval_ms: the least time between two partials
    model: None means the default model of the schema
    reasoning: if the call begins a stream, whether the model's reasoning is kept for readers who
        want it; if it reads one, whether the reasoning is sent
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    view: Annotated[str, AfterValidator(_known_view)] = "snapshot"
    interval_ms: Annotated[int, Field(ge=0, le=5000)] = 50
    resumable: bool = False
    model: str | None = None
    reasoning: bool = False
    idempotency_key: Annotated[str | None, Field(pattern=rf"^{IDEMPOTENCY_KEY}$")] = None
    last_event_id: str | None = None
    ticket: str | None = None

    def require_model(self, models: Sequence[str]) -> None:
        """Raise `InvalidRequest` if a model is chosen that is none of these."""
        if self.model is not None and self.model not in models:
            raise InvalidRequest(
                "There is no such model.",
                errors=[{"path": "/model", "message": f"must be one of {', '.join(models)}"}],
            )


def split_query(query: bytes) -> tuple[Options, dict[str, str]]:
    """Split a query into the options and the other keys, which are a schema's parameters.

    Raises `InvalidRequest` if the query is not UTF-8, has a key twice or has a wrong option.
    """
    given = read_query(query)
    options = {key: value for key, value in given.items() if key in Options.model_fields}
    rest = {key: value for key, value in given.items() if key not in Options.model_fields}
    try:
        return Options.model_validate_strings(options), rest
    except ValidationError as error:
        raise invalid("The query is not valid.", error, set(options)) from None


def ticket_in(query: bytes) -> str | None:
    """The ticket in a query, or None. Raises `InvalidRequest` if the query can't be read."""
    return read_query(query).get("ticket") if b"ticket" in query else None


def refuse_unknown(rest: dict[str, str], known: Iterable[str] = Options.model_fields) -> None:
    """Raise `InvalidRequest` if there are unknown keys.

    rest: the unknown keys
    known: the known keys, which the message lists
    """
    if rest:
        message = f"The query has an unknown key.{there_are(known, rest)}"
        raise _refuse(message, "has an unknown key")


def there_are(known: Iterable[str], given: Iterable[str], beside: Iterable[str] = ()) -> str:
    """The end of a message about unknown keys: what was probably meant, and the known ones.

    given: the unknown ones, which are not repeated
    beside: known keys that are not listed, but may be meant
    """
    known = list(known)
    return f"{did_you_mean([*known, *beside], given)} There are: {', '.join(known) or 'none'}."


def did_you_mean(known: Sequence[str], given: Iterable[str]) -> str:
    """Which known keys are near to the unknown ones. Looking for them in long keys takes long."""
    short = [key.lower() for key in islice(given, MAX_DETAILS) if len(key) <= MAX_KEY]
    near = [found for key in short for found in get_close_matches(key, known, 1)]
    return f" Did you mean {' and '.join(dict.fromkeys(near))}?" if near else ""


def read_query(query: bytes) -> dict[str, str]:
    """All keys of a query. Raises `InvalidRequest` if it is not UTF-8 or has a key twice.

    Starlette's own reader would replace bytes that are not UTF-8.
    """
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise _refuse("The query is not valid UTF-8.", "must be valid UTF-8") from None
    given = dict(pairs)
    if len(given) != len(pairs):
        raise _refuse("The query has a key twice.", "has a key twice")
    return given


def _refuse(message: str, why: str) -> InvalidRequest:
    return InvalidRequest(message, errors=[{"path": "", "message": why}])


def invalid(message: str, error: ValidationError, keys: Set[str]) -> InvalidRequest:
    """A validation error in our own words.

    keys: the keys that the message may name; all others are input, which is never repeated
    """
    found = error_details(error.errors(include_url=False, include_input=False), keys=keys)
    distinct = {(each["path"], each["message"]): each for each in found}
    return InvalidRequest(message, errors=list(distinct.values())[:MAX_DETAILS])
