"""What the service tells of its streams: metrics for Prometheus, and a line in the log each."""

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
from app.streams.generation import Generation
from app.streams.log_entry import Failed

LAG_SECONDS = 0.1
"""The time between two measurements of how late the event loop is."""

LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

_log = structlog.get_logger("stream")


class Telemetry:
    """Counts and logs streams. The registry is its own: two services can share a process."""

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
            "Calls refused by their origin, for want of a key, or by a limit, by code.",
            ["code"],
            registry=self.registry,
        )

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look how late the running event loop is, while this lasts."""
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
        """A call was refused: it is no line in the log, which a flood would fill."""
        self._refused.labels(error.code).inc()

    def started(self, generation: Generation) -> None:
        """A stream has begun."""
        run = generation.target
        self._started.labels(run.schema).inc()
        self._active.inc()
        _log.info(
            "stream started",
            id=run.id,
            request_id=generation.request_id,
            **_caller(generation),
            schema=run.schema,
            model=run.model,
        )

    def ended(self, generation: Generation) -> None:
        """A stream has ended, whatever its outcome."""
        self._active.dec()
        self._ended.labels(generation.target.schema, _outcome(generation)).inc()

    def left(self, generation: Generation) -> None:
        """A stream has ended, and its last reader has what there was for it."""
        run, spent = generation.target, generation.spent
        _log.info(
            "stream ended",
            id=run.id,
            request_id=generation.request_id,
            **_caller(generation),
            schema=run.schema,
            model=run.model,
            attempts=generation.attempts,
            outcome=_outcome(generation),
            content_bytes=generation.content_bytes,
            messages=run.messages,
            first_content_ms=generation.first_content_ms,
            duration_ms=generation.duration_ms,
            input_tokens=spent.input_tokens if spent else None,
            output_tokens=spent.output_tokens if spent else None,
            **({"cause": generation.cause} if generation.cause else {}),
        )

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)


def _caller(generation: Generation) -> dict[str, str]:
    """Whose key it was begun with. No ticket's subject, which may be a person."""
    return {"caller": generation.caller} if generation.caller else {}


def _outcome(generation: Generation) -> str:
    end = generation.target.outcome
    return end.code if isinstance(end, Failed) else "done"
