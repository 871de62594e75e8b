"""What a run's log holds: operations, and the few events around them. A closed, frozen union."""

from __future__ import annotations

from math import ceil
from typing import Any

import msgspec

from app.errors import ErrorDetail, ServiceError
from app.partial.operation import Operation


class Restart(msgspec.Struct, frozen=True, tag="restart"):
    """Attempt `attempt` begins: forget what came before. `code`, `errors`: why the last failed."""

    attempt: int
    code: str
    errors: list[ErrorDetail]


class ElementClosed(msgspec.Struct, frozen=True, tag="closed"):
    """An element of a list result is complete, and has passed its own validation."""

    index: int


class Usage(msgspec.Struct, frozen=True, tag="usage"):
    """The tokens of all attempts that the provider has told of."""

    input_tokens: int
    output_tokens: int
    attempts: int


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The state is the final value, whole and validated. Nothing follows."""


class Failed(msgspec.Struct, frozen=True, tag="error"):
    """The run has ended without a value. Nothing follows."""

    code: str
    status: int
    retryable: bool
    message: str
    errors: list[ErrorDetail]
    retry_after: float | None

    @classmethod
    def of(cls, error: ServiceError) -> Failed:
        return cls(
            code=error.code,
            status=error.status,
            retryable=error.retryable,
            message=error.detail,
            errors=error.errors,
            retry_after=error.retry_after,
        )

    @property
    def detail(self) -> str:
        """As a ServiceError has it."""
        return self.message

    def body(self, request_id: str) -> dict[str, Any]:
        """What the client reads in the `error` event."""
        body: dict[str, Any] = {
            "error": self.message,
            "code": self.code,
            "retryable": self.retryable,
            "request_id": request_id,
        }
        if self.retry_after is not None:
            body["retry_after"] = ceil(self.retry_after)
        if self.errors:
            body["errors"] = self.errors
        return body


Event = Restart | ElementClosed | Usage | Done | Failed
LogEntry = Operation | Event
URGENT = (Restart, Done, Failed)
"""The events that never wait for a reader's pace."""
END = (Done, Failed)
