"""The producer of a stream: from a request to a log that has ended.

    request ── prompt ──> provider ── text ──> attempt ── operations ──> stream ──> followers
                             ^                    │
                             └──── feedback ──────┘   an attempt that fails may have another

Read this file first: everything else is a part of this line. One coroutine asks the provider,
decodes its text as it comes and writes it to the stream, which it ends in `Done` or in `Failed`
on every path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import structlog

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
from app.schema import Deadlines
from app.streams.attempt import Attempt
from app.streams.deadline import Deadline
from app.streams.log_entry import Done, Failed, Usage
from app.streams.request import Limits
from app.streams.stream import Stream

TRIES = 3
"""How often the first completion is asked for, at most."""

BACKOFF_SECONDS = 0.5

GATHER_SECONDS = 0.1
"""How long text may gather, at most, while no follower waits for it: what is certain to fail is
not to be paid for, even if all followers are slow, or none is there."""

SLICE = 1024
"""Characters that are decoded at a time: of prose they take a fraction of a millisecond, of tiny
objects some 10 ms."""

TURN_SECONDS = 0.005
"""How long slices may be decoded until the other tasks of the loop have a turn."""

_UNUSABLE: dict[Finish, type[ServiceError]] = {
    Finish.LENGTH: OutputTruncated,
    Finish.FILTERED: OutputFiltered,
    Finish.REFUSED: OutputRefused,
    Finish.UNKNOWN: ProviderProtocol,
}

_log = structlog.get_logger("stream")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerSettings:
    """What bounds a generation.

    attempts: at a valid value, at most
    output_bytes: of one completion's text, at most
    opening: seconds from the request in which the first completion may be asked for again
    limits: where neither the schema nor the model has its own
    deadlines: those of models, by name
    """

    attempts: int
    output_bytes: int
    opening: float
    limits: Limits
    deadlines: Mapping[str, Deadlines] = field(default_factory=dict)


class _Failure(Exception):
    """An attempt has failed in a way that another may mend.

    answer, feedback: the invalid answer and what is wrong with it, which the next attempt is
        told; both are empty where there is no answer to speak of
    """

    def __init__(self, error: ServiceError, answer: str = "", feedback: str = "") -> None:
        self.error = error
        self.answer = answer
        self.feedback = feedback


class Producer:
    """Generates a stream's value: `run` is its one coroutine."""

    def __init__(self, stream: Stream, provider: Provider, settings: ProducerSettings) -> None:
        self._loop = asyncio.get_running_loop()
        self._stream = stream
        self._figures = stream.figures
        self._provider = provider
        self._settings = settings
        own = settings.deadlines.get(stream.request.model, Deadlines())
        self._limits = stream.request.limits(own, settings.limits)
        self._last = stream.figures.started + self._limits.total

    async def run(self) -> None:
        """Return, or be cancelled, once the stream has ended."""
        try:
            await self._generate()
            self._stream.end(Done())
        except ServiceError as error:
            self._figures.cause = error.cause
            self._stream.end(Failed.of(error))
        except asyncio.CancelledError:
            self._stream.end(Failed.of(Cancelled()))
            raise
        except Exception as error:
            _log.exception(
                "a generation broke",
                id=self._stream.id,
                schema=self._stream.request.entry.name,
                error=type(error).__name__,
            )
            self._stream.end(Failed.of(Internal()))

    # -- attempts ---------------------------------------------------------------------------

    async def _generate(self) -> None:
        messages = first = self._stream.request.messages
        while True:
            self._figures.attempts += 1
            try:
                await self._attempt(messages)
                return
            except _Failure as failure:
                if self._figures.attempts >= self._settings.attempts:
                    raise failure.error from None
                error = failure.error
                messages = _told(first, failure.answer, failure.feedback)
            self._stream.restart(self._figures.attempts + 1, error)

    async def _attempt(self, messages: list[dict[str, Any]]) -> None:
        """One attempt; returns when the value is complete and valid.

        Raises `_Failure`, or another ServiceError where a further attempt would not help.
        """
        begun = self._loop.time()
        attempt = Attempt(self._stream, self._stream.request.decoder())
        completion: Completion | None = None

        def due() -> float:
            if completion is None or not attempt.begun:
                return min(begun + self._limits.first_content, self._last)
            return min(completion.active + self._limits.gap, self._last)

        async with AsyncExitStack() as contexts:
            try:
                async with Deadline(due) as deadline:
                    completion = await self._opened(messages, contexts)
                    attempt.answered(completion)
                    self._stream.answer()
                    await self._read(completion, attempt, deadline)
            except (TimeoutError, ProviderInterrupted, ProviderProtocol) as error:
                if not attempt.is_over:
                    raise _broken_off(error) from None
            finally:
                self._count(completion, messages, attempt.size)
        assert completion is not None
        _conclude(completion, attempt)

    async def _read(self, completion: Completion, attempt: Attempt, deadline: Deadline) -> None:
        async for piece in completion:
            is_first = not attempt.begun
            if self._figures.first_content is None:
                self._figures.first_content = self._loop.time()
            await self._write(piece, attempt)
            if attempt.is_over:
                return
            if is_first:
                deadline.check()  # a gap may be shorter than what was left for the first content
            if not completion.ahead:
                await self._stream.audience.demand(GATHER_SECONDS, completion.received)

    async def _write(self, piece: str, attempt: Attempt) -> None:
        """Decode a piece, however long it is, without holding up the loop."""
        turn = self._loop.time() + TURN_SECONDS
        for start in range(0, len(piece), SLICE):
            if start and self._loop.time() >= turn:
                await asyncio.sleep(0)
                turn = self._loop.time() + TURN_SECONDS
            before = attempt.size
            attempt.write(piece[start : start + SLICE])
            self._figures.content_bytes += attempt.size - before
            if attempt.size > self._settings.output_bytes:
                raise OutputTooLarge
            if attempt.is_over:
                return

    # -- the provider -----------------------------------------------------------------------

    async def _opened(self, messages: list[dict[str, Any]], contexts: AsyncExitStack) -> Completion:
        """A completion that the provider has begun. Asks again while the request's window lasts."""
        request = self._stream.request.completion(messages)
        left = TRIES
        while True:
            left -= 1
            try:
                return await contexts.enter_async_context(self._provider.complete(request))
            except (ProviderUnavailable, ProviderRateLimited) as error:
                pause = error.retry_after if error.retry_after else BACKOFF_SECONDS
                window = self._figures.started + self._settings.opening - self._loop.time()
                if not left or self._stream.opened.done() or pause >= window:
                    raise
            await asyncio.sleep(pause)

    def _count(self, completion: Completion | None, asked: list[dict[str, Any]], size: int) -> None:
        """Add the tokens of an attempt that the provider has answered, as far as it told them."""
        if completion is None:
            return
        if completion.usage is None:
            characters = sum(len(message["content"]) for message in asked) + size
            self._figures.estimated_tokens += characters // 4
            return
        before = self._figures.usage or Usage(0, 0, 0)
        self._figures.usage = Usage(
            before.input_tokens + completion.usage.input_tokens,
            before.output_tokens + completion.usage.output_tokens,
            self._figures.attempts,
        )


