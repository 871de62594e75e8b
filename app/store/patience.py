"""How long a call waits for an answer of a store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from app.redis.link import Unreachable
from app.redis.patience import comes

PATIENT_SECONDS: Final = 2
"""How long a call waits for the store that can do nothing else."""


async def answers_in_time(
    asked: asyncio.Future[list[Any]],
    late: Callable[[], None] = lambda: None,
    seconds: float = PATIENT_SECONDS,
) -> list[Any] | None:
    """What a store answers; None if it doesn't in time.

    late: is called once, if the answer was not waited for, or there is none
    """
    try:
        if await comes(asked, seconds):
            return asked.result()
    except Unreachable:
        late()
        return None
    except asyncio.CancelledError:
        asked.add_done_callback(partial(_when_late, late))
        raise
    asked.add_done_callback(partial(_when_late, late))
    return None


def _when_late(late: Callable[[], None], asked: asyncio.Future[list[Any]]) -> None:
    if not asked.cancelled():
        asked.exception()  # it is of no interest any more
    late()
