"""Lets one call begin a stream with an idempotency key, while others with the same key wait."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy

from app.errors import ServiceError
from app.streams.stream import Key

Outcome = asyncio.Future[ServiceError | None]
"""Resolves when a call has ended: in None, or in what it was refused with."""


class Beginnings:
    """The calls that are beginning a stream with an idempotency key.

    Each of them is counted and may wait for a slot, which takes a while. Others with the same key
    are not counted: they get the stream that it begins, or are refused as it is.
    """

    def __init__(self) -> None:
        self._running: dict[Key, Outcome] = {}

    def other(self, key: Key | None) -> Outcome | None:
        """The call that is beginning a stream with this key, if there is one."""
        return None if key is None else self._running.get(key)

    @contextmanager
    def one(self, key: Key | None) -> Iterator[None]:
        """Begin a stream within. There must be no other call that does so with this key."""
        if key is None:
            yield
            return
        outcome = self._running[key] = asyncio.get_running_loop().create_future()
        error: ServiceError | None = None
        try:
            yield
        except ServiceError as raised:
            error = raised
            raise
        finally:
            del self._running[key]
            outcome.set_result(error)


def raise_again(outcome: Outcome) -> None:
    """Raise what another call was refused with, if it was."""
    if error := outcome.result():
        raise copy(error).with_traceback(None)
