"""Generations against a scripted provider, over real sockets."""

from __future__ import annotations

import httpx

from tests.support.service import running
from tests.support.upstream import HEAD, Exchange, upstream

ANSWER = '{"items": [{"title": "Figs", "blurb": "Sweet."}]}'


async def test_text_in_pieces_becomes_partials_and_done() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD)
        for piece in (ANSWER[:24], ANSWER[24:]):
            await exchange.text(piece)
        await exchange.finish(usage=(7, 9))

    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url, model="m") as service,
        httpx.AsyncClient() as client,
    ):
        response = await client.get(f"{service.url}/ideas?topic=figs&count=1&interval_ms=0")
        messages = response.text.split("\n\n")
        assert messages[0].startswith('event: start\ndata: {"stream":"')
        assert messages[-2].startswith('event: done\ndata: [{"title":"Figs","blurb":"Sweet."}]\n')
        assert 'data: {"input_tokens":7,"output_tokens":9,"attempts":1}' in response.text
