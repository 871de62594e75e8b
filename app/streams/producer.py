"""The producer of a stream: from a request to a log that has ended.

    request ── prompt ──> provider ── text ──> attempt ── operations ──> stream ──> followers
                             ^                    │
                             └──── feedback ──────┘   an attempt that fails may have another

Read this file first: the other parts of the service are along this line. One coroutine asks the
provider, decodes its text as it comes, and writes operations to the stream. Whatever happens, it
ends the stream in `Done` or in `Failed`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any, Protocol

import structlog

from app.errors import (
    Cancelled,
    Internal,
    OutputFiltered,
    OutputInvalid,
    OutputRefused,
    OutputTooLarge,
    OutputTruncated,
    ProviderInterrupted,
    ProviderProtocol,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderTimeout,
    ProviderUnavailable,
    ServiceError,
)
from app.partial.invalid import Invalid
from app.partial.kept import Kept
from app.providers.base import (
    TOKEN_CHARACTERS,
    Completion,
    CompletionRequest,
    Finish,
    Provider,
    Tokens,
)
from app.providers.model_settings import ModelSettings
from app.providers.pricing import PriceList
from app.streams.attempt import Attempt
from app.streams.circuits import CircuitOpen, Circuits, Trial
from app.streams.deadline import Deadline
from app.streams.fallback import falls_back, in_turn
from app.streams.figures import AttemptFigures
from app.streams.log_entry import DONE, MOVED, Done, Failed, Usage
from app.streams.request import GenerationRequest, Limits
from app.streams.stream import Stream
from app.streams.traces import (
    attempt_span,
    note_answer,
    note_failure,
    note_first_content,
    note_restart,
    stream_span,
)
from app.streams.where_raised import where_raised

TRIES = 3
"""How often a completion is asked for, at most, until the provider begins one."""

BACKOFF_SECONDS = 0.5

CONTINUATIONS = 10
"""How often a list is continued, at most, after its answer has come to its length limit."""

SETTLED_SECONDS = 1
"""How long a value that is whole waits for its finish reason, while nothing but blanks comes."""

GATHER_SECONDS = 0.1
"""How long text may gather, at most, while no follower waits for it. Then it is decoded anyway, so
that an answer that is certain to fail is stopped, even if all followers are slow or there is none.
"""

SLICE = 1024
"""Characters that are decoded at a time. Prose takes a fraction of a millisecond, tiny objects
take about 10 ms."""

TURN_SECONDS = 0.005
"""After this time of decoding, the other tasks of the event loop get a turn."""

_UNUSABLE: dict[Finish, type[ServiceError]] = {
    Finish.LENGTH: OutputTruncated,
    Finish.FILTERED: OutputFiltered,
    Finish.REFUSED: OutputRefused,
    Finish.UNKNOWN: ProviderProtocol,
}

_BUSY = (ProviderUnavailable, ProviderRateLimited)
"""The provider may have time for us a little later."""

_MENDABLE = (*_BUSY, ProviderInterrupted, ProviderProtocol, OutputInvalid)
"""What may break off an answer. Another attempt may bring it in full."""

CIRCUIT_OPEN = "circuit_open"
"""Why a model was passed over, beside the codes of errors."""

_log = structlog.get_logger("stream")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerSettings:
    """What bounds a generation.

    attempts: the most that are made at a valid value. To continue a list whose answer was cut by
        its length is not one of them
    keep_elements: whether the good elements of a list are kept when an attempt fails
    output_bytes: of one completion's text, at most
    opening: the seconds in which a completion may be asked for again, from the stream's beginning,
        or from the attempt's once something was streamed; no pause between attempts is longer
    limits: where neither the schema nor the model has its own
    models: by name, those that can be asked
    capture_content: whether spans hold what models are told and what they answer
    recording: makes the context in which a stream is generated, which may record it
    prices: what their tokens cost, where that is known
    """

    attempts: int
    keep_elements: bool = True
    output_bytes: int
    opening: float
    limits: Limits
    models: Mapping[str, ModelSettings] = field(default_factory=dict)
    capture_content: bool = False
    recording: Callable[[Stream], AbstractContextManager[None]] = lambda stream: nullcontext()
    prices: PriceList = field(default_factory=dict)

    def limits_of(self, request: GenerationRequest) -> Limits:
        """The longest times of a stream, by the schema and the first model that it asks."""
        first, *_ = in_turn(request.model, self.models)
        return request.limits(first.deadlines, self.limits)


class AttemptObserver(Protocol):
    """Is told of each attempt. The metrics implement it."""

    def asked(self, stream: Stream, attempt: AttemptFigures) -> None:
        """A provider is asked."""

    def gap(self, attempt: AttemptFigures, seconds: float) -> None:
        """So long after the last content of an attempt there was more. Called often."""

    def answered(self, stream: Stream, attempt: AttemptFigures) -> None:
        """An attempt has ended, whatever its outcome."""


class _Failure(Exception):
    """An attempt has failed in a way that another may mend.

    answer, feedback: the invalid answer and what is wrong with it, which the next attempt is
        told; both are empty where there is no answer to speak of
    kept: the elements that the next attempt goes on with
    """

    def __init__(
        self,
        error: ServiceError,
        answer: str = "",
        feedback: str = "",
        *,
        kept: Kept | None = None,
    ) -> None:
        self.error = error
        self.answer = answer
        self.feedback = feedback
        self.kept = kept


class Producer:
    """Generates a stream's value: `run` is its one coroutine."""

    def __init__(
        self,
        stream: Stream,
        provider: Provider,
        settings: ProducerSettings,
        circuits: Circuits,
        observer: AttemptObserver,
        kept: Kept | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._stream = stream
        self._figures = stream.figures
        self._provider = provider
        self._settings = settings
        if stream.origin.reasoning:
            stream.reasoning_left = settings.output_bytes
        self._circuits = circuits
        self._observer = observer
        self._trial = Trial()
        self._models = in_turn(stream.request.model, settings.models)
        self._model = self._models[0]  # the one that is asked now
        self._limits: Limits  # those of the model that is asked now
        total = settings.limits_of(stream.request).total
        self._last = stream.figures.started - stream.figures.before + total
        self._continued = 0  # how often a list was continued that was cut by its length
        self._tried: Attempt | None = None  # the last attempt
        self._kept = kept  # what a process that has died has left
        self._decoded = 0.0  # when the last large content was decoded
        self._prompt: list[dict[str, Any]] | None = None  # the messages that ask for the whole

    async def run(self) -> None:
        """Generate the value. The stream has always ended when this returns or is cancelled."""
        with stream_span(self._stream), self._settings.recording(self._stream):
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
                _log.error(
                    "a generation broke",
                    id=self._stream.id,
                    schema=self._stream.request.entry.name,
                    error=type(error).__name__,
                    exception=where_raised(error),
                )
                self._stream.end(Failed.of(Internal()))

    # -- models -----------------------------------------------------------------------------

    async def _generate(self) -> None:
        """Ask the models in turn, until one has answered. Raises the failure of the last one."""
        self._figures.attempts = max(self._figures.attempts, 1)
        failure: ServiceError | None = None
        *others, last = self._models
        for model in others:
            try:
                async with self._circuits.trial(model.name) as self._trial:
                    return await self._ask(model, failure)
            except CircuitOpen:
                self._figures.fallbacks.append((model.name, CIRCUIT_OPEN))
            except ServiceError as error:
                if not (falls_back(model, error) and self._has_time(0)):
                    raise
                self._figures.fallbacks.append((model.name, error.code))
                failure = error
        self._trial = Trial()
        await self._ask(last, failure)

    async def _ask(self, model: ModelSettings, failure: ServiceError | None) -> None:
        """Ask a model, in several attempts if need be. Raises the failure of the last one.

        failure: that of the model that was asked before this one
        """
        kept = self._tried.kept if self._tried else self._kept
        self._model = model
        self._limits = self._stream.request.limits(model.deadlines, self._settings.limits)
        if self._stream.has_moved:
            self._tell_moved(kept, model.name)
        elif failure is not None and self._stream.was_begun:
            self._restart(failure, kept, model.name)
        else:
            self._stream.ask(model.name)
        await self._attempts(kept)

    def _tell_moved(self, kept: Kept | None, model: str) -> None:
        """Tell readers that this process goes on, and whom it asks if that is another one."""
        other = None if model == self._stream.model else model
        self._stream.go_on(kept, other)
        note_restart(self._figures.attempts, MOVED, other)

    def _restart(self, error: ServiceError, kept: Kept | None, model: str | None = None) -> None:
        self._figures.attempts += 1
        self._stream.restart(self._figures.attempts, error, kept, model)
        note_restart(self._figures.attempts, error.code, model)

    # -- attempts ---------------------------------------------------------------------------

    async def _attempts(self, kept: Kept | None) -> None:
        """Make as many attempts as a model may have. Raises the failure of the last one."""
        messages = await self._messages(kept)
        most = self._figures.attempts - self._continued + self._settings.attempts - 1
        while True:
            request = self._completion_request(messages, kept)
            with self._traced(request):
                try:
                    await self._attempt(request, kept)
                    return
                except _Failure as failure:
                    pause = self._go_on(failure, most)
                    kept, answer, feedback = failure.kept, failure.answer, failure.feedback
            if pause is not None:
                messages = await self._next_messages(kept, answer, feedback)
                await asyncio.sleep(pause)

    def _go_on(self, failure: _Failure, most: int) -> float | None:
        """Tell readers that another attempt begins. Gives the pause before it.

        None: there is nothing left to ask for.
        most: the number of the last attempt, not counting those that continue a list
        Raises what has failed if there is no other attempt.
        """
        error, kept = failure.error, failure.kept
        note_failure(error)
        self._continued += isinstance(error, OutputTruncated)
        pause = _pause(error) if isinstance(error, _BUSY) else 0
        is_last = self._figures.attempts - self._continued >= most
        if is_last or self._continued > CONTINUATIONS or not self._has_time(pause):
            raise error from None
        if self._is_full(kept):
            return None
        self._restart(error, kept)
        return pause

    def _completion_request(
        self, messages: list[dict[str, Any]], kept: Kept | None
    ) -> CompletionRequest | None:
        """What the model is asked in an attempt; None: there is nothing left to ask for."""
        if self._is_full(kept):
            return None
        return self._stream.request.completion(self._model.name, messages, kept)

    def _traced(self, request: CompletionRequest | None) -> AbstractContextManager[None]:
        """The span of an attempt, if it asks the provider."""
        if request is None:
            return nullcontext()
        with_content = self._settings.capture_content
        return attempt_span(self._stream, self._model, request, with_content=with_content)

    async def _next_messages(
        self, kept: Kept | None, answer: str, feedback: str
    ) -> list[dict[str, Any]]:
        """What the attempt after one that has failed is told."""
        messages = await self._messages(kept, feedback)
        return _told(messages, answer, feedback) if kept is None else messages

    async def _messages(self, kept: Kept | None, feedback: str = "") -> list[dict[str, Any]]:
        """The prompt: for the rest, if elements are kept. The one for the whole is made once.

        Raises `ProviderTimeout` if the stream's time runs out before it is there, and what
        `render` raises.
        """
        try:
            async with asyncio.timeout_at(self._last) as total:
                return await self._new_messages(kept, feedback)
        except TimeoutError:
            if not total.expired():  # something in the schema's own code has timed out
                raise
            self._trial.abandon()  # this says nothing of the model
            raise _late("total") from None

    async def _new_messages(self, kept: Kept | None, feedback: str) -> list[dict[str, Any]]:
        request = self._stream.request
        if kept is not None:
            return await request.messages_of_rest(kept, feedback)
        if self._prompt is None:
            self._prompt = await request.messages()
        return self._prompt

    def _is_full(self, kept: Kept | None) -> bool:
        """Whether there is nothing left to ask for."""
        return kept is not None and not self._stream.request.missing(kept)

    def _has_time(self, pause: float) -> bool:
        """Whether another attempt may begin after a pause."""
        return pause < min(self._settings.opening, self._last - self._loop.time())

    async def _attempt(self, request: CompletionRequest | None, kept: Kept | None) -> None:
        """Make one attempt. Returns when the value is complete and valid.

        request: None if the provider isn't asked, as all elements are kept
        kept: elements of earlier attempts
        Raises `_Failure`, or another ServiceError if a further attempt would not help.
        """
        attempt = self._tried = self._new_attempt(kept)
        if request is None:
            attempt.write(f'{{"{self._stream.request.entry.root_key}":[]}}')
            _finish(attempt)
            return
        with self._figured() as figures:
            await self._complete(request, attempt, figures)

    @contextmanager
    def _figured(self) -> Iterator[AttemptFigures]:
        """The figures of the attempt within, of which the observer is told."""
        now = perf_counter()
        figures = AttemptFigures(self._model.name, self._model.provider, now, now)
        self._figures.tried.append(figures)
        self._observer.asked(self._stream, figures)
        figures.code = Internal.code
        try:
            yield figures
            figures.code = DONE
        except _Failure as failure:
            figures.code = failure.error.code
            raise
        except ServiceError as error:
            figures.code = error.code
            raise
        except asyncio.CancelledError:
            figures.code = Cancelled.code
            raise
        finally:
            figures.ended = perf_counter()
            self._observer.answered(self._stream, figures)

    async def _complete(
        self, request: CompletionRequest, attempt: Attempt, figures: AttemptFigures
    ) -> None:
        """Have a completion decoded by an attempt, as `_attempt` says."""
        begun = self._loop.time()
        completion: Completion | None = None
        is_settled = False
        async with AsyncExitStack() as contexts:
            try:
                async with Deadline(lambda: self._due(begun, completion, attempt)) as deadline:
                    since = begun if self._stream.was_begun else self._figures.started
                    until = min(since + self._settings.opening, self._due(begun, None, attempt))
                    completion = await self._opened(request, contexts, until, figures)
                    figures.sent = completion.sent
                    self._answered(completion, attempt)
                    await self._read(completion, attempt, deadline, figures)
            except TimeoutError:
                is_settled = attempt.is_whole and self._is_settled(completion)
                if not attempt.is_over and not is_settled:
                    raise _late(self._what_is_late(attempt)) from None
            except _MENDABLE as error:
                tried = completion is None and isinstance(error, _BUSY)
                if tried or isinstance(error, ProviderQuotaExhausted):
                    raise
                if not attempt.is_over:
                    raise _Failure(error, kept=attempt.kept) from None
            finally:
                self._count(completion, request.messages, attempt.size, figures)
                if completion is not None:
                    text = attempt.text if self._settings.capture_content else None
                    note_answer(completion, text)
        assert completion is not None
        _conclude(completion, attempt, is_settled=is_settled)

    def _due(self, begun: float, completion: Completion | None, attempt: Attempt) -> float:
        """The time at which content has to be there: the first, or more of it.

        begun: when the attempt began
        completion: None until the provider has begun it
        """
        if completion is None:
            return min(begun + self._limits.first_content, self._last)
        if not attempt.begun:
            return min(max(begun, completion.active) + self._limits.first_content, self._last)
        waits = attempt.is_whole and completion.finish is None
        gap = min(self._limits.gap, SETTLED_SECONDS) if waits else self._limits.gap
        return min(max(completion.active, self._decoded) + gap, self._last)

    def _answered(self, completion: Completion, attempt: Attempt) -> None:
        """The provider has begun a completion: tell those who wait for that."""
        if self._stream.keeps_reasoning:
            completion.on_reasoning = partial(self._reason, completion)
        completion.received.add_done_callback(self._stream.audience.end_demand)
        attempt.answered(completion)
        self._stream.answer()

    def _new_attempt(self, kept: Kept | None) -> Attempt:
        keeps = self._settings.keep_elements
        return Attempt(self._stream, self._stream.request.decoder, kept, keeps=keeps)

    def _is_settled(self, completion: Completion | None) -> bool:
        """Whether a whole value needs no more: it has a finish reason, or a second of silence."""
        if completion is None:
            return False
        settled = self._loop.time() >= completion.active + SETTLED_SECONDS
        return settled or completion.finish is not None

    def _what_is_late(self, attempt: Attempt) -> str:
        """Which deadline has passed."""
        if self._loop.time() >= self._last:
            return "total"
        return "gap between contents" if attempt.begun else "first content"

    async def _read(
        self,
        completion: Completion,
        attempt: Attempt,
        deadline: Deadline,
        figures: AttemptFigures,
    ) -> None:
        async for piece in completion:
            before = attempt.begun, attempt.is_whole
            self._note(completion, piece, figures)
            if len(piece) <= SLICE:
                self._decode(piece, attempt)
            else:
                await self._decode_slices(piece, attempt)
            if attempt.begun and not before[0]:
                note_first_content(completion.active - figures.asked)
                await self._trial.worked()
            if attempt.is_over:
                return
            if (attempt.begun, attempt.is_whole) != before:
                deadline.check()  # what is waited for now may have less time
            if _may_gather(completion):
                await self._stream.audience.demand(GATHER_SECONDS)

    def _note(self, completion: Completion, piece: str, figures: AttemptFigures) -> None:
        """Note when content was read."""
        if piece.isspace():
            return
        read = completion.read
        if figures.first_content is None:
            figures.first_content = read
            if self._figures.first_content is None:
                self._figures.first_content = completion.active
        elif read > figures.content:
            self._observer.gap(figures, read - figures.content)
        figures.content = self._figures.content = read

    async def _reason(self, completion: Completion, text: str) -> None:
        """Write reasoning that comes beside the text. More of it may gather, as of the text."""
        self._stream.reason(text)
        if _may_gather(completion):
            await self._stream.audience.demand(GATHER_SECONDS)

    async def _decode_slices(self, piece: str, attempt: Attempt) -> None:
        """Decode a piece of any length without blocking the event loop.

        The provider isn't late while we decode what it has sent, so `_decoded` moves on.
        """
        self._decode(piece[:SLICE], attempt)
        turn = self._loop.time() + TURN_SECONDS
        is_blank = piece.isspace()
        for start in range(SLICE, len(piece), SLICE):
            if attempt.is_over:
                return
            now = self._loop.time()
            if not is_blank:
                self._decoded = now
            if now >= turn:
                await asyncio.sleep(0)
                turn = self._loop.time() + TURN_SECONDS
            self._decode(piece[start : start + SLICE], attempt)

    def _decode(self, text: str, attempt: Attempt) -> None:
        before = attempt.size
        attempt.write(text)
        self._figures.content_bytes += attempt.size - before
        if attempt.whole_size > self._settings.output_bytes:
            raise OutputTooLarge

    # -- the provider -----------------------------------------------------------------------

    async def _opened(
        self,
        request: CompletionRequest,
        contexts: AsyncExitStack,
        until: float,
        figures: AttemptFigures,
    ) -> Completion:
        """A completion that the provider has begun. Asks again until that time, if need be."""
        left = TRIES
        while True:
            left -= 1
            figures.unanswered = True
            try:
                return await contexts.enter_async_context(self._provider.complete(request))
            except ProviderQuotaExhausted:
                figures.unanswered = False
                raise
            except ServiceError as error:
                figures.unanswered = False
                if not isinstance(error, _BUSY):
                    raise
                pause = _pause(error)
                if not left or pause >= until - self._loop.time():
                    raise
            await asyncio.sleep(pause)
            figures.began = perf_counter()

    def _count(
        self,
        completion: Completion | None,
        asked: list[dict[str, Any]],
        size: int,
        figures: AttemptFigures,
    ) -> None:
        """Add the tokens of an attempt: those that the provider has reported, else an estimate.

        Whoever leaves before the provider has answered has asked it all the same.
        """
        if completion is None and not figures.unanswered:
            return
        if completion is not None and self._stream.model not in self._figures.models:
            self._figures.models.append(self._stream.model)
        told = completion.usage if completion else None
        figures.tokens, figures.estimated = told or estimated(asked, size), told is None
        price = self._settings.prices.get(self._model.name)
        figures.cost_usd = price(figures.tokens) if price else None
        if told is None:
            self._figures.estimated_tokens += figures.tokens.all
            return
        before = self._figures.usage or Usage(0, 0, 0)
        self._figures.usage = Usage(
            before.input_tokens + told.input_tokens,
            before.output_tokens + told.output_tokens,
            self._figures.attempts,
        )


def estimated(asked: list[dict[str, Any]], size: int) -> Tokens:
    """The tokens of these messages and of an answer of that size, by their characters."""
    characters = sum(len(message["content"]) for message in asked)
    given = characters // TOKEN_CHARACTERS
    return Tokens(given, (characters + size) // TOKEN_CHARACTERS - given)


def _may_gather(completion: Completion) -> bool:
    """Whether text may gather: unless the provider writes faster than we read, or has ended."""
    return not (completion.ahead or completion.received.done())


def _late(deadline: str) -> ProviderTimeout:
    """What to raise where this deadline has passed, which the log tells."""
    error = ProviderTimeout()
    error.cause = deadline
    return error


def _pause(error: ServiceError) -> float:
    """How long to wait until a busy provider is asked again."""
    return error.retry_after or BACKOFF_SECONDS


def _conclude(completion: Completion, attempt: Attempt, *, is_settled: bool) -> None:
    """The text has ended: is it a value? Raises what is wrong instead.

    is_settled: whether nothing has followed a whole value for so long that it needs no finish
        reason
    """
    try:
        if not attempt.is_over and not (is_settled and completion.finish is None):
            _check(completion, attempt)
    except (ProviderInterrupted, ProviderProtocol) as error:
        raise _Failure(error, kept=attempt.kept) from None
    except OutputTruncated as error:
        if not attempt.can_be_continued:
            raise
        raise _Failure(error, kept=attempt.kept) from None
    _finish(attempt)


def _finish(attempt: Attempt) -> None:
    """Take what an attempt has come to for the value. Raises `_Failure` if it isn't valid."""
    try:
        attempt.finish()
    except Invalid as error:
        invalid = OutputInvalid(errors=error.errors)
        raise _Failure(invalid, attempt.text, error.feedback, kept=attempt.kept) from None


def _check(completion: Completion, attempt: Attempt) -> None:
    """Has the model finished normally? Raises what it has done instead.

    An answer whose provider gives no reason, but says that nothing follows, is finished where
    its value is whole.
    """
    finish = completion.finish
    if finish is None or (finish is Finish.UNSAID and not attempt.is_whole):
        raise ProviderInterrupted
    if finish in _UNUSABLE:
        error = _UNUSABLE[finish]()
        error.cause = f"finish reason {completion.finish_word}" if completion.finish_word else None
        raise error


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
