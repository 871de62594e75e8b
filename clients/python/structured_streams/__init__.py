"""Reads typed LLM answers while they are being written.

    from structured_streams import stream

    async for partial in stream("http://localhost:8000", "ideas", topic="healthy snacks"):
        print(partial.value)

Files: `error.py`; `patch.py`, which turns one value into the next; `finished.py`, what of it is
finished; `session.py`, the protocol without I/O; `stream.py` and `sync.py`, which do the I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from pydantic import TypeAdapter

from structured_streams.error import Flaw, StreamError
from structured_streams.patch import Path
from structured_streams.session import Partial, Session, T, Usage
from structured_streams.stream import Stream
from structured_streams.sync import SyncStream

__all__ = [
    "Flaw",
    "Partial",
    "Path",
    "Stream",
    "StreamError",
    "SyncStream",
    "Usage",
    "stream",
    "stream_sync",
]

_Result = type[T] | TypeAdapter[T] | None


def stream(
    url: str,
    schema: str,
    result: _Result[T] = None,
    /,
    *,
    api_key: str | None = None,
    headers: Mapping[str, str] | None = None,
    model: str | None = None,
    interval_ms: int | None = None,
    reasoning: bool = False,
    idempotency_key: str | None = None,
    retries: int = 5,
    client: httpx.AsyncClient | None = None,
    parameters: Mapping[str, Any] | None = None,
    **more: Any,
) -> Stream[T]:
    """A stream of a schema. It begins when you begin to read it.

    url: the URL of the service
    schema: the schema's name
    result: the type of the final value, such as `list[Idea]`; None for plain JSON values
    api_key, headers: are sent with each request
    model: one of the models that the service offers
    interval_ms: the least time between two partials
    reasoning: whether the stream's `reasoning` is what the model reasons. A partial comes for
        each part of it, too
    idempotency_key: identifies the request: two requests with the same key read one stream,
        which is paid for once; default: a random key
    retries: how often to reconnect in a row without receiving anything new
    client: sends the requests; default: a new client
    parameters, more: the schema's parameters, `topic` and so on. Use `parameters` for those that
        have the same name as an option

    Raises ValueError if the URL is invalid or the parameters can't be written as JSON.
    """
    session = Session(
        url,
        schema,
        {**(parameters or {}), **more},
        result=_adapter(result),
        api_key=api_key,
        headers=headers,
        model=model,
        interval_ms=interval_ms,
        reasoning=reasoning,
        idempotency_key=idempotency_key,
        retries=retries,
    )
    return Stream(session, client)


def stream_sync(
    url: str,
    schema: str,
    result: _Result[T] = None,
    /,
    *,
    api_key: str | None = None,
    headers: Mapping[str, str] | None = None,
    model: str | None = None,
    interval_ms: int | None = None,
    reasoning: bool = False,
    idempotency_key: str | None = None,
    retries: int = 5,
    client: httpx.Client | None = None,
    parameters: Mapping[str, Any] | None = None,
    **more: Any,
) -> SyncStream[T]:
    """What `stream` does, for code without an event loop: `for partial in stream_sync(…)`."""
    session = Session(
        url,
        schema,
        {**(parameters or {}), **more},
        result=_adapter(result),
        api_key=api_key,
        headers=headers,
        model=model,
        interval_ms=interval_ms,
        reasoning=reasoning,
        idempotency_key=idempotency_key,
        retries=retries,
    )
    return SyncStream(session, client)


def _adapter(result: _Result[T]) -> TypeAdapter[T] | None:
    return result if result is None or isinstance(result, TypeAdapter) else TypeAdapter(result)
