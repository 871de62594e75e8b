"""A real model is asked again."""

from __future__ import annotations

from tests.support.connection import connected
from tests.support.real_model import RealModel, asking


async def test_call_after_call_is_answered(model: RealModel) -> None:
    """llama.cpp closes each connection after an answer without saying so."""
    async with asking(model, schemas=("schemas",)) as service:
        for _ in range(5):
            async with connected(f"{service.url}/ideas?topic=tea&count=1") as stream:
                assert (await stream.rest())[-1].event == "done"
