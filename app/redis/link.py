"""One connection to a Redis or a Valkey. One task alone uses it.

A cancelled wait for an answer would leave the answer to the next caller of the connection
(redis-py issues 2624 and 2665), so nothing but that task ever waits for one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from app.redis.address import Address, disconnect

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.connection import AbstractConnection

ANSWER_SECONDS: Final = 2
"""How long to wait for an answer, and for a connection."""

Command = tuple[Any, ...]
"""A command's name and its arguments."""


class Unreachable(Exception):
    """The store does not answer. What was sent may have been done, or not."""


class Refused(Exception):
    """The store has refused a command."""


class Behind(Refused):
    """XADD: the entry's id is not above the last one."""


class Full(Refused):
    """There is no memory left, and nothing may be dropped."""


class Link:
    """The connection to one address. It is opened by the first call, and after each failure.

    seconds: how long to wait for an answer
    opened: how often it was opened. A call opens it anew, without a failure, if it has broken
        since the last one
    """

    def __init__(self, address: Address, seconds: float = ANSWER_SECONDS) -> None:
        self._address = address
        self._seconds = seconds
        self.opened = 0
        self._client: Redis | None = None

    async def call(self, commands: Sequence[Command]) -> list[Any]:
        """The answers to some commands, which are sent at once. `Refused` is an answer, too.

        Raises `Unreachable`.
        """
        from redis.exceptions import RedisError  # this import takes 0.1 s; few need it

        try:
            client = self._client = self._client or self._new_client()
            async with client.pipeline(transaction=False) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)
                answers = await pipeline.execute(raise_on_error=False)
            if _is_cancelled():
                raise asyncio.CancelledError
            return [_answer(answer) for answer in answers]
        except (RedisError, OSError, RuntimeError) as error:
            # A RuntimeError is uvloop's word for a connection that is closed when it is written to.
            await self.close()
            if _is_cancelled():
                raise asyncio.CancelledError from None
            raise Unreachable(type(error).__name__) from None
        except Unreachable:
            await self.close()
            raise

    def _new_client(self) -> Redis:
        async def opened(connection: AbstractConnection) -> None:
            await connection.on_connect()
            self.opened += 1

        return self._address.client(self._seconds, redis_connect_func=opened)

    async def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
            await disconnect(client.connection_pool)


def _is_cancelled() -> bool:
    """Whether this task is to end. redis-py may answer, or raise an error, in spite of that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _answer(answer: Any) -> Any:
    """An answer, or what it says was refused. Raises `Unreachable` if the server is no use now."""
    from redis.exceptions import (
        ClusterDownError,
        MasterDownError,
        NoPermissionError,
        OutOfMemoryError,
        ReadOnlyError,
    )

    if not isinstance(answer, Exception):
        return answer
    if isinstance(answer, ReadOnlyError | MasterDownError | ClusterDownError | NoPermissionError):
        raise Unreachable(type(answer).__name__)
    if isinstance(answer, OutOfMemoryError):
        return Full()
    return Behind() if "equal or smaller" in str(answer) else Refused(type(answer).__name__)
