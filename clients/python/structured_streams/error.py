"""The error of a stream that was refused, failed, or was lost. Its `code` says what happened."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypedDict


class Flaw(TypedDict):
    """One thing that is wrong with a value: where (a JSON Pointer) and what."""

    path: str
    message: str


class StreamError(Exception):
    """A stream without a result.

    code: one of the service's codes, `connection_lost` (the service could not be reached, at
        first or again), `unexpected_response` (the response is not a stream) or `abandoned` (the
        reader left)
    retryable: whether the same request may succeed later
    status: the status of the response, if the request was refused
    request_id: the service's id of the request, for questions to its operator
    errors: what is wrong with the request, or with the model's answer
    retry_after: seconds after which to try again, if the service has sent them
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        retryable: bool = False,
        status: int | None = None,
        request_id: str | None = None,
        errors: Sequence[Flaw] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.status = status
        self.request_id = request_id
        self.errors = list(errors)
        self.retry_after = retry_after


def lost(status: int | None = None) -> StreamError:
    """There is no connection to the service, or it broke."""
    return StreamError(
        "The connection was lost.", code="connection_lost", retryable=True, status=status
    )


def unanswered(address: str, status: int | None = None) -> StreamError:
    """Nothing answers at this address, or only a proxy that has nothing behind it."""
    return StreamError(
        f"No service answers at {address}.", code="connection_lost", retryable=True, status=status
    )


def unexpected(status: int | None = None) -> StreamError:
    """The server that answers is not the service, or uses another protocol."""
    return StreamError(
        "What the server sent is no stream.", code="unexpected_response", status=status
    )


def abandoned() -> StreamError:
    """The reader left before the end, or has not reached the end yet."""
    return StreamError("The stream was not read to its end.", code="abandoned")


def failed(data: Mapping[str, Any]) -> StreamError:
    """The error of an `error` event, or of a problem, which has the same fields."""
    return StreamError(
        str(data.get("error")),
        code=str(data.get("code")),
        retryable=data.get("retryable") is True,
        request_id=data.get("request_id"),
        errors=data.get("errors", ()),
        retry_after=data.get("retry_after"),
    )


def refused(status: int, headers: Mapping[str, str], body: bytes) -> StreamError:
    """The error of a response that is not a stream: an RFC 9457 problem, or a proxy's own page.

    A problem says whether to try again. If a proxy answers with its own page, only the status
    tells: 429 and 5xx are treated like a lost connection.
    """
    problem = _problem(body)
    if problem is None:
        return lost(status) if status == 429 or status >= 500 else unexpected(status)
    error = failed(problem)
    error.status = status
    error.retry_after = _seconds(headers.get("retry-after"))
    return error


def _problem(body: bytes) -> Mapping[str, Any] | None:
    """A problem of the service's; None for anything else."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    is_problem = isinstance(found.get("code"), str) and isinstance(found.get("retryable"), bool)
    return found if is_problem else None


def _seconds(given: str | None) -> float | None:
    """A `Retry-After`: seconds, or a date."""
    if given is None:
        return None
    if given.isdecimal():
        return float(given)
    try:
        then = parsedate_to_datetime(given)
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())
