"""What the service reports of its streams: Prometheus metrics, and two log lines for each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from app.errors import ServiceError
from app.streams.done_hook import Outcome
from app.streams.log_entry import Failed
from app.streams.stream import Stream

LAG_SECONDS = 0.1
"""The time between two measurements of how late the event loop is."""

LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

_log = structlog.get_logger("stream")


class Telemetry:
    """Counts and logs streams. It has its own registry, so two services can share a process."""

    media_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._started = Counter(
            "streams_started", "Streams begun.", ["schema"], registry=self.registry
        )
        self._active = Gauge("streams_active", "Streams that run.", registry=self.registry)
        self._ended = Counter(
            "streams_ended",
            "Streams ended, by outcome: done, or the code of the error.",
            ["schema", "code"],
            registry=self.registry,
        )
        self._lag = Histogram(
            "event_loop_lag_seconds",
            "How late the event loop was, ten times a second.",
            buckets=LAG_BUCKETS,
            registry=self.registry,
        )
        self._refused = Counter(
            "calls_refused",
            "Calls refused because of their origin, a missing key or a limit, by code.",
            ["code"],
            registry=self.registry,
        )
        self._hooks = Counter(
            "done_hooks",
            "Calls of a schema's own done, by outcome: ok, failed, late or dropped.",
            ["schema", "outcome"],
            registry=self.registry,
        )
        self._circuits = Gauge(
            "model_circuit_open",
            "1 while a model is passed over because it has failed again and again.",
            ["model"],
            registry=self.registry,
        )

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Measure how late the running event loop is, until the context ends."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle

        def measure(due: float) -> None:
            nonlocal timer
            now = loop.time()
            self._lag.observe(max(now - due, 0))
            timer = loop.call_at(now + LAG_SECONDS, measure, now + LAG_SECONDS)

        timer = loop.call_later(LAG_SECONDS, measure, loop.time() + LAG_SECONDS)
        try:
            yield
        finally:
            timer.cancel()

    def refused(self, error: ServiceError) -> None:
        """A call was refused. It is not logged, as a flood of calls would fill the log."""
        self._refused.labels(error.code).inc()

    def circuit(self, model: str, is_open: bool) -> None:
        """A model is passed over from now on, or asked as usual again."""
        self._circuits.labels(model).set(is_open)
        tell = _log.warning if is_open else _log.info
        tell("a model is passed over" if is_open else "a model is asked again", model=model)

    def started(self, stream: Stream) -> None:
        """A stream has begun."""
        self._started.labels(stream.schema).inc()
        self._active.inc()
        _log.info("stream started", **_about(stream))

    def ended(self, stream: Stream) -> None:
        """A stream has ended, whatever its outcome."""
        self._active.dec()
        self._ended.labels(stream.schema, _outcome(stream)).inc()

    def left(self, stream: Stream) -> None:
        """A stream has ended, and its last reader has received all of it."""
        figures, usage = stream.figures, stream.figures.usage
        _log.info(
            "stream ended",
            **_about(stream),
            models=figures.models,
            attempts=figures.attempts,
            outcome=_outcome(stream),
            content_bytes=figures.content_bytes,
            messages=figures.messages,
            first_content_ms=figures.first_content_ms,
            duration_ms=figures.duration_ms,
            input_tokens=usage.input_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
            **({"cause": figures.cause} if figures.cause else {}),
        )

    def hooked(self, stream: Stream, outcome: Outcome) -> None:
        """The `done` of a stream's schema was called, and has ended so."""
        self._hooks.labels(stream.schema, outcome).inc()

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)


def _about(stream: Stream) -> dict[str, str]:
    """The fields of both lines. A ticket's subject is not logged, as it may name a person."""
    about = {"id": stream.id, "request_id": stream.origin.request_id}
    if stream.origin.caller:
        about["caller"] = stream.origin.caller
    return {**about, "schema": stream.schema, "model": stream.request.model}


def _outcome(stream: Stream) -> str:
    end = stream.outcome
    return end.code if isinstance(end, Failed) else "done"
