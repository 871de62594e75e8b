"""What the service reports of a store that processes share: metrics, and a log line each way."""

from __future__ import annotations

import structlog

from app.streams.stream import Stream
from app.telemetry.instruments import Instruments
from app.telemetry.metrics import about

_log = structlog.get_logger("store")


class SharingTelemetry:
    """Counts and logs what the stores do. A service without a store has none of this."""

    def __init__(self, instruments: Instruments) -> None:
        self._of = instruments.of_store()

    def turned(self, store: int, *, up: bool) -> None:
        """A store answers from now on, or does not any more."""
        self._of.up.labels(str(store)).set(up)
        if up:
            _log.info("the store answers", store=store)
        else:
            _log.warning("the store does not answer", store=store)

    def filled(self, store: int, *, full: bool) -> None:
        """A store refuses what is new from now on, or takes it again."""
        self._of.full.labels(str(store)).set(full)
        if full:
            _log.warning("the store takes nothing new: its memory may be full", store=store)
        else:
            _log.info("the store takes what is new again", store=store)

    def answered(self, store: int, seconds: float) -> None:
        """A store has answered what was sent to it at once."""
        self._of.seconds.labels(str(store)).observe(seconds)

    def follows(self, count: int) -> None:
        """So many streams of other processes are read here."""
        self._of.followed.set(count)

    def taken_over(self, stream: Stream, *, released: bool) -> None:
        """This process goes on with a stream of another one."""
        reason = "released" if released else "lost"
        self._of.taken_over.labels(reason).inc()
        _log.info("a stream was taken over", **about(stream), reason=reason)

    def overruled(self, stream: Stream) -> None:
        """Another process goes on with a stream of this one."""
        self._of.overruled.inc()
        _log.warning("a stream was overruled", **about(stream))

    def missed(self) -> None:
        """Entries of a stream were missing."""
        self._of.holes.inc()
