"""Every fault of the demo model: its code, one end, and nothing left running."""

from __future__ import annotations

import asyncio

import pytest

from app.demo import MODELS, SECRET, DemoServer
from tests.support.demo import OUTCOMES, SILENT
from tests.support.raw import exchange
from tests.support.service import eventually, running


def end_of(answer: str) -> str:
    """`done`, or the code of the one error, whether an event or a status."""
    if not answer.startswith("HTTP/1.1 200"):
        assert "event: " not in answer
        assert "application/problem+json" in answer
    else:
        last = answer.rstrip("0\r\n").rsplit("event: ", 1)[1]
        assert last.startswith(("done\n", "error\n"))
        assert answer.count("event: done\n") + answer.count("event: error\n") == 1
        if last.startswith("done\n"):
            return "done"
    return answer.rsplit('"code":"', 1)[1].split('"')[0]


@pytest.mark.parametrize("schema", ["ideas", "briefs"])
async def test_each_fault_has_its_code_and_the_models_connection_is_closed(schema: str) -> None:
    assert OUTCOMES.keys() == set(MODELS)
    async with (
        DemoServer(0) as demo,
        running(
            openai_base_url=demo.base_url, models=MODELS, model="demo", open_timeout=1
        ) as service,
        running(
            openai_base_url=demo.base_url,
            models=MODELS,
            model="demo",
            first_content_timeout=0.3,
            content_gap_timeout=0.3,
        ) as hasty,
    ):

        async def ended(model: str) -> str:
            url = hasty.url if model in SILENT else service.url
            path = f"/{schema}?topic=figs&model={model}"
            request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            answer = (await exchange(url, request.encode())).decode()
            assert SECRET not in answer
            return end_of(answer)

        ends = await asyncio.gather(*map(ended, MODELS))
        assert dict(zip(MODELS, ends, strict=True)) == OUTCOMES
        await eventually(lambda: not demo.running, 1)
