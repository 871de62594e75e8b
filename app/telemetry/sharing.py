"""What the service reports of a store that processes share: metrics, and a log line each way."""

from __future__ import annotations

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from app.streams.stream import Stream
from app.telemetry.metrics import about

SECONDS_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

_log = structlog.get_logger("store")


class SharingTelemetry:
    """Counts and logs what the stores do. A service without a store has none of this."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._up = Gauge("store_up", "1 while a store answers.", ["store"], registry=registry)
        self._seconds = Histogram(
            "store_answer_seconds",
            "How long a store took to answer what was sent to it at once.",
            ["store"],
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self._followed = Gauge(
            "streams_followed",
            "Streams that are read here, and that another process writes.",
            registry=registry,
        )
        self._taken_over = Counter(
            "streams_taken_over",
            "Streams that this process goes on with: their last one was lost, or has released it.",
            ["reason"],
            registry=registry,
        )
        self._overruled = Counter(
            "streams_overruled",
            "Streams of this process that another one goes on with, as it thought this one dead.",
            registry=registry,
        )
        self._holes = Counter(
            "streams_holes",
            "How often entries of a stream were missing in a store, and were asked for again.",
            registry=registry,
        )

    def turned(self, store: int, *, up: bool) -> None:
        """A store answers from now on, or does not any more."""
        self._up.labels(str(store)).set(up)
        if up:
            _log.info("the store answers", store=store)
        else:
            _log.warning("the store does not answer", store=store)

    def answered(self, store: int, seconds: float) -> None:
        """A store has answered what was sent to it at once."""
        self._seconds.labels(str(store)).observe(seconds)

    def follows(self, count: int) -> None:
        """So many streams of other processes are read here."""
        self._followed.set(count)

    def taken_over(self, stream: Stream, *, released: bool) -> None:
        """This process goes on with a stream of another one."""
        reason = "released" if released else "lost"
        self._taken_over.labels(reason).inc()
        _log.info("a stream was taken over", **about(stream), reason=reason)

    def overruled(self, stream: Stream) -> None:
        """Another process goes on with a stream of this one."""
        self._overruled.inc()
        _log.warning("a stream was overruled", **about(stream))

    def missed(self) -> None:
        """Entries of a stream were missing."""
        self._holes.inc()
