"""One stream as a state machine that does no I/O.

        ask() ──> send it ──> answered() ──> read events ──> received() ──> a Partial, or nothing
          ^                       │                │              │
          │                       └─> refused()    │ the end      └─> is_over, or a StreamError
          └── sleep so long ── pause() <──┴────────┘

`stream.py` (asyncio) and `sync.py` send, read and sleep. A stream is begun with an idempotency
key, so the request may be sent several times: it is still one stream, and is paid for once. When
the stream's id is known, reading continues after the last event. A reader that leaves before the
end sends the requests of `farewell`, so that nothing more is paid for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import random
from typing import Any, Final, Generic, NamedTuple
from urllib.parse import quote, urlsplit
from uuid import uuid4

from pydantic import TypeAdapter
from pydantic_core import to_json
from typing_extensions import TypeVar

from structured_streams.error import (
    StreamError,
    abandoned,
    failed,
    lost,
    refused,
    unanswered,
    unexpected,
)
from structured_streams.finished import is_complete, writing
from structured_streams.patch import Path, apply

T = TypeVar("T", default=Any)

BACKOFF_SECONDS: Final = 0.5
"""The pause before the first retry. It doubles each time; a random part of half is taken off."""
LONGEST_BACKOFF: Final = 8.0
LONGEST_WAIT: Final = 60.0
"""The longest `Retry-After` that the client waits for. If it is longer, the error is raised."""
FIRST_RETRIES: Final = 2
"""How often a first request is sent again if nothing answers it: for a second and a half."""
CONNECT_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 45.0
"""A connection that is silent for this time counts as lost. The service sends something at least
every 15 seconds."""
FAREWELL_SECONDS: Final = 7.0
"""The time for the requests of a reader that leaves. The service may take 5 s to answer."""


class Partial(NamedTuple):
    """What is known so far.

    value: the value so far; None after a restart
    open: the path that is being written, as keys and indices; None when the value is complete
    attempt: the number of the attempt, from 1; each restart begins another one
    """

    value: Any
    open: Path | None
    attempt: int

    @property
    def writing(self) -> str | None:
        """The JSON Pointer of the string that is being written, such as `/2/title`, or None."""
        return writing(self.value, self.open)

    def is_complete(self, pointer: str) -> bool:
        """Whether the value at a JSON Pointer is finished, with all that is in it."""
        return is_complete(self.value, self.open, pointer)


class Usage(NamedTuple):
    """The tokens that the provider has reported, summed over the attempts."""

    input_tokens: int
    output_tokens: int
    attempts: int


@dataclass(frozen=True)
class Ask:
    """A request to send."""

    method: str
    url: str
    headers: dict[str, str] = field(repr=False)  # they hold the key
    params: dict[str, str]
    content: bytes | None = None


class Session(Generic[T]):
    """A stream from its first request to its end.

    result: the type of the final value; None for plain JSON values
    retries: how often to reconnect in a row without receiving anything new
    jitter: returns random numbers from 0 to 1
    id, model, usage: what the service has sent; None before that
    reasoning: what the model has reasoned in this attempt

    Raises ValueError if the URL is invalid or the parameters can't be written as JSON.
    """

    def __init__(
        self,
        url: str,
        schema: str,
        parameters: Mapping[str, Any],
        *,
        result: TypeAdapter[T] | None = None,
        headers: Mapping[str, str] | None = None,
        api_key: str | None = None,
        model: str | None = None,
        interval_ms: int | None = None,
        reasoning: bool = False,
        idempotency_key: str | None = None,
        retries: int = 5,
        jitter: Callable[[], float] = random,
    ) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError("the URL must begin with http:// or https://")
        self.id: str | None = None
        self.model: str | None = None
        self.usage: Usage | None = None
        self.reasoning = ""
        self.is_over = False
        self._base = url.rstrip("/")
        self._schema = schema
        self._content = to_json(parameters)
        self._result = result
        self._headers = {"Accept": "text/event-stream", **(headers or {})}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"
        given = {"view": "delta", "interval_ms": interval_ms, "model": model}
        given["reasoning"] = "true" if reasoning else None
        self._params = {name: str(value) for name, value in given.items() if value is not None}
        self._key = idempotency_key or uuid4().hex
        self._retries = retries
        self._jitter = jitter
        self._failures = 0
        self._refusal: StreamError | None = None
        self._may_run = False  # whether the service may have begun the stream
        self._is_left = False
        self._is_answered = False  # whether the service has answered at all
        self._is_alone = False  # whether nothing has answered the last request
        self._last = ""  # the id of the last event
        self._value: Any = None
        self._attempt = 1
        self._open: Path | None = None
        self._end: str | StreamError = abandoned()

    # -- requests -----------------------------------------------------------------------------

    def ask(self) -> Ask:
        """The next request, which begins the stream or continues it."""
        if self.id is None:
            self._may_run = True
            headers = {"Content-Type": "application/json", "Idempotency-Key": self._key}
            path = quote(self._schema, safe="")
            return self._ask("POST", path, headers, self._content)
        return self._ask("GET", self._path, {"Last-Event-ID": self._last} if self._last else {})

    def farewell(self) -> Ask | None:
        """The next request of a reader that leaves before the end; None after the last request.

        If the stream's id isn't known yet, the first request finds the stream by its key.
        """
        if self.is_over or not self._may_run:
            return None
        if self.id is not None:
            self.is_over = True
            return self._ask("DELETE", self._path, {})
        if self._is_left:
            return None
        self._is_left = True
        return self.ask()

    @property
    def _path(self) -> str:
        return f"streams/{self.id}"

    @property
    def _address(self) -> str:
        """The service's address, without a user's name and password."""
        url = urlsplit(self._base)
        return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"

    def _ask(
        self, method: str, path: str, headers: dict[str, str], content: bytes | None = None
    ) -> Ask:
        params = {} if method == "DELETE" else self._params
        return Ask(method, f"{self._base}/{path}", {**self._headers, **headers}, params, content)

    # -- responses ----------------------------------------------------------------------------

    def answered(self, status: int, headers: Mapping[str, str]) -> bool:
        """Take a response's status and headers. Returns whether events follow.

        If not, pass its body to `refused`.
        """
        kind = headers.get("content-type", "").partition(";")[0].strip()
        if status != 200 or kind != "text/event-stream":
            return False
        self._is_answered = True
        if self.id is None:
            self.id = headers.get("location", "").rpartition("/")[2] or None
        return True

    def refused(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Take a response that is not a stream. Raises `StreamError` if a retry is of no use."""
        error = refused(status, headers, body)
        if error.code == "connection_lost":  # a proxy has answered, and not the service
            self.unreached(status >= 500)
        else:
            self._is_answered = True
            self._may_run = self.id is not None
            # A 429 and a 503 ask the client to come back. After an error of the provider's, the
            # service has tried again itself, so the client does not.
            is_busy = status in (429, 503) and not error.code.startswith("provider_")
            if not is_busy or (error.retry_after or 0) > LONGEST_WAIT:
                raise self._ended(error)
        self._refusal = error

    def unreached(self, is_alone: bool) -> None:
        """Take a request that has failed. is_alone: nothing has answered, at least no service"""
        self._is_alone = is_alone

    def pause(self) -> float:
        """How long to wait before the next request. Call it when a response has ended too early.

        Raises `StreamError` after too many retries.
        """
        error, self._refusal = self._refusal or lost(), None
        retries = self._retries
        if self._is_alone and not self._is_answered:
            error = unanswered(self._address, error.status)
            retries = min(retries, FIRST_RETRIES)
        if self._failures >= retries:
            raise self._ended(error)
        longest = min(LONGEST_BACKOFF, BACKOFF_SECONDS * 2.0**self._failures)
        self._failures += 1
        return max(longest * (1 + self._jitter()) / 2, error.retry_after or 0.0)

    def received(self, event: str, data: str, id: str) -> Partial | None:
        """Take an event. Raises `StreamError` if the stream has failed or can't be read."""
        if event == "ping" or not data:  # a heartbeat, or a comment as httpx-sse gives it
            return None
        try:
            found = self._take(event, data)
        except (AttributeError, LookupError, TypeError, ValueError):
            raise self._ended(unexpected()) from None
        self._last = id
        if event != "start":
            self._failures = 0
        return found

    def result(self) -> T:
        """The final value. Raises the `StreamError` that the stream ended in.

        Raises `pydantic.ValidationError` if the value is not of the type that was asked for.
        """
        if isinstance(self._end, StreamError):
            raise self._end
        if self._result is not None:
            return self._result.validate_json(self._end)
        value: T = json.loads(self._end)
        return value

    # -- events -------------------------------------------------------------------------------

    def _take(self, event: str, data: str) -> Partial | None:
        found = json.loads(data)
        if event == "start":
            self.id, self.model = found["stream"], found["model"]
        elif event == "patch":
            self._value, self._open = apply(self._value, found)
            return Partial(self._value, self._open, self._attempt)
        elif event == "reasoning":
            self.reasoning += found["text"]
            return Partial(self._value, self._open, self._attempt)
        elif event == "restart":
            self._value, self._open, self._attempt = None, None, found["attempt"]
            self.model, self.reasoning = found.get("model", self.model), ""
            return Partial(None, None, self._attempt)
        elif event == "usage":
            self.usage = Usage(*(found[name] for name in Usage._fields))
        elif event == "done":
            self._value, self._end, self.is_over = found, data, True
            return Partial(found, None, self._attempt)
        elif event == "error":
            error = self._ended(failed(found))
            self.is_over = True
            raise error
        return None

    def _ended(self, error: StreamError) -> StreamError:
        self._end = error
        return error


class Told(Generic[T]):
    """What the service has sent about a stream. The base of both kinds of streams."""

    def __init__(self, session: Session[T]) -> None:
        self._session = session

    @property
    def id(self) -> str | None:
        """The stream's id; None until the service has sent it."""
        return self._session.id

    @property
    def model(self) -> str | None:
        """The model that answers; None until the service has sent it."""
        return self._session.model

    @property
    def reasoning(self) -> str:
        """What the model has reasoned in this attempt; empty unless it was asked for."""
        return self._session.reasoning

    @property
    def usage(self) -> Usage | None:
        """The tokens of the stream; None until the service has sent them."""
        return self._session.usage
