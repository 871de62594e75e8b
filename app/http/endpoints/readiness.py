"""Whether the service accepts new streams, and what is not as it should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.errors import Draining, ErrorDetail
from app.limits.quota import Quota
from app.streams.registry import Streams

Look = Callable[[], str | None]
"""Says what is wrong with a part of the service; None: it is ready."""


class Readiness:
    """Looks at the parts of the service.

    needed: those without which no stream begins, by name
    """

    def __init__(self, streams: Streams, quota: Quota) -> None:
        self.needed: dict[str, Look] = {
            "streams": lambda: "the service is stopping" if streams.draining else None
        }
        self._streams = streams
        self._quota = quota

    @property
    def parts(self) -> dict[str, str]:
        """The parts by name: `ready`, or what is wrong. Raises `Draining` if no stream begins."""
        wrong = _wrong(self.needed)
        if wrong:
            raise Draining(errors=wrong, retry_after=1)
        parts = dict.fromkeys(self.needed, "ready")
        if self._quota.is_shared:
            down = "does not answer: each process counts by itself"
            parts["limits_store"] = down if self._quota.is_down else "ready"
        for store, answers in enumerate(self._streams.stores):
            parts[f"streams_store_{store}"] = "ready" if answers else "does not answer"
        return parts | dict.fromkeys(self._streams.passed_over, "is passed over")


def _wrong(looks: Mapping[str, Look]) -> list[ErrorDetail]:
    found = ((name, look()) for name, look in looks.items())
    return [{"path": f"/{name}", "message": message} for name, message in found if message]
