"""A stream without a producer: the test writes its log."""

from __future__ import annotations

from app.schema import ListParameters
from app.streams.request import GenerationRequest
from app.streams.stream import Origin, Stream
from tests.support.schema_files import REGISTRY

IDEAS = REGISTRY.get("ideas")


def begun(id: str = "S") -> Stream:
    """A stream that has begun. Needs a running loop."""
    return Stream(id, GenerationRequest(IDEAS, ListParameters(topic="figs"), "m"), Origin())
