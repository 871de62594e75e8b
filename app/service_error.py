"""What every error of the service has; `errors.py` is the tree of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypedDict


class Flaw(TypedDict):
    """One thing that is wrong with a value: where (a JSON Pointer, RFC 6901) and what."""

    path: str
    message: str


class ServiceError(Exception):
    """Base of the tree.

    `errors` says where a value is invalid, `retry_after` (seconds) when to come back,
    `status` overrides the class's own. `cause` is for the log alone: a provider's status, or
    the name of an exception's class.
    """

    cause: str | None = None

    code: ClassVar[str]
    status: int
    retryable: ClassVar[bool] = False
    message: ClassVar[str]

    def __init__(
        self,
        message: str | None = None,
        *,
        errors: Sequence[Flaw] = (),
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        self.detail = message or self.message
        self.errors = list(errors)
        self.retry_after = retry_after
        if status is not None:
            self.status = status
        super().__init__(self.detail)
