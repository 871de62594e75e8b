"""What counts for a deadline, to the second: the clock and the provider are the test's own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from instructor import Mode
from instructor import Provider as InstructorProvider

from app.errors import ProviderRateLimited, ProviderUnavailable, ServiceError
from app.providers.base import Completion, CompletionRequest
from app.providers.completion import StreamedCompletion
from app.providers.handlers import handlers
from app.providers.openai.reader import OpenAIReader
from app.streams.circuits import Circuits
from app.streams.log_entry import Done, Failed, Restart
from app.streams.producer import Producer, ProducerSettings
from app.streams.request import Limits
from app.streams.stream import Stream
from app.telemetry.metrics import Telemetry
from tests.support import clock
from tests.support.begun import begun
from tests.support.upstream import delta, end, event, text

OPEN, REST = '{"items": [{"title": "Fi', 'gs", "blurb": "Sweet."}]}'
ANSWER = OPEN + REST
PING = b": ping\n\n"
LIMITS = Limits(first_content=60, gap=20, total=180)

Answer = list[bytes | float] | ServiceError
"""What is read and pauses in seconds, after which nothing comes for ever; or a refusal."""


class Seen(NamedTuple):
    """How a stream has ended, and when; the codes of its restarts."""

    end: str
    seconds: float
    restarts: list[str]
    cause: str | None


class Scripted:
    """A provider that answers each request with the next answer, the last again and again."""

    def __init__(self, answers: list[Answer]) -> None:
        self._answers = answers
        self.asked: list[float] = []

    @asynccontextmanager
    async def complete(self, request: CompletionRequest) -> AsyncIterator[Completion]:
        loop = asyncio.get_running_loop()
        self.asked.append(loop.time())
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, ServiceError):
            raise answer
        extract: Any = handlers(InstructorProvider.OPENAI, Mode.TOOLS).stream_extractor_async
        received = loop.create_future()
        yield StreamedCompletion(_body(answer), received, extract, OpenAIReader(in_tools=True))

    async def aclose(self) -> None:
        """It holds nothing."""


async def _body(reads: list[bytes | float]) -> AsyncIterator[bytes]:
    for read in reads:
        if isinstance(read, bytes):
            yield read
        else:
            await asyncio.sleep(read)
    await asyncio.Event().wait()


def produced(
    *answers: Answer, attempts: int = 1, limits: Limits = LIMITS, before: float = 0
) -> Seen:
    """before: the seconds for which another process has generated the stream already"""
    return clock.run(_produced(Scripted(list(answers)), attempts, limits, before))


async def _produced(provider: Scripted, attempts: int, limits: Limits, before: float) -> Seen:
    stream = begun()
    stream.figures.before = before
    settings = ProducerSettings(attempts=attempts, output_bytes=1_000_000, opening=5, limits=limits)
    reader = asyncio.create_task(_read(stream))
    circuits = Circuits(5, 30, lambda model, is_open: None)
    await Producer(stream, provider, settings, circuits, Telemetry()).run()
    reader.cancel()
    outcome = stream.outcome
    assert outcome is not None
    restarts = [it.code for it in stream.log.since(0, 1000) if isinstance(it, Restart)]
    seconds = asyncio.get_running_loop().time()
    name = outcome.code if isinstance(outcome, Failed) else "done"
    assert isinstance(outcome, Done | Failed)
    return Seen(name, round(seconds, 1), restarts, stream.figures.cause)


async def _read(stream: Stream) -> None:
    """Follow it eagerly, so that its producer reads whatever has come."""
    while True:
        await stream.audience.wait(0, math.inf, lambda: False)


def every(seconds: float, data: bytes, times: int) -> list[bytes | float]:
    return [seconds, data] * times


# -- reasoning --------------------------------------------------------------------------------

REASONS = [delta(reasoning_content="hm"), delta(reasoning="hm")]


@pytest.mark.parametrize("reason", REASONS)
def test_reasoning_puts_off_the_deadline_of_the_first_content(reason: bytes) -> None:
    thinking = every(50, reason, 2)
    assert produced([*thinking, 50.0, text(ANSWER) + end()]).end == "done"
    silent = produced([*every(50, reason, 2)])
    assert silent == Seen("provider_timeout", 160, [], "first content")


def test_reasoning_counts_within_the_total() -> None:
    assert produced(every(50, REASONS[0], 9)) == Seen("provider_timeout", 180, [], "total")


def test_what_a_process_has_taken_that_generated_it_before_counts_within_the_total() -> None:
    moved = produced(every(50, REASONS[0], 9), before=120)
    assert moved == Seen("provider_timeout", 60, [], "total")


@pytest.mark.parametrize(
    "drip",
    [PING, delta(), delta(role="assistant", content=""), delta(reasoning_content=""), text("")],
)
def test_what_says_nothing_puts_off_nothing(drip: bytes) -> None:
    assert produced(every(5, drip, 99)) == Seen("provider_timeout", 60, [], "first content")
    later = produced([text(OPEN), *every(5, drip, 99)])
    assert later == Seen("provider_timeout", 20, [], "gap between contents")


# -- blanks -----------------------------------------------------------------------------------

BLANKS = [" ", "\n", "\t", "\r\n", "  \n  ", " " * 200]


@pytest.mark.parametrize("blank", BLANKS)
def test_blanks_for_ever_are_a_gap(blank: str) -> None:
    for before in ('{"items": [', '{"items"', '{"items": [{"title": "Figs", "blurb": "S"'):
        seen = produced([5.0, text(before), *every(0.5, text(blank), 999)])
        assert seen == Seen("provider_timeout", 25, [], "gap between contents")


def test_blanks_for_ever_in_a_string_are_a_gap() -> None:
    seen = produced([5.0, text(OPEN), *every(0.5, text(" "), 99)])
    assert seen == Seen("provider_timeout", 25, [], "gap between contents")


@pytest.mark.parametrize("blank", BLANKS)
def test_blanks_before_the_value_are_no_content(blank: str) -> None:
    seen = produced(every(0.5, text(blank), 999))
    assert seen == Seen("provider_timeout", 60, [], "first content")
    assert produced([*every(0.5, text(blank), 9), text(ANSWER) + end()]).end == "done"


def test_blank_reasoning_is_none() -> None:
    seen = produced(every(0.5, delta(reasoning_content="\n"), 999))
    assert seen == Seen("provider_timeout", 60, [], "first content")


def test_a_value_goes_on_after_blanks_within_the_gap() -> None:
    blanks = every(1, text("\n"), 15)
    assert produced([text('{"items": ['), *blanks, text(ANSWER[11:]) + end()]).end == "done"


# -- a value that is whole --------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [[], every(0.1, text("\n"), 99), every(0.1, PING, 99), every(0.1, delta(), 99)],
    ids=["silence", "blanks", "comments", "empty deltas"],
)
def test_a_whole_value_waits_a_second_for_its_reason_and_is_done(more: Any) -> None:
    assert produced([5.0, text(ANSWER), *more]) == Seen("done", 6, [], None)


def test_the_second_begins_when_the_value_is_whole_however_it_came() -> None:
    pieces: list[bytes | float] = [text(OPEN), 3.0, text(REST[:-1]), 3.0, text("}")]
    assert produced([*pieces]) == Seen("done", 7, [], None)


def test_a_reason_within_the_second_is_the_reason() -> None:
    assert produced([text(ANSWER), 0.9, end()]) == Seen("done", 0.9, [], None)
    assert produced([text(ANSWER), 0.9, delta("length")]).end == "output_truncated"
    assert produced([text(ANSWER), 0.9, delta("content_filter")]).end == "output_filtered"


def test_after_a_reason_the_usage_has_its_two_seconds() -> None:
    assert produced([text(ANSWER) + delta("stop")]) == Seen("done", 2, [], None)
    assert produced([text(ANSWER) + delta("stop"), *every(0.5, text(" "), 99)]).seconds == 2


def test_a_reason_on_every_chunk_is_read_to_the_end() -> None:
    early = [
        delta("stop", tool_calls=[{"index": 0, "function": {"arguments": ANSWER[i : i + 9]}}])
        for i in range(0, len(ANSWER), 9)
    ]
    paced = [it for chunk in early for it in (1.5, chunk)]
    assert produced([*paced]) == Seen("done", 1.5 * len(early) + 2, [], None)


def test_a_value_that_is_not_whole_waits_for_the_gap() -> None:
    assert produced([text(ANSWER[:-1])]).seconds == 20


def test_a_deadline_before_the_second_is_over_is_one() -> None:
    seen = produced([text(ANSWER)], limits=LIMITS._replace(gap=0.5))
    assert seen == Seen("provider_timeout", 0.5, [], "gap between contents")
    seen = produced([2.5, text(ANSWER)], limits=LIMITS._replace(total=3))
    assert seen == Seen("provider_timeout", 3, [], "total")
    seen = produced([text(ANSWER) + delta("stop")], limits=LIMITS._replace(gap=0.5))
    assert seen == Seen("done", 0.5, [], None)


def test_an_invalid_value_is_not_done_after_a_second() -> None:
    seen = produced([text('{"items": [{"title": "Figs"}]}')])
    assert (seen.end, seen.seconds) == ("output_invalid", 0)


# -- a provider that is busy ------------------------------------------------------------------

OVERLOADED = event({"error": {"type": "overloaded_error", "message": "no"}})
LIMITED = event({"error": {"code": "rate_limit_exceeded", "message": "no"}})


def test_a_provider_that_is_busy_in_its_answer_is_asked_again_after_a_pause() -> None:
    for error, code in (
        (OVERLOADED, "provider_unavailable"),
        (LIMITED, "provider_rate_limited"),
    ):
        seen = produced([text(OPEN) + error], [text(ANSWER) + end()], attempts=2)
        assert seen == Seen("done", 0.5, [code], None)
        seen = produced([text(OPEN) + error], attempts=3)
        assert (seen.end, seen.seconds, seen.restarts) == (code, 1, [code, code])


def test_a_second_attempt_has_the_tries_and_pauses_of_the_first() -> None:
    broken: Answer = [text(OPEN) + b"data: {oops\n\n"]
    good: Answer = [text(ANSWER) + end()]
    busy = ProviderUnavailable()
    seen = produced(broken, busy, busy, good, attempts=2)
    assert seen == Seen("done", 1, ["provider_protocol"], None)
    seen = produced(broken, busy, attempts=3)
    assert (seen.end, seen.seconds) == ("provider_unavailable", 1)
    seen = produced(broken, ProviderRateLimited(retry_after=4), good, attempts=2)
    assert (seen.end, seen.seconds) == ("done", 4)
    seen = produced(broken, ProviderRateLimited(retry_after=6), good, attempts=2)
    assert (seen.end, seen.seconds) == ("provider_rate_limited", 0)


def test_no_pause_goes_beyond_a_deadline() -> None:
    limited = ProviderRateLimited(retry_after=4)
    for limits in (LIMITS._replace(total=3), LIMITS._replace(first_content=3)):
        seen = produced(limited, limits=limits)
        assert (seen.end, seen.seconds) == ("provider_rate_limited", 0)
    late: Answer = [2.8, text(OPEN) + OVERLOADED]
    seen = produced(late, [text(ANSWER) + end()], attempts=2, limits=LIMITS._replace(total=3))
    assert (seen.end, seen.seconds, seen.restarts) == ("provider_unavailable", 2.8, [])
