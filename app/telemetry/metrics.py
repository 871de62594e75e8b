"""What the service reports of its streams: Prometheus metrics, and two log lines for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, Gauge

from app.errors import ServiceError
from app.streams.done_hook import Outcome
from app.streams.figures import AttemptFigures
from app.streams.log_entry import DONE
from app.streams.stream import Stream
from app.telemetry.delivery import Delivery
from app.telemetry.instruments import Instruments

SAMPLE_SECONDS = 0.1
"""The time between two samples of the gauges, and of how late the event loop is."""

CHAT = "chat"
"""The operation of every attempt, by the conventions' name."""

_log = structlog.get_logger("stream")


class Telemetry:
    """Counts and logs streams.

    folder: where the processes of a machine share their counts; None: there is but this one
    by_caller: whether what a stream costs is counted by caller
    """

    media_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, folder: str | None = None, *, by_caller: bool = False) -> None:
        self.instruments = Instruments(folder)
        self._by_caller = by_caller
        self._samples: list[tuple[Gauge, Callable[[], float]]] = []
        self._gaps: dict[tuple[str, str], Callable[[float], None]] = {}

    # -- the process --------------------------------------------------------------------------

    def sample(self, gauge: Gauge, value: Callable[[], float]) -> None:
        """Set a gauge to this value, again and again."""
        self._samples.append((gauge, value))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Sample the gauges, and measure how late the running event loop is, until the end."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle

        def measure(due: float) -> None:
            nonlocal timer
            now = loop.time()
            self.instruments.lag.observe(max(now - due, 0))
            self._sample()
            timer = loop.call_at(now + SAMPLE_SECONDS, measure, now + SAMPLE_SECONDS)

        timer = loop.call_later(SAMPLE_SECONDS, measure, loop.time() + SAMPLE_SECONDS)
        try:
            yield
        finally:
            timer.cancel()

    def _sample(self) -> None:
        for gauge, value in self._samples:
            gauge.set(value())

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        self._sample()
        return self.instruments.exposition()

    # -- calls --------------------------------------------------------------------------------

    def refused(self, error: ServiceError) -> None:
        """A call was refused. It is not logged, as a flood of calls would fill the log."""
        self.instruments.refused.labels(error.code).inc()

    def delivery(self, stream: Stream, view: str, *, interval: float, received: float) -> Delivery:
        """What measures one response to a stream."""
        return Delivery(self.instruments, stream, view, interval=interval, received=received)

    # -- streams ------------------------------------------------------------------------------

    def started(self, stream: Stream) -> None:
        """A stream has begun."""
        self.instruments.streams_started.labels(stream.schema).inc()
        self.instruments.streams_active.inc()
        _log.info("stream started", **about(stream))

    def ended(self, stream: Stream) -> None:
        """A stream has ended, whatever its outcome."""
        figures, of = stream.figures, self.instruments
        of.streams_active.dec()
        of.streams_ended.labels(stream.schema, stream.outcome_code).inc()
        if figures.ended is not None:
            of.duration.labels(stream.schema).observe(figures.ended - figures.started)
        if figures.first_content is not None:
            since = figures.first_content - figures.started
            of.first_content.labels(stream.schema).observe(since)
        for code in figures.restarts:
            of.restarts.labels(stream.schema, code).inc()
        for model, code in figures.fallbacks:
            of.fallbacks.labels(model, code).inc()

    def left(self, stream: Stream) -> None:
        """A stream has ended, and its last reader has received all of it."""
        figures, usage = stream.figures, stream.figures.usage
        _log.info(
            "stream ended",
            **about(stream),
            models=figures.models,
            attempts=figures.attempts,
            outcome=stream.outcome_code,
            content_bytes=figures.content_bytes,
            messages=figures.messages,
            first_content_ms=figures.first_content_ms,
            duration_ms=figures.duration_ms,
            overhead_ms=_milliseconds(figures.overhead),
            input_tokens=usage.input_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
            cost_usd=figures.cost_usd,
            **({"estimated_tokens": figures.estimated_tokens} if figures.estimated_tokens else {}),
            **({"cause": figures.cause} if figures.cause else {}),
        )

    def hooked(self, stream: Stream, outcome: Outcome) -> None:
        """The `done` of a stream's schema was called, and has ended so."""
        self.instruments.done_hooks.labels(stream.schema, outcome).inc()

    # -- attempts and models --------------------------------------------------------------------

    def asked(self, stream: Stream, attempt: AttemptFigures) -> None:
        """A provider is asked."""
        self.instruments.connections.labels(attempt.model).inc()

    def gap(self, attempt: AttemptFigures, seconds: float) -> None:
        """So long after the last content of an attempt there was more."""
        observe = self._gaps.get((attempt.provider, attempt.model))
        if observe is None:
            observe = self.instruments.per_chunk.labels(*_asked(attempt)).observe
            self._gaps[attempt.provider, attempt.model] = observe
        observe(seconds)

    def answered(self, stream: Stream, attempt: AttemptFigures) -> None:
        """An attempt has ended, whatever its outcome."""
        of, asked = self.instruments, _asked(attempt)
        of.connections.labels(attempt.model).dec()
        of.attempts.labels(stream.schema, attempt.model, attempt.code).inc()
        if attempt.ended is not None:
            error = "" if attempt.code == DONE else attempt.code
            of.operation.labels(*asked, error).observe(attempt.ended - attempt.asked)
        if attempt.first_content is not None and attempt.sent is not None:
            of.first_chunk.labels(*asked).observe(attempt.first_content - attempt.sent)
        self._pay(stream, attempt)

    def _pay(self, stream: Stream, attempt: AttemptFigures) -> None:
        of, tokens, asked = self.instruments, attempt.tokens, _asked(attempt)
        estimated = str(attempt.estimated).lower()
        if tokens is not None:
            of.tokens.labels(*asked, "input", estimated).observe(tokens.input_tokens)
            of.tokens.labels(*asked, "output", estimated).observe(tokens.output_tokens)
        if attempt.cost_usd is not None:
            caller = stream.origin.caller if self._by_caller else ""
            cost = of.cost.labels(stream.schema, attempt.model, caller, estimated)
            cost.inc(attempt.cost_usd)

    def circuit(self, model: str, is_open: bool) -> None:
        """A model is passed over from now on, or asked as usual again."""
        self.instruments.circuits.labels(model).set(is_open)
        tell = _log.warning if is_open else _log.info
        tell("a model is passed over" if is_open else "a model is asked again", model=model)


def _asked(attempt: AttemptFigures) -> tuple[str, str, str]:
    """The labels of a provider's figures."""
    return CHAT, attempt.provider, attempt.model


def about(stream: Stream) -> dict[str, str | None]:
    """The fields of each line. A ticket's subject is not logged, as it may name a person."""
    about = {"id": stream.id, "request_id": stream.origin.request_id}
    if stream.origin.caller:
        about["caller"] = stream.origin.caller
    asked = {"schema": stream.schema, "schema_version": stream.schema_version}
    # Set even if it is None: else the line would get the trace of the call that writes it, which
    # may be a reader's.
    trace = {"trace_id": stream.origin.trace_id}
    return {**about, **trace, **asked, "model": stream.request.model}


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
