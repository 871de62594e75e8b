"""One stream as a state machine that does no I/O.

        ask() ──> send it ──> answered() ──> read events ──> received() ──> a Partial, or nothing
          ^                       │                │              │
          │                       └─> refused()    │ the end      └─> is_over, or a StreamError
          └── sleep so long ── pause() <──┴────────┘

What sends, reads and sleeps is `stream.py` (asyncio) and `sync.py`. A stream is begun under
an idempotency key: it is the same stream, paid for once, however often its beginning is asked for.
Once its id is known, it is read on after the last event. Who leaves before the end sends what
`farewell` gives, so that the service stops paying for it.
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

from structured_streams.error import StreamError, abandoned, failed, lost, refused, unexpected
from structured_streams.patch import Path, apply

T = TypeVar("T", default=Any)

BACKOFF_SECONDS: Final = 0.5
"""Before the first return; doubled each time, halved at random."""
LONGEST_BACKOFF: Final = 8.0
LONGEST_WAIT: Final = 60.0
"""Of a `Retry-After`: where it is longer, that is the error."""
CONNECT_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 45.0
"""After which a connection counts as lost: the service says something every 15 seconds."""
FAREWELL_SECONDS: Final = 7.0
"""How long a reader who leaves tries to tell the service, which may take 5 to answer."""


class Partial(NamedTuple):
    """What is known so far.

    value: None where nothing is: the answer was begun again
    open: the path that is being written, as keys and indices; None once all is there
    attempt: from 1; grows where the answer is begun again
    """

    value: Any
    open: Path | None
    attempt: int


class Usage(NamedTuple):
    """What the provider has told of a stream's cost, summed over its attempts."""

    input_tokens: int
    output_tokens: int
    attempts: int


@dataclass(frozen=True)
class Ask:
    """A request to send."""

    method: str
    url: str
    headers: dict[str, str] = field(repr=False)  # the key is in them
    params: dict[str, str]
    content: bytes | None = None


class Session(Generic[T]):
    """A stream from its first request to its end.

    result: the type that the final value is validated into; None leaves it as JSON gives it
    retries: how often to come back in a row, with nothing new in between
    jitter: gives numbers from 0 to 1
    id, model, usage: as the service has told them

    Raises ValueError for what is no URL, or no JSON.
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
        idempotency_key: str | None = None,
        retries: int = 5,
        jitter: Callable[[], float] = random,
    ) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError("the URL must begin with http:// or https://")
        self.id: str | None = None
        self.model: str | None = None
        self.usage: Usage | None = None
        self.is_over = False
        self._base = url.rstrip("/")
        self._schema = schema
        self._content = to_json(parameters)
        self._result = result
        self._headers = {"Accept": "text/event-stream", **(headers or {})}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"
        given = {"view": "delta", "interval_ms": interval_ms, "model": model}
        self._params = {name: str(value) for name, value in given.items() if value is not None}
        self._key = idempotency_key or uuid4().hex
        self._retries = retries
        self._jitter = jitter
        self._failures = 0
        self._refusal: StreamError | None = None
        self._may_run = False  # whether the service may have begun it
        self._is_left = False
        self._last = ""  # the id of the last event
        self._value: Any = None
        self._attempt = 1
        self._end: str | StreamError = abandoned()

    # -- requests -----------------------------------------------------------------------------

    def ask(self) -> Ask:
        """The next request: to begin, or to read on."""
        if self.id is None:
            self._may_run = True
            headers = {"Content-Type": "application/json", "Idempotency-Key": self._key}
            path = quote(self._schema, safe="")
            return self._ask("POST", path, headers, self._content)
        return self._ask("GET", self._path, {"Last-Event-ID": self._last} if self._last else {})

    def farewell(self) -> Ask | None:
        """What to send, again and again until None, where the reader leaves before the end.

        A stream whose id isn't known yet is found by its key first.
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

    def _ask(
        self, method: str, path: str, headers: dict[str, str], content: bytes | None = None
    ) -> Ask:
        params = {} if method == "DELETE" else self._params
        return Ask(method, f"{self._base}/{path}", {**self._headers, **headers}, params, content)

    # -- responses ----------------------------------------------------------------------------

    def answered(self, status: int, headers: Mapping[str, str]) -> bool:
        """Take a response's head: whether events follow. If not, `refused` wants its body."""
        kind = headers.get("content-type", "").partition(";")[0].strip()
        if status != 200 or kind != "text/event-stream":
            return False
        if self.id is None:
            self.id = headers.get("location", "").rpartition("/")[2] or None
        return True

    def refused(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Take a response that is no stream. Raises `StreamError` if asking again is of no use."""
        error = refused(status, headers, body)
        if error.code != "connection_lost":  # the service's own word, not that of a proxy
            self._may_run = self.id is not None
            # A 429 and a 503 ask the client to come back. But what the service has tried for
            # itself is the caller's to ask for again.
            is_busy = status in (429, 503) and not error.code.startswith("provider_")
            if not is_busy or (error.retry_after or 0) > LONGEST_WAIT:
                raise self._ended(error)
        self._refusal = error

    def pause(self) -> float:
        """How long to wait before asking again, once there is no more to read.

        Raises `StreamError` after too many times.
        """
        error, self._refusal = self._refusal or lost(), None
        if self._failures >= self._retries:
            raise self._ended(error)
        longest = min(LONGEST_BACKOFF, BACKOFF_SECONDS * 2.0**self._failures)
        self._failures += 1
        return max(longest * (1 + self._jitter()) / 2, error.retry_after or 0.0)

    def received(self, event: str, data: str, id: str) -> Partial | None:
        """Take an event. Raises `StreamError`: the stream has failed, or can't be read."""
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

        Raises `pydantic.ValidationError` where the value is not of the type that was asked for.
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
            self._value, path = apply(self._value, found)
            return Partial(self._value, path, self._attempt)
        elif event == "restart":
            self._value, self._attempt = None, found["attempt"]
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
    """What a stream's readers may ask, whichever way they read it."""

    def __init__(self, session: Session[T]) -> None:
        self._session = session

    @property
    def id(self) -> str | None:
        """The stream's id, once the service has told it."""
        return self._session.id

    @property
    def model(self) -> str | None:
        """The model that answers, once the service has told it."""
        return self._session.model

    @property
    def usage(self) -> Usage | None:
        """What the stream has cost, once the service has told it."""
        return self._session.usage
