"""A generation: from a request to a run that has ended.

    request ── prompt ──> provider ── text ──> attempt ── operations ──> run ──> followers
                             ^                    │
                             └──── feedback ──────┘   an attempt that fails may have another

Read this file first: everything else is a part of this line. One task opens the provider's
answer, feeds its text to an `Attempt` and ends the run, in `Done` or in `Failed`, on every
path.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from msgspec import structs

from app.errors import (
    Cancelled,
    Internal,
    OutputFiltered,
    OutputInvalid,
    OutputRefused,
    OutputTooLarge,
    OutputTruncated,
    ProviderError,
    ProviderInterrupted,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderTimeout,
    ProviderUnavailable,
    ServiceError,
)
from app.partial.invalid import Invalid
from app.providers.base import Completion, Finish, Provider
from app.settings import Settings
from app.streams.attempt import Attempt
from app.streams.deadline import Deadline
from app.streams.log_entry import Done, Failed, Restart, Usage
from app.streams.request import GenerationRequest
from app.streams.run import Run, resolve

TRIES = 3
"""How often the first answer is asked for, at most."""
BACKOFF_SECONDS = 0.5

GATHER_SECONDS = 0.1
"""How long text may gather with the provider, at most, while no follower waits for it."""

_log = structlog.get_logger("stream")


class _Failure(Exception):
    """An attempt has failed in a way that another may mend."""

    def __init__(self, error: ServiceError, feedback: list[dict[str, Any]]) -> None:
        self.error = error
        self.feedback = feedback


class Generation:
    """Generates one value into `target`.

    opened: resolves once the provider has answered (then `answered` is True) or the run has
        ended without that
    finished: resolves once the run has ended
    cause: for the log: what the error that ended it came from
    request_id, caller: of the request that began it; no caller: none is needed
    estimated: tokens of the attempts whose provider has not told: a quarter of the characters
    """

    def __init__(
        self, request: GenerationRequest, target: Run, provider: Provider, settings: Settings
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.request = request
        self.target = target
        self.opened: asyncio.Future[bool] = self._loop.create_future()
        self.finished: asyncio.Future[bool] = self._loop.create_future()
        self.started = self._loop.time()
        self.answered = False
        self.cause: str | None = None
        self.request_id, self.caller = "-", ""
        self.first_content: float | None = None
        self.ended: float | None = None
        self.content_bytes = 0
        self.attempts = 0
        self.spent: Usage | None = None
        self.estimated = 0
        self._provider = provider
        self._settings = settings
        self._limits = request.limits(settings)
        self._last = self.started + self._limits.total
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> asyncio.Task[None]:
        """Start generating."""
        self._task = asyncio.create_task(self._run(), name=f"generation {self.target.id}")
        return self._task

    def stop(self, error: ServiceError) -> None:
        """End the run in `error` at once, and close the provider's connection."""
        self._end(Failed.of(error))
        if self._task is not None:
            self._task.cancel()

    def make_sure_it_ended(self) -> None:
        """A task that is cancelled before its first step runs nothing, not even a `finally`."""
        self._end(Failed.of(Cancelled()))

    @property
    def duration_ms(self) -> int:
        """From the request to the end, or to now."""
        return round(((self.ended or self._loop.time()) - self.started) * 1000)

    @property
    def first_content_ms(self) -> int | None:
        """From the request to the model's first content; None where there was none."""
        first = self.first_content
        return None if first is None else round((first - self.started) * 1000)

    async def _run(self) -> None:
        try:
            await self._generate()
            self._end(Done())
        except ServiceError as error:
            self.cause = error.cause
            self._end(Failed.of(error))
        except asyncio.CancelledError:
            self._end(Failed.of(Cancelled()))
            raise
        except Exception:
            _log.exception("a generation broke", id=self.target.id)
            self._end(Failed.of(Internal()))

    def _end(self, end: Done | Failed) -> None:
        self.target.source = None
        if not self.target.ended:
            self.ended = self._loop.time()
            if self.spent is not None:
                self.target.tell(structs.replace(self.spent, attempts=self.attempts))
            self.target.tell(end)
        resolve(self.opened)
        resolve(self.finished)

    # -- attempts ---------------------------------------------------------------------------

    async def _generate(self) -> None:
        messages = self.request.messages
        feedback: list[dict[str, Any]] = []
        while True:
            self.attempts += 1
            try:
                await self._attempt([*messages, *feedback])
                return
            except _Failure as failure:
                if self.attempts >= self._settings.max_attempts:
                    raise failure.error from None
                error, feedback = failure.error, failure.feedback
            self.target.tell(Restart(self.attempts + 1, error.code, error.errors))

    async def _attempt(self, messages: list[dict[str, Any]]) -> None:
        """One attempt; returns when the value is complete and valid.

        Raises `_Failure`, or another ServiceError where a further attempt would not help.
        """
        begun = self._loop.time()
        answer: Completion | None = None

        def due() -> float:
            if answer is None or not attempt.begun:
                return min(begun + self._limits.first_content, self._last)
            return min(answer.active + self._limits.gap, self._last)

        deadline = Deadline(due)
        attempt = Attempt(self.target, self.request.decoder(), deadline.expire)
        try:
            async with deadline, self._opened(messages) as answer:
                self.answered = True
                resolve(self.opened)
                await self._read(answer, attempt, deadline)
        except (TimeoutError, ProviderInterrupted, ProviderProtocol) as error:
            attempt.look()  # it may have all that it needs
            if not attempt.is_over:
                raise _broken_off(error) from None
        finally:
            attempt.close()
            self._count(answer, messages, attempt.size)
        assert answer is not None
        self._conclude(answer, attempt)

    async def _read(self, answer: Completion, attempt: Attempt, deadline: Deadline) -> None:
        async for piece in answer:
            is_first = not attempt.begun
            self._write(piece, attempt)
            if attempt.is_over:
                return
            if is_first:
                deadline.look()  # a gap may be shorter than what was left for the first content
            await self._gather(answer)

    async def _gather(self, answer: Completion) -> None:
        """Wait until a follower wants text or no more comes: a token a read would wake a task."""
        if not answer.ahead:
            awaited: set[asyncio.Future[Any]] = {self.target.wanted(), answer.received}
            await asyncio.wait(awaited, timeout=GATHER_SECONDS, return_when=asyncio.FIRST_COMPLETED)

    def _conclude(self, answer: Completion, attempt: Attempt) -> None:
        """The text has ended: is it a value?"""
        attempt.look()
        try:
            if attempt.invalid is not None:
                raise attempt.invalid
            if attempt.decoder.stopped:
                return
            _check_finish(answer)
            attempt.decoder.finish()
        except (ProviderInterrupted, ProviderProtocol) as error:
            raise _broken_off(error) from None
        except Invalid as error:
            raise _Failure(
                OutputInvalid(errors=error.errors), _feedback(attempt.text, error)
            ) from None

    # -- the provider -----------------------------------------------------------------------

    @asynccontextmanager
    async def _opened(self, messages: list[dict[str, Any]]) -> AsyncIterator[Completion]:
        async with AsyncExitStack() as stack:
            yield await self._enter(stack, messages)

    async def _enter(self, stack: AsyncExitStack, messages: list[dict[str, Any]]) -> Completion:
        """The provider's completion. Asks again while the request's window lasts."""
        request = self.request.completion(messages)
        left = TRIES
        while True:
            left -= 1
            try:
                return await stack.enter_async_context(self._provider.complete(request))
            except (ProviderUnavailable, ProviderRateLimited) as error:
                pause = error.retry_after if error.retry_after else BACKOFF_SECONDS
                window = self.started + self._settings.open_timeout - self._loop.time()
                if not left or self.opened.done() or pause >= window:
                    raise
            await asyncio.sleep(pause)

    def _write(self, piece: str, attempt: Attempt) -> None:
        if self.first_content is None:
            self.first_content = self._loop.time()
        before = attempt.size
        attempt.write(piece)
        self.content_bytes += attempt.size - before
        if attempt.size > self._settings.max_output_bytes:
            raise OutputTooLarge

    def _count(self, answer: Completion | None, asked: list[dict[str, Any]], size: int) -> None:
        """Add the tokens of an attempt that the provider has answered, as far as it told them."""
        if answer is None:
            return
        if answer.usage is None:
            self.estimated += (sum(len(message["content"]) for message in asked) + size) // 4
            return
        before = self.spent or Usage(0, 0, 0)
        self.spent = Usage(
            before.input_tokens + answer.usage.input_tokens,
            before.output_tokens + answer.usage.output_tokens,
            self.attempts,
        )


def _broken_off(error: TimeoutError | ProviderError) -> Exception:
    """What to raise where an answer has no end."""
    return _Failure(error, []) if isinstance(error, ProviderError) else ProviderTimeout()


def _check_finish(answer: Completion) -> None:
    """Has the model finished normally? Raises what it has done instead."""
    match answer.finish:
        case Finish.REFUSED:
            raise OutputRefused
        case None:
            raise ProviderInterrupted
        case Finish.LENGTH:
            raise OutputTruncated
        case Finish.FILTERED:
            raise OutputFiltered
        case Finish.UNKNOWN:
            raise ProviderProtocol


def _feedback(text: str, error: Invalid) -> list[dict[str, Any]]:
    """What the next attempt is told: the invalid answer, and what is wrong with it."""
    return [
        {"role": "assistant", "content": text},
        {
            "role": "user",
            "content": f"Validation errors found:\n{error.feedback}\n"
            "Answer again, in full, with the errors fixed.",
        },
    ]
