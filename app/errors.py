"""Everything that can go wrong, as one tree.

    ServiceError                     code                    status  retryable
    ├── InvalidRequest               invalid_request         422     no   (400: broken JSON)
    │   └── BodyTooSlow              invalid_request         400     no
    ├── Unauthorized                 unauthorized            401     no   (WWW-Authenticate)
    ├── Forbidden                    forbidden               403     no
    ├── NotFound                     not_found               404     no
    │   ├── UnknownSchema            unknown_schema          404     no
    │   └── StreamNotFound           stream_not_found        404     no
    ├── MethodNotAllowed             method_not_allowed      405     no
    ├── NotAcceptable                not_acceptable          406     no
    ├── IdempotencyConflict          idempotency_conflict    409     no
    ├── StreamExpired                stream_expired          410     no
    ├── PayloadTooLarge              payload_too_large       413     no
    ├── HeadersTooLarge              headers_too_large       431     no
    ├── UnsupportedMediaType         unsupported_media_type  415     no
    ├── RateLimited                  rate_limited            429     yes
    ├── Overloaded                   overloaded              503     yes
    ├── Draining                     draining                503     yes
    ├── Cancelled                    cancelled               409     no
    ├── Internal                     internal                500     yes
    ├── ProviderError
    │   ├── ProviderUnavailable      provider_unavailable    502     yes
    │   ├── ProviderRateLimited      provider_rate_limited   503     yes
    │   │   └── ProviderQuotaExhausted   provider_rate_limited   503     yes  (not tried again here)
    │   ├── ProviderRejected         provider_rejected       502     no
    │   ├── ProviderTimeout          provider_timeout        504     yes
    │   ├── ProviderInterrupted      provider_interrupted    502     yes
    │   └── ProviderProtocol         provider_protocol       502     yes
    └── OutputError
        ├── OutputTruncated          output_truncated        502     no
        ├── OutputRefused            output_refused          502     no
        ├── OutputFiltered           output_filtered         502     no
        ├── OutputInvalid            output_invalid          502     yes
        └── OutputTooLarge           output_too_large        502     no

The words are the service's own: no provider text, key, host or traceback is ever in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypedDict


class ErrorDetail(TypedDict):
    """One thing that is wrong with a value: where (a JSON Pointer, RFC 6901) and what."""

    path: str
    message: str


class ServiceError(Exception):
    """Base of the tree.

    errors: where a value is invalid
    retry_after: seconds after which to try again
    status: replaces the status of the class
    cause: a provider's status, or the name of an exception's class; only the log gets it
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
        errors: Sequence[ErrorDetail] = (),
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        self.detail = message or self.message
        self.errors = list(errors)
        self.retry_after = retry_after
        if status is not None:
            self.status = status
        super().__init__(self.detail)


class InvalidRequest(ServiceError):
    """The parameters, the query or the body are not what the endpoint takes."""

    code = "invalid_request"
    status = 422
    message = "The request is not valid."


class BodyTooSlow(InvalidRequest):
    """The request's body did not come in time. The connection is closed, as more may come."""

    status = 400
    message = "The request body did not come in time."


class Unauthorized(ServiceError):
    """The call has no valid key or ticket."""

    code = "unauthorized"
    status = 401
    message = "A valid API key or ticket is needed."


class Forbidden(ServiceError):
    """The caller may not do this, or not from this page or host name."""

    code = "forbidden"
    status = 403
    message = "This is not allowed."


class NotFound(ServiceError):
    """There is nothing at this path."""

    code = "not_found"
    status = 404
    message = "There is nothing here."


class UnknownSchema(NotFound):
    """No schema has this name."""

    code = "unknown_schema"
    message = "There is no schema of that name."


class StreamNotFound(NotFound):
    """The caller has no stream of this id."""

    code = "stream_not_found"
    message = "There is no stream of that id."


class MethodNotAllowed(ServiceError):
    """The path exists, but not for this method."""

    code = "method_not_allowed"
    status = 405
    message = "This method is not allowed here."


