"""Sends spans to a collector, by OpenTelemetry's SDK, which is an extra (`traces`).

The standard variables `OTEL_*` say where to and which. The rest of the service knows the API alone.
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING

from opentelemetry import trace

from app import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

FLUSH_SECONDS = 1
"""How long spans that are left may take to be sent when the service stops."""

SERVICE_NAME = "structured-streams"


class TracesError(Exception):
    """Traces can't be sent. The message says why."""


@cache
def start_sending() -> TracerProvider:
    """Send the spans of this process from now on.

    OpenTelemetry takes one provider in a process. So the apps of a process share it, and none of
    them shuts it down: its threads are daemons, which end with the process.
    Raises `TracesError` if the SDK is not installed or a variable can't be used.
    """
    _require_sdk()
    try:
        provider = _provider()
    except ValueError as error:
        raise TracesError(f"TRACES: OpenTelemetry can't use a variable OTEL_*: {error}") from None
    trace.set_tracer_provider(provider)
    return provider


def _require_sdk() -> None:
    try:
        is_there = all(
            map(find_spec, ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"))
        )
    except ModuleNotFoundError:  # the package around it is not there, either
        is_there = False
    if not is_there:
        raise TracesError(
            "TRACES: OpenTelemetry's SDK is not installed: use `make run TRACES=1`, or install the"
            " extra `traces`"
        )


def _provider() -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    about = Resource.create({"service.name": SERVICE_NAME, "service.version": __version__})
    provider = TracerProvider(
        resource=about.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


@asynccontextmanager
async def sending_the_last() -> AsyncIterator[None]:
    """Send the spans that are left when the context ends."""
    try:
        yield
    finally:
        # A collector that does not answer must not hold up the end: a daemon is left behind.
        sending = Thread(target=start_sending().force_flush, daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, FLUSH_SECONDS)