def _broken_off(error: TimeoutError | ProviderError) -> Exception:
    """What to raise where a completion has no end."""
    return _Failure(error) if isinstance(error, ProviderError) else ProviderTimeout()


def _conclude(completion: Completion, attempt: Attempt) -> None:
    """The text has ended: is it a value? Raises what is wrong instead."""
    try:
        if not attempt.is_over:
            _check(completion.finish)
        attempt.finish()
    except (ProviderInterrupted, ProviderProtocol) as error:
        raise _broken_off(error) from None
    except Invalid as error:
        invalid = OutputInvalid(errors=error.errors)
        raise _Failure(invalid, attempt.text, error.feedback) from None


def _check(finish: Finish | None) -> None:
    """Has the model finished normally? Raises what it has done instead."""
    if finish is None:
        raise ProviderInterrupted
    if finish is not Finish.STOP:
        raise _UNUSABLE[finish]


def _told(messages: list[dict[str, Any]], answer: str, feedback: str) -> list[dict[str, Any]]:
    """The messages of the next attempt: with the invalid answer, and what is wrong with it.

    Of an empty answer, the last message tells. Providers refuse an empty message of the
    assistant, and chat templates two messages of the user in a row.
    """
    if not feedback:
        return messages
    content = f"Validation errors found:\n{feedback}\nAnswer again, in full, with the errors fixed."
    if answer.strip():
        said = {"role": "assistant", "content": answer}
        return [*messages, said, {"role": "user", "content": content}]
    *before, last = messages
    return [*before, last | {"content": f"{last['content']}\n\n{content}"}]
