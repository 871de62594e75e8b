"""The writing task of a shard: one connection, and one pipeline at a time.

Whoever wants something of the store hands it over, and is told the answers. Nobody else waits for
the connection, so a call that is cancelled disturbs no other one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import structlog

from app.redis.link import Command, Link, Unreachable
from app.redis.patience import TURN_SECONDS
from app.store.health import Health
from app.streams.where_raised import where_raised

TICK_SECONDS: Final = 0.05
"""The time between two pipelines, unless something is urgent."""

RETRY_SECONDS: Final = 0.25
"""The time between two tries while the store does not answer."""

MOST_WAITING: Final = 10_000
"""Commands that wait for the next pipeline. Further ones are told that there is no answer."""

Answers = Sequence[Any] | None
"""What a store has answered to some commands. None: there is no answer, and nobody knows."""

_log = structlog.get_logger("store")


class Job(NamedTuple):
    """Some commands, and who is told the answers."""

    commands: Sequence[Command]
    on_answers: Callable[[Answers], None]


class Writer:
    """Sends what is due, in one pipeline after the other.

    due: the jobs whose time has come, given the loop's time
    on_call: is called after each pipeline with the loop's time and the seconds that the store
        took to answer, or None if it has not answered
    """

    def __init__(
        self,
        link: Link,
        health: Health,
        due: Callable[[float], Iterable[Job]],
        on_call: Callable[[float, float | None], None],
    ) -> None:
        self._link = link
        self._health = health
        self._due = due
        self._on_call = on_call
        self._waiting: list[Job] = []
        self._news = asyncio.Event()
        self._waited = 0.0  # seconds that the pipeline on its way has waited, in turns

    def is_stuck(self, seconds: float) -> bool:
        """Whether the last pipeline has waited that long for its answers."""
        return self._waited > seconds

    def wake(self) -> None:
        """Something is urgent."""
        self._news.set()

    def send(self, *commands: Command, on_answers: Callable[[Answers], None]) -> None:
        """Send commands with the next pipeline, which goes out at once."""
        if len(self._waiting) >= MOST_WAITING:
            on_answers(None)
            return
        self._waiting.append(Job(commands, on_answers))
        self.wake()

    def ask(self, *commands: Command) -> asyncio.Future[list[Any]]:
        """The answers to some commands. Its exception is `Unreachable`. It may be cancelled."""
        asked: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()

        def take(answers: Answers) -> None:
            if asked.done():
                return
            if answers is None:
                asked.set_exception(Unreachable())
            else:
                asked.set_result(list(answers))

        self.send(*commands, on_answers=take)
        return asked

    async def run(self) -> None:
        """Send what is to be sent, until this is cancelled."""
        try:
            while True:
                await self._pause()
                try:
                    await self.flush()
                except Exception as error:
                    _log.error(
                        "what is due could not be sent to a store", exception=where_raised(error)
                    )
        finally:
            self._drop()
            await self._link.close()

    async def _pause(self) -> None:
        if not self._health.is_up:
            await asyncio.sleep(RETRY_SECONDS)
        elif not self._news.is_set():
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                pass
        self._news.clear()

    async def flush(self) -> None:
        """Send everything that is due, and tell the answers."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        jobs, self._waiting = self._waiting, []
        answers: list[Any] | None = None
        counting = asyncio.create_task(self._count_turns())
        try:
            jobs.extend(self._due(now))  # where this breaks off, all jobs so far are told so
            if jobs:
                answers = await self._link.call(
                    [command for job in jobs for command in job.commands]
                )
                self._on_call(loop.time(), loop.time() - now)
        except Unreachable:
            self._on_call(loop.time(), None)
        finally:
            counting.cancel()
            self._waited = 0
            _tell(jobs, answers)

    async def _count_turns(self) -> None:
        while True:
            await asyncio.sleep(TURN_SECONDS)
            self._waited += TURN_SECONDS

    def _drop(self) -> None:
        waiting, self._waiting = self._waiting, []
        _tell(waiting, None)


def _tell(jobs: Sequence[Job], answers: list[Any] | None) -> None:
    at = 0
    for job in jobs:
        upto = at + len(job.commands)
        try:
            job.on_answers(None if answers is None else answers[at:upto])
        except Exception as error:
            _log.error(
                "what a store has answered could not be taken", exception=where_raised(error)
            )
        at = upto
