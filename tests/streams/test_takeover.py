"""What readers are told where this process goes on with a stream that another one has begun."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.errors import ProviderRejected, ProviderUnavailable
from app.providers.base import Completion, CompletionRequest
from app.providers.model_settings import ModelSettings
from app.streams.circuits import Circuits
from app.streams.log_entry import Failed, Restart
from app.streams.producer import Producer, ProducerSettings
from app.streams.request import Limits
from app.telemetry.metrics import Telemetry
from tests.support.begun import begun

BASE = 10_000_000


class Refusing:
    """A provider that refuses whatever it is asked. asked: the models"""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @asynccontextmanager
    async def complete(self, request: CompletionRequest) -> AsyncIterator[Completion]:
        self.asked.append(request.model)
        raise ProviderRejected
        yield

    async def aclose(self) -> None:
        """It holds nothing."""


async def circuits(*failed: str) -> Circuits:
    """Circuits of which those of these models are open."""
    found = Circuits(1, 3600, lambda model, is_open: None)
    for model in failed:
        with pytest.raises(ProviderUnavailable):
            async with found.trial(model):
                raise ProviderUnavailable
    return found


@pytest.mark.parametrize(
    ("failed", "told", "asked"),
    [
        (
            (),
            [(2, "moved", None), (3, "provider_rejected", "b"), (4, "provider_rejected", "c")],
            ["m", "b", "c"],
        ),
        (("m",), [(2, "moved", "b"), (3, "provider_rejected", "c")], ["b", "c"]),
        (("m", "b"), [(2, "moved", "c")], ["c"]),
    ],
    ids=["none is passed over", "the first is", "both are"],
)
async def test_the_restart_names_the_model_that_is_asked(
    failed: tuple[str, ...], told: list[tuple[int, str, str | None]], asked: list[str]
) -> None:
    models = {
        "m": ModelSettings(name="m", model="m", fallbacks=("b", "c")),
        "b": ModelSettings(name="b", model="b"),
        "c": ModelSettings(name="c", model="c"),
    }
    stream, provider = begun(), Refusing()
    stream.take_over(BASE, 0)
    settings = ProducerSettings(
        attempts=1, output_bytes=1000, opening=5, limits=Limits(60, 60, 60), models=models
    )
    async with asyncio.timeout(60):
        await Producer(stream, provider, settings, await circuits(*failed), Telemetry()).run()
    *restarts, end = stream.log.since(BASE)
    seen = [(it.attempt, it.code, it.model) for it in restarts if isinstance(it, Restart)]
    assert seen == told
    assert provider.asked == asked
    assert stream.model == asked[-1]
    assert isinstance(end, Failed)