class NotAcceptable(ServiceError):
    """None of the formats that the client accepts is served."""

    code = "not_acceptable"
    status = 406
    message = "Served are text/event-stream, application/x-ndjson and application/json."


class IdempotencyConflict(ServiceError):
    """The key has begun a stream with another schema, model or other parameters."""

    code = "idempotency_conflict"
    status = 409
    message = "This idempotency key was used for a different request."


class StreamExpired(ServiceError):
    """The caller's stream is no longer kept."""

    code = "stream_expired"
    status = 410
    message = "The stream is no longer kept."


class PayloadTooLarge(ServiceError):
    """The request's body is over the limit."""

    code = "payload_too_large"
    status = 413
    message = "The request body is too large."


class HeadersTooLarge(ServiceError):
    """The request's target and headers are over the limit."""

    code = "headers_too_large"
    status = 431
    message = "The request's headers are too large."


class UnsupportedMediaType(ServiceError):
    """The request's body is not JSON."""

    code = "unsupported_media_type"
    status = 415
    message = "The body must be application/json."


class RateLimited(ServiceError):
    """The caller has reached a limit of its own. limit: its name, for the metrics."""

    limit: str | None = None

    code = "rate_limited"
    status = 429
    retryable = True
    message = "You have reached your limit."


class Overloaded(ServiceError):
    """The service runs as many streams as it can."""

    code = "overloaded"
    status = 503
    retryable = True
    message = "The service is busy; try again in a moment."


class Draining(ServiceError):
    """The service is stopping."""

    code = "draining"
    status = 503
    retryable = True
    message = "The service is stopping; try again in a moment."


class Cancelled(ServiceError):
    """The stream was cancelled by its owner."""

    code = "cancelled"
    status = 409
    message = "The stream was cancelled."


class Internal(ServiceError):
    """A fault of the service's own."""

    code = "internal"
    status = 500
    retryable = True
    message = "Something went wrong in the service."


class ProviderError(ServiceError):
    """The model's provider failed us."""

    status = 502


class ProviderUnavailable(ProviderError):
    """No connection, or the provider answered 5xx."""

    code = "provider_unavailable"
    retryable = True
    message = "The model's provider is not available."


class ProviderRateLimited(ProviderError):
    """The provider answered 429."""

    code = "provider_rate_limited"
    status = 503
    retryable = True
    message = "The model's provider limits the rate of requests."


class ProviderQuotaExhausted(ProviderRateLimited):
    """The provider answered 429 as the account has nothing left to spend: waiting helps nobody."""


class ProviderRejected(ProviderError):
    """The provider refused our key, model or request."""

    code = "provider_rejected"
    message = "The model's provider refused the service's request."


class ProviderTimeout(ProviderError):
    """Connecting, the first content, a gap between contents or the whole took too long."""

    code = "provider_timeout"
    status = 504
    retryable = True
    message = "The model's provider took too long."


class ProviderInterrupted(ProviderError):
    """The connection ended before the model said that it had finished."""

    code = "provider_interrupted"
    retryable = True
    message = "The connection to the model's provider was lost."


class ProviderProtocol(ProviderError):
    """The provider sent something that can't be read, or an error object in the stream."""

    code = "provider_protocol"
    retryable = True
    message = "The model's provider sent something unreadable."


class OutputError(ServiceError):
    """The model's answer is not usable."""

    status = 502


class OutputTruncated(OutputError):
    """The model stopped at its length limit."""

    code = "output_truncated"
    message = "The model's answer was cut off at its length limit."


class OutputRefused(OutputError):
    """The model refused."""

    code = "output_refused"
    message = "The model refused to answer."


class OutputFiltered(OutputError):
    """The provider's content filter stopped the model."""

    code = "output_filtered"
    message = "The provider's content filter stopped the answer."


class OutputInvalid(OutputError):
    """The answer does not satisfy the schema; `errors` says where."""

    code = "output_invalid"
    retryable = True
    message = "The model's answer does not satisfy the schema."


class OutputTooLarge(OutputError):
    """The answer is over the service's byte cap."""

    code = "output_too_large"
    message = "The model's answer is too large."
