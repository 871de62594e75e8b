"""What a stream's log holds: operations on its value, and a few events around them.

An entry is plain, frozen data with a JSON form. It is never pickled.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import msgspec

from app.errors import ErrorDetail, ServiceError
from app.partial.operation import Operation

MOVED = "moved"
"""The code of a restart for which nothing has failed: another process goes on with the stream."""

DONE = "done"
"""The outcome of what has not failed."""


class Restart(msgspec.Struct, frozen=True, tag="restart"):
    """A new attempt begins, and all operations before it are undone.

    attempt: the number of the new attempt
    code, errors: why the last attempt has failed
    model: the one that is asked now, if it is another one
    """

    attempt: int
    code: str
    errors: list[ErrorDetail]
    model: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The data of the `restart` event."""
        model = {} if self.model is None else {"model": self.model}
        return {"attempt": self.attempt, "code": self.code, "errors": self.errors, **model}


class Reasoning(msgspec.Struct, frozen=True, tag="reasoning"):
    """A piece of the model's reasoning. It is not a part of the value."""

    text: str


class ElementClosed(msgspec.Struct, frozen=True, tag="closed"):
    """An element of a list result is complete, and has passed its own validation."""

    index: int


class Usage(msgspec.Struct, frozen=True, tag="usage"):
    """The tokens of those attempts for which the provider has reported them.

    models: those that have answered, as each has to be paid
    cost_usd: what these tokens cost; None where a price is not known
    """

    input_tokens: int
    output_tokens: int
    attempts: int
    models: list[str] = []
    cost_usd: float | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """How often who was asked, and at what cost. One model alone is that of `start`."""
        cost = {} if self.cost_usd is None else {"cost_usd": self.cost_usd}
        models = {"models": self.models} if len(self.models) > 1 else {}
        return {"attempts": self.attempts, **cost, **models}

    @property
    def body(self) -> dict[str, Any]:
        """The data of the `usage` event."""
        tokens = {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}
        return {**tokens, **self.asked}


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The stream has ended, and its state is the final value, validated. Nothing follows."""


class Failed(msgspec.Struct, frozen=True, tag="error"):
    """The stream has ended without a value. Nothing follows."""

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
        """The message, under the same name as in a `ServiceError`."""
        return self.message

    def body(self, request_id: str) -> dict[str, Any]:
        """The data of the `error` event."""
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
LogEntry = Operation | Reasoning | Event
URGENT = (Restart, Done, Failed)
"""The events that are sent at once, whatever the reader's pace."""
END = (Done, Failed)
