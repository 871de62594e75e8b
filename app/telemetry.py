"""What the service tells of itself: structured logs, and metrics for Prometheus."""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

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
from app.event import Failed
from app.generation import Generation

_NOISY = ("openai", "sse_starlette", "sse_starlette.sse", "httpcore2", "aiohttp", "asyncio")
"""At DEBUG these log every chunk, payload and all: held at INFO, whatever the level."""

_QUIET = {"httpx2": logging.WARNING, "uvicorn": logging.ERROR}
"""They say at INFO what our own lines say. What uvicorn warns of is a request that can't be
read, with which any stranger could fill the log."""

_SILENT = ("instructor", "instructor.v2")
"""Logs each failed call as an error of its own; ours are in the stream's line."""

LAG_SECONDS = 0.1
"""Between two looks at how late the event loop is."""

LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

_log = structlog.get_logger("stream")


def configure_logging(format: Literal["console", "json"], level: str) -> None:
    """Send structlog's and the standard library's records to stderr, one line each."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_without_words),
    ]
    renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    if format == "json":
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.raiseExceptions = False  # a full disk is no reason to write even more
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(least)
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


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

        def look(due: float) -> None:
            nonlocal timer
            now = loop.time()
            self._lag.observe(max(now - due, 0))
            timer = loop.call_at(now + LAG_SECONDS, look, now + LAG_SECONDS)

        timer = loop.call_later(LAG_SECONDS, look, loop.time() + LAG_SECONDS)
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


def _without_words(exc_info: structlog.typing.ExcInfo) -> str:
    """A traceback without what the exception says, which may quote a payload or a key."""
    kind, _, trace = exc_info
    return "".join([*traceback.format_tb(trace), kind.__qualname__])
