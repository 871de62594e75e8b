"""Maps the exceptions of libraries to the service's own, without their messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from time import time

import aiohttp
import httpx2
import openai

from app.errors import (
    ProviderError,
    ProviderInterrupted,
    ProviderProtocol,
    ProviderTimeout,
    ProviderUnavailable,
    ServiceError,
)
from app.providers.provider_error import error_of_status

LONGEST_RETRY_AFTER = 3600.0


def while_opening(error: BaseException) -> ServiceError:
    """What went wrong before the provider's 2xx."""
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, ServiceError):
            return cause
        if isinstance(cause, openai.APIStatusError | httpx2.HTTPStatusError):
            return _of_status(cause.response)
        if _is_no_http(cause):
            return _with_cause(ProviderProtocol(), chain)
    # If there are exceptions of aiohttp, only these count. Their causes may be of any kind.
    own: list[BaseException] = [c for c in chain if isinstance(c, aiohttp.ClientError)]
    timed_out = any(isinstance(cause, TimeoutError) for cause in own or chain)
    timed_out = timed_out or (not own and isinstance(error, openai.APITimeoutError))
    return _with_cause(ProviderTimeout() if timed_out else ProviderUnavailable(), own or chain)


def _is_no_http(error: BaseException) -> bool:
    """Whether the answer was not HTTP. (A proxy that refuses to connect does answer by HTTP.)"""
    refused = isinstance(error, aiohttp.ClientHttpProxyError)
    return isinstance(error, aiohttp.ClientResponseError) and not refused


def while_reading(error: BaseException) -> ServiceError:
    """What went wrong after the provider's 2xx."""
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, ServiceError):
            return cause
    return _with_cause(ProviderInterrupted(), chain)


def _with_cause(error: ProviderError, chain: list[BaseException]) -> ProviderError:
    """Note the class of the first cause for the log, but not its message: it may hold a key."""
    error.cause = type(chain[-1]).__name__
    return error


def _of_status(response: httpx2.Response) -> ServiceError:
    return error_of_status(response.status_code, response.content, retry_after(response.headers))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of `Retry-After` (RFC 9110 10.2.3: a number or a date), or None."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time()
        except (ValueError, OverflowError):
            return None
    if seconds != seconds:
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception, then its cause, then the cause of that, and so on."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
