"""Whether the service accepts new streams, and what is not as it should be."""

from __future__ import annotations

from app.errors import Draining
from app.limits.quota import Quota
from app.streams.registry import Streams


class Readiness:
    """What `/readyz` tells of the parts of the service."""

    def __init__(self, streams: Streams, quota: Quota) -> None:
        self._streams = streams
        self._quota = quota

    @property
    def parts(self) -> dict[str, str]:
        """The parts by name: `ready`, or what is wrong. Raises `Draining` if no stream begins."""
        if self._streams.draining:
            stopping = "the service is stopping"
            raise Draining(errors=[{"path": "/streams", "message": stopping}], retry_after=1)
        parts = {"streams": "ready"}
        if self._quota.is_shared:
            down = "does not answer: each process counts by itself"
            parts["limits_store"] = down if self._quota.is_down else "ready"
        for store, wrong in enumerate(self._streams.stores):
            parts[f"streams_store_{store}"] = wrong or "ready"
        return parts | dict.fromkeys(self._streams.passed_over, "is passed over")
