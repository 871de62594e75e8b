"""The store in which all processes count together, and what happens while it is down.

A store is down when it refuses a connection or does not answer in time. A store whose connections
are all in use is busy, not down: its callers wait for one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

import structlog
from limits.aio.storage import RedisStorage, Storage
from limits.errors import StorageError

from app.errors import Overloaded, RateLimited
from app.redis.address import Address, disconnect
from app.redis.patience import in_time

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

STORE_SECONDS = 0.25
"""How long to wait for an answer of Redis. At most one call in `DOWN_SECONDS` waits in vain. On a
busy machine, a shorter time would take a store for down that is not."""

BUSY_SECONDS: Final = 2.0
"""How long to wait for a connection to Redis, if all are in use."""

DOWN_SECONDS: Final = 5
"""A Redis that has not answered is not asked again for this time."""

MAX_CONNECTIONS: Final = 20
"""The most connections to Redis."""

_T = TypeVar("_T")
_log = structlog.get_logger("limits")


class StoreDown(Exception):
    """The store does not answer."""


class LimitStore:
    """A Redis, as long as it answers.

    seconds: how long to wait for an answer; None takes `STORE_SECONDS`
    on_change: is called with whether it is down, when that has changed
    is_down: whether it is
    """

    def __init__(
        self, address: Address, seconds: float | None, on_change: Callable[[bool], None]
    ) -> None:
        self._seconds = seconds = STORE_SECONDS if seconds is None else seconds
        self._pool = _pool(address, max(seconds, BUSY_SECONDS))
        self.storage = _redis(self._pool)
        self._on_change = on_change
        self._turns = asyncio.Semaphore(MAX_CONNECTIONS)
        self.is_down = False
        self._down_until = 0.0

    async def ask(self, do: Callable[[], Awaitable[_T]]) -> _T:
        """What `do` gives, which asks the storage.

        Raises `StoreDown`, `Overloaded`, and `RateLimited` if `do` does: that is an answer, too.
        """
        self._require_up()
        try:
            async with asyncio.timeout(BUSY_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise Overloaded(retry_after=1) from None
        try:
            self._require_up()  # it may have gone down while this call waited
            if self.is_down:
                self._pass_over()  # one call tries it, and others don't wait with it
            found = await in_time(do, self._seconds)
        except (StorageError, TimeoutError) as error:
            self._down(error)
            raise StoreDown from None
        except RateLimited:
            self._up()
            raise
        finally:
            self._turns.release()
        self._up()
        return found

    async def aclose(self) -> None:
        """Close the connections."""
        await disconnect(self._pool)

    def _require_up(self) -> None:
        if asyncio.get_running_loop().time() < self._down_until:
            raise StoreDown

    def _pass_over(self) -> None:
        self._down_until = asyncio.get_running_loop().time() + DOWN_SECONDS

    def _down(self, error: Exception) -> None:
        self._pass_over()
        if not self.is_down:
            self.is_down = True
            self._on_change(True)
            cause = type(error.__cause__ or error).__name__
            _log.warning("the limits' store does not answer", cause=cause)

    def _up(self) -> None:
        self._down_until = 0.0
        if self.is_down:
            self.is_down = False
            self._on_change(False)
            _log.info("the limits' store answers again")


def _pool(address: Address, seconds: float) -> ConnectionPool:
    return address.pool(seconds, max_connections=MAX_CONNECTIONS, timeout=seconds)


def _redis(pool: ConnectionPool) -> Storage:
    return RedisStorage(
        "async+redis://",
        wrap_exceptions=True,
        implementation="redispy",
        connection_pool=pool,  # type: ignore[arg-type]
    )
