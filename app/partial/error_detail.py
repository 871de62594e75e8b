"""What is wrong with a value, in the service's own words.

Pydantic's messages and locations may hold the input (unknown keys, discriminators, a user
validator's text), so they are not used. The error's type chooses a message of ours, which is
filled in only with values from the schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from itertools import takewhile
from typing import Any

from pydantic_core import ErrorDetails

from app.errors import ErrorDetail

_WORDS = {
    "missing": "is required",
    "missing_argument": "is required",
    "missing_keyword_only_argument": "is required",
    "extra_forbidden": "has an unknown key",
    "unexpected_keyword_argument": "has an unknown key",
    "string_type": "must be a string",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "does not have the required form",
    "string_unicode": "must be valid Unicode",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "finite_number": "must be a finite number",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "none_required": "must be null",
    "union_tag_invalid": "is of an unknown kind",
    "union_tag_not_found": "does not say of which kind it is",
    "decimal_max_digits": "must have at most {max_digits} digits",
    "decimal_max_places": "must have at most {decimal_places} decimal places",
    "recursion_loop": "is nested too deeply",
}

# The messages for all error types with the same beginning: `int_parsing`, `int_type`…
_FAMILIES = {
    "int": "must be a whole number",
    "float": "must be a number",
    "decimal": "must be a decimal number",
    "bool": "must be true or false",
    "list": "must be a list",
    "tuple": "must be a list",
    "set": "must be a list",
    "frozen": "must be a list",
    "dict": "must be an object",
    "model": "must be an object",
    "dataclass": "must be an object",
    "mapping": "must be an object",
    "date": "must be a date",
    "datetime": "must be a date and time",
    "time": "must be a time",
    "timedelta": "must be a duration",
    "timezone": "must have the required time zone",
    "uuid": "must be a UUID",
    "url": "must be a URL",
    "bytes": "must be a string of bytes",
    "json": "must be JSON",
}

_OTHERWISE = "is not valid"


def words(error: ErrorDetails) -> str:
    """The message for one of Pydantic's errors. It holds nothing of the input."""
    kind = error["type"]
    template = _WORDS.get(kind) or _FAMILIES.get(kind.split("_", 1)[0], _OTHERWISE)
    context: dict[str, Any] = error.get("ctx", {})
    try:
        return template.format_map(context)
    except KeyError:
        return _OTHERWISE


def pointer(path: Iterable[str | int]) -> str:
    """A JSON Pointer (RFC 6901) to a place: `("items", 0)` -> `/items/0`."""
    return "".join(
        f"/{step.replace('~', '~0').replace('/', '~1')}" if isinstance(step, str) else f"/{step}"
        for step in path
    )


def error_details(
    errors: Sequence[ErrorDetails],
    *,
    at: tuple[str | int, ...] = (),
    keys: Set[str] | None = None,
) -> list[ErrorDetail]:
    """The errors of a value at the path `at`, one for each of Pydantic's errors.

    An unknown key is reported at its object, because the key's name is input.
    keys: the keys that a path may contain; a path ends before any other key. None: all keys
    """
    return [
        ErrorDetail(path=pointer((*at, *_place(error, keys))), message=words(error))
        for error in errors
    ]


def _place(error: ErrorDetails, keys: Set[str] | None) -> tuple[str | int, ...]:
    of_a_key = error["type"] in ("extra_forbidden", "unexpected_keyword_argument")
    place = error["loc"][:-1] if of_a_key else error["loc"]
    if keys is None:
        return place
    return tuple(takewhile(lambda step: isinstance(step, int) or step in keys, place))
