"""What kept elements save: a list of 20 whose first answer is invalid at element 15.

    python -m bench.kept [tokens a second]

The demo model `demo-invalid-late` answers at this pace (60), and the service goes on with what is
kept, or asks for the whole again (`KEEP_ELEMENTS=false`). The command prints the tokens of the
prompts, those that the model has written, and the seconds until `done`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress

from app.demo.answer import answer
from app.demo.play import perform
from app.demo.request import read_request
from tests.support.client import read
from tests.support.service import running
from tests.support.upstream import HEAD, Exchange, upstream

URL = "/ideas?topic=bananas&count=20&model=demo-invalid-late"


async def measured(pace: float, *, keep: bool) -> tuple[int, int, float]:
    """The tokens of the prompts, the tokens of the answers, and the seconds."""
    asked = written = 0

    async def script(exchange: Exchange) -> None:
        nonlocal asked
        request = read_request(json.dumps(exchange.body).encode())
        asked += request.prompt_tokens

        async def write(data: bytes) -> None:
            nonlocal written
            await exchange.send(data)
            written += data.count(b"\n\n")

        await exchange.send(HEAD)
        with suppress(ConnectionError):  # the service stops what is certain to fail
            await perform(answer(request, 0), pace, write)

    models = ("demo-invalid-late",)
    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url, models=models, keep_elements=keep) as service,
    ):
        begun = time.perf_counter()
        assert "event: done" in await read(service.url + URL)
        return asked, written, time.perf_counter() - begun


async def main(pace: float) -> None:
    print("| | tokens of the prompts | tokens of the answers | seconds |\n|---|---:|---:|---:|")
    for name, keep in (("asked for the whole again", False), ("kept elements", True)):
        asked, written, seconds = await measured(pace, keep=keep)
        print(f"| {name} | {asked} | {written} | {seconds:.1f} |")


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60))
