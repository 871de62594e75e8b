"""All metrics of the service: one table, from which `docs/operations.md` is tested.

Names and buckets of `gen_ai_client_…` are those of OpenTelemetry's conventions, with underscores:
https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-metrics.md
Labels are bounded: schemas, models, error codes and views are known at the start, and callers are
those that have a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector

OPERATION_BUCKETS: Final = tuple(0.01 * 2**power for power in range(14))
"""0.01 to 81.92, as the conventions have it for a provider's times."""

TOKEN_BUCKETS: Final = tuple(4**power for power in range(14))
"""1 to 67,108,864, as the conventions have it."""

OWN_BUCKETS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005),
    *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1),
)
"""Of what the service itself takes."""

LAG_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

STORE_BUCKETS: Final = (0.0005, *LAG_BUCKETS)

WAIT_BUCKETS: Final = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

PROVIDER_LABELS: Final = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")
"""The labels of whatever is measured of a provider."""

Kind = TypeVar("Kind", bound=MetricWrapperBase)


@dataclass(frozen=True, slots=True)
class StoreInstruments:
    """The metrics of a store that processes share."""

    up: Gauge
    full: Gauge
    seconds: Histogram
    followed: Gauge
    taken_over: Counter
    overruled: Counter
    holes: Counter


class Instruments:
    """The metrics of one service. They have their own registry, so two can share a process.

    folder: where the processes of a machine share their counts; None: there is but this one
    labels: those of each metric, by its name
    """

    def __init__(self, folder: str | None = None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.labels: dict[str, tuple[str, ...]] = {}
        self._folder = folder

        # Streams
        self.schema_info = self._gauge(
            "schema_info",
            "Processes that serve a schema, with its version.",
            *("schema", "schema_version"),
        )
        self.streams_started = self._counter("streams_started", "Streams begun.", "schema")
        self.streams_active = self._gauge("streams_active", "Streams that run.")
        self.streams_ended = self._counter(
            "streams_ended",
            "Streams ended, by outcome: done, the code of the error, or moved to another process.",
            *("schema", "code"),
        )
        self.first_content = self._histogram(
            "stream_first_content_seconds",
            "From the request to the model's first content.",
            OPERATION_BUCKETS,
            "schema",
        )
        self.duration = self._histogram(
            "stream_duration_seconds",
            "From the request to the end of the stream.",
            OPERATION_BUCKETS,
            "schema",
        )
        self.attempts = self._counter(
            "stream_attempts",
            "Attempts that a model was asked for, by outcome: done, or the code of the error.",
            *("schema", "model", "code"),
        )
        self.restarts = self._counter(
            "stream_restarts",
            "Restarts that readers were told of, by the code of what had failed.",
            *("schema", "code"),
        )
        self.fallbacks = self._counter(
            "model_fallbacks",
            "Streams that went on to another model, by the code of the error, or circuit_open.",
            *("model", "code"),
        )
        self.circuits = self._gauge(
            "model_circuit_open",
            "1 while a model is passed over because it has failed again and again.",
            "model",
        )

        self.done_hooks = self._counter(
            "done_hooks",
            "Calls of a schema's own done, by outcome: ok, failed, late or dropped.",
            *("schema", "outcome"),
        )

        # What the service itself adds
        self.overhead_first = self._histogram(
            "overhead_first_content_seconds",
            "What the service adds to the first content, without the provider and the queue.",
            OWN_BUCKETS,
            "schema",
        )
        self.overhead_message = self._histogram(
            "overhead_message_seconds",
            "What the service adds to each message with content, without the provider and the "
            "pace that the reader has chosen.",
            OWN_BUCKETS,
            "view",
        )
        self.lag = self._histogram(
            "event_loop_lag_seconds",
            "How late the event loop was, ten times a second.",
            LAG_BUCKETS,
        )

        # Readers
        self.readers = self._gauge("readers", "Responses that read a stream.")
        self.messages = self._counter(
            "messages_sent", "Messages sent, counted when a response ends.", "view"
        )
        self.message_bytes = self._counter(
            "message_bytes_sent", "Bytes of these messages, before any compression.", "view"
        )
        self.kept_streams = self._gauge("kept_streams", "Ended streams that are kept.")
        self.kept_bytes = self._gauge("kept_bytes", "Bytes of ended streams that are kept.")

        # Limits
        self.refused = self._counter(
            "calls_refused",
            "Calls refused because of their origin, a missing key or a limit, by code.",
            "code",
        )
        self.limits = self._counter(
            "limits_refused", "Calls refused because of a limit, by limit.", "limit"
        )
        self.slots = self._gauge("slots_taken", "Slots for streams that are taken.")
        self.waiting = self._gauge("calls_waiting", "Calls that wait for a slot.")
        self.slot_wait = self._histogram(
            "slot_wait_seconds", "How long admitted calls have waited for a slot.", WAIT_BUCKETS
        )
        self.limits_store_down = self._gauge(
            "limits_store_down", "Processes that count by themselves, as LIMITS_STORE is down."
        )

        # Providers
        self.operation = self._histogram(
            "gen_ai_client_operation_duration_seconds",
            "How long an attempt took, from asking the provider to the end of its answer.",
            OPERATION_BUCKETS,
            *(*PROVIDER_LABELS, "error_type"),
        )
        self.first_chunk = self._histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "From sending the request of an attempt to its first content.",
            OPERATION_BUCKETS,
            *PROVIDER_LABELS,
        )
        self.per_chunk = self._histogram(
            "gen_ai_client_operation_time_per_output_chunk_seconds",
            "Between two reads with content of an attempt's answer.",
            OPERATION_BUCKETS,
            *PROVIDER_LABELS,
        )
        self.tokens = self._histogram(
            "gen_ai_client_token_usage",
            "Tokens of an attempt; estimated=true where the provider did not tell them.",
            TOKEN_BUCKETS,
            *(*PROVIDER_LABELS, "gen_ai_token_type", "estimated"),
        )
        self.connections = self._gauge(
            "provider_connections", "Attempts that are asking a provider or reading it.", "model"
        )
        self.cost = self._counter(
            "cost_usd",
            "What attempts have cost in US dollars, where the prices are known; estimated=true "
            "where the provider did not tell the tokens. caller is empty unless CALLER_METRICS.",
            *("schema", "model", "caller", "estimated"),
        )

    def of_store(self) -> StoreInstruments:
        """The metrics of a store that processes share. Without one, there are none."""
        return StoreInstruments(
            up=self._gauge("store_up", "Processes for which a store answers.", "store"),
            full=self._gauge(
                "store_full",
                "Processes from which a store takes nothing new, most often as its memory is full.",
                "store",
            ),
            seconds=self._histogram(
                "store_answer_seconds",
                "How long a store took to answer what was sent to it at once.",
                STORE_BUCKETS,
                "store",
            ),
            followed=self._gauge(
                "streams_followed", "Streams that are read here, and that another process writes."
            ),
            taken_over=self._counter(
                "streams_taken_over",
                "Streams that a process goes on with: their last one was lost, or has released it.",
                "reason",
            ),
            overruled=self._counter(
                "streams_overruled",
                "Streams of a process that another one goes on with, as it thought the first dead.",
            ),
            holes=self._counter(
                "streams_holes",
                "How often entries of a stream were missing in a store, and were asked for again.",
            ),
        )

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format: those of all processes, if they share them."""
        if self._folder is None:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, self._folder)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    # -- how each is made ---------------------------------------------------------------------

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        made = Counter(name, meaning, labels, registry=self.registry)
        return self._noted(f"{name}_total", labels, made)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        """The processes' gauges are summed up, and those of a process that has ended are gone."""
        made = Gauge(name, meaning, labels, registry=self.registry, multiprocess_mode="livesum")
        return self._noted(name, labels, made)

    def _histogram(
        self, name: str, meaning: str, buckets: Sequence[float], *labels: str
    ) -> Histogram:
        made = Histogram(name, meaning, labels, buckets=buckets, registry=self.registry)
        return self._noted(name, labels, made)

    def _noted(self, name: str, labels: tuple[str, ...], made: Kind) -> Kind:
        self.labels[name] = labels
        return made
