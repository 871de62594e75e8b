"""`python -m tests.litellm`: the service asks a tiny real model through LiteLLM's proxy.

Prints a table, with the same calls without the proxy beside it. Exits with 1 where an answer ended
in what the model is not to blame for, or where the model went on for nobody.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, get_args

import httpx

from app.providers.model_settings import Mode
from tests.litellm.proxy import Proxy, proxy
from tests.support.connection import Connection, connected
from tests.support.http_client import http_client
from tests.support.real_model import SECONDS, RealModel, asking, tiny
from tests.support.service import Service

SCHEMAS = ("ideas", "movies", "recipes", "briefs")
TOPICS = ("tea", "rain", "a long walk")
HONEST = {"done", "output_invalid", "output_truncated"}
"""How an answer may end. Only in `json_schema` is the model held to the schema."""
HELD = ("ideas", "movies", "recipes")
"""Schemas whose answers are valid where the model is held to them."""
IDLE_SECONDS = 5
"""How long the model may go on for nobody: a second for the service, the rest for the proxy."""


@dataclass
class Row:
    """What was seen in one mode. idle: seconds until the model stopped for a reader that left"""

    through: str
    mode: str
    outcomes: Counter[str] = field(default_factory=Counter)
    unheld: int = 0
    usage: int = 0
    first: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)

    def broken(self) -> Iterator[str]:
        for outcome in self.outcomes.keys() - HONEST:
            yield f"{self.through}, {self.mode}: {outcome}"
        if self.mode == "json_schema" and self.unheld:
            yield f"{self.through}, {self.mode}: {self.unheld} answers were not what was asked"
        if max(self.idle) > IDLE_SECONDS:
            yield f"{self.through}, {self.mode}: the model wrote on for {max(self.idle):.1f} s"

    def __str__(self) -> str:
        ended = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        first = f"{median(self.first) * 1000:.0f} ms" if self.first else ""
        idle = f"{max(self.idle) * 1000:.0f} ms"
        usage = f"{self.usage} of {self.outcomes.total()}"
        return f"| {self.through} | {self.mode} | {ended} | {first} | {usage} | {idle} |"


@dataclass
class Asked:
    """A model, and the settings by which the service asks it."""

    model: RealModel
    settings: dict[str, Any] = field(default_factory=dict)


def through(proxied: Proxy) -> dict[str, Any]:
    return {"openai_base_url": proxied.base_url, "openai_api_key": proxied.key}


async def ask(service: Service, row: Row) -> None:
    """Each schema on each topic, read to its end."""
    async with http_client(base_url=service.url, timeout=SECONDS) as client:
        for schema in SCHEMAS:
            for topic in TOPICS:
                outcome = await outcome_of(client, f"/{schema}?topic={topic}&interval_ms=0", row)
                row.outcomes[outcome] += 1
                row.unheld += outcome != "done" and schema in HELD


async def outcome_of(client: httpx.AsyncClient, path: str, row: Row) -> str:
    """Read an answer; gives `done`, or the code of the error."""
    clock = asyncio.get_running_loop().time
    began, first = clock(), None
    async with client.stream("GET", path) as response:
        if response.status_code != 200:
            await response.aread()
            return str(response.json()["code"])
        stream = Connection(response)
        while event := await stream.next():
            if event.event is None and first is None:
                first = clock() - began
                row.first.append(first)
            row.usage += event.event == "usage"
            last = event
    return "done" if last.event == "done" else str(last.data["code"])


async def leave(service: Service, endless: RealModel, row: Row) -> None:
    """Leave once something has come, or after a second. The model wouldn't end by itself."""
    clock = asyncio.get_running_loop().time
    for _ in range(3):
        async with connected(f"{service.url}/recipes?topic=tea&count=20&interval_ms=0") as stream:
            assert await stream.next()
            with suppress(TimeoutError):
                await asyncio.wait_for(stream.next(), 1)
        left = clock()
        await endless.is_idle(60)
        row.idle.append(clock() - left)


async def seen(row: Row, model: Asked, endless: Asked) -> Row:
    """Fill a row."""
    shared = {"schemas": ("schemas",), "instructor_mode": row.mode, "max_attempts": 1}
    async with asking(model.model, **shared, **model.settings) as service:
        await ask(service, row)
    async with asking(endless.model, **shared, **endless.settings) as service:
        await leave(service, endless.model, row)
    return row


async def rows(folder: Path) -> list[Row]:
    modes = get_args(Mode)
    (folder / "endless").mkdir()
    with tiny(folder) as model, tiny(folder / "endless", ends=False) as endless:
        found = [await seen(Row("nothing", m), Asked(model), Asked(endless)) for m in modes]
        async with (
            proxy(model.base_url, folder) as one,
            proxy(endless.base_url, folder / "endless") as other,
        ):
            proxied = Asked(model, through(one)), Asked(endless, through(other))
            found += [await seen(Row("LiteLLM", m), *proxied) for m in modes]
    return found


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(rows(Path(folder)))
    print("| through | mode | answers ended in | first partial | usage | idle after |")
    print("|---|---|---|---|---|---|")
    print(*found, sep="\n")
    broken = [line for row in found for line in row.broken()]
    print(*broken, sep="\n", file=sys.stderr)
    return 1 if broken else 0


sys.exit(main())
