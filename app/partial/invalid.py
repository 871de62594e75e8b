"""An answer that is certain to fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.errors import ErrorDetail
from app.partial.error_detail import error_details, pointer, words
from app.partial.operation import Path


class Invalid(Exception):
    """Why an answer does not satisfy its schema.

    errors: in the service's own words, for the client
    feedback: Pydantic's words, which may quote the answer: for the model alone
    """

    def __init__(self, errors: Sequence[ErrorDetail], feedback: str) -> None:
        self.errors = list(errors)
        self.feedback = feedback
        super().__init__("; ".join(f"{one['path'] or '/'} {one['message']}" for one in errors))


def invalid(path: Path, message: str, *, about: str = "") -> Invalid:
    """An error that we have found ourselves. `about`: what the model, but no client, is told."""
    place = pointer(path)
    told = f"{place or 'The answer'}: {message}"
    return Invalid(
        [ErrorDetail(path=place, message=message)], f"{told}: {about}" if about else told
    )


def from_value(error: ValidationError, path: Path) -> Invalid:
    """The errors of a value that was validated whole. Their paths end at the value."""
    found = error.errors(include_url=False, include_input=False)
    message = words(found[0]) if len(found) == 1 else "is not valid"
    return Invalid([ErrorDetail(path=pointer(path), message=message)], _feedback(found, path))


def from_members(error: ValidationError, path: Path, names: Mapping[object, str]) -> Invalid:
    """The errors of a closed container, each at its member.

    names: the names under which the members are shown; a path ends before any other name
    """
    found = error.errors(include_url=False, include_input=False)
    feedback = _feedback(found, path)
    for item in found:
        step = item["loc"][0] if item["loc"] else None
        item["loc"] = (names[step],) if step in names else ()
    return Invalid(error_details(found, at=path), feedback)


def _feedback(found: Sequence[ErrorDetails], path: Path) -> str:
    return "\n".join(f"{pointer((*path, *item['loc'])) or '/'}: {item['msg']}" for item in found)
