"""An answer that is certain to fail."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.errors import Flaw
from app.flaw import flaws, pointer, words
from app.partial.operation import Path


class Invalid(Exception):
    """Why an answer does not satisfy its schema.

    errors: in the service's own words, for the client
    feedback: Pydantic's words, which may quote the answer: for the model alone
    """

    def __init__(self, errors: Sequence[Flaw], feedback: str) -> None:
        self.errors = list(errors)
        self.feedback = feedback
        super().__init__("; ".join(f"{flaw['path'] or '/'} {flaw['message']}" for flaw in errors))


def invalid(path: Path, message: str) -> Invalid:
    """A flaw that we have found ourselves."""
    place = pointer(path)
    return Invalid([Flaw(path=place, message=message)], f"{place or 'The answer'}: {message}")


def from_value(error: ValidationError, path: Path) -> Invalid:
    """The flaws of a value that came whole: its inner places have no pointers of their own."""
    found = error.errors(include_url=False, include_input=False)
    message = words(found[0]) if len(found) == 1 else "is not valid"
    return Invalid([Flaw(path=pointer(path), message=message)], _feedback(found, path))


def from_members(error: ValidationError, path: Path) -> Invalid:
    """The flaws of a closed container, each at its member."""
    found = error.errors(include_url=False, include_input=False)
    for item in found:
        item["loc"] = item["loc"][:1]
    return Invalid(flaws(found, at=path), _feedback(found, path))


def _feedback(found: Sequence[ErrorDetails], path: Path) -> str:
    return "\n".join(f"{pointer((*path, *item['loc'])) or '/'}: {item['msg']}" for item in found)
