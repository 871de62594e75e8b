"""`python -m app check`: asks models in each way, and prints a table for each, or JSON lines."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, replace

from rich.console import Console
from rich.table import Table

from app.demo import DemoServer
from app.main import models
from app.providers.asking.check import Checked, check
from app.providers.model_settings import ModelSettings
from app.settings import Settings

WORKS = 0
NONE_WORKS = 1
WRONG = 2

_NAME = len("json_schema, strict")


def run(settings: Settings, name: str | None, *, as_json: bool) -> int:
    """Check one model, or all. Gives the exit code.

    name: None for all models; where the demo model answers, for the one without a fault
    """
    offered = models(settings)
    chosen = [model for model in offered if model.name == name]
    if name is None:
        chosen = list(offered[:1] if settings.demo else offered)
    if not chosen:
        names = ", ".join(model.name for model in offered)
        print(f"no such model; there are: {names}", file=sys.stderr)
        return WRONG
    return asyncio.run(_run(settings, chosen, as_json=as_json))


async def _run(settings: Settings, chosen: Sequence[ModelSettings], *, as_json: bool) -> int:
    async with AsyncExitStack() as stack:
        if settings.demo:
            demo = await stack.enter_async_context(DemoServer(settings.demo_tokens_per_second))
            chosen = [replace(model, base_url=demo.base_url) for model in chosen]
        results = [await _show(model, as_json=as_json) for model in chosen]
    return WORKS if all(results) else NONE_WORKS


async def _show(model: ModelSettings, *, as_json: bool) -> bool:
    """Check a model and print what came of it. Gives whether any way works."""
    found = []
    async for checked in check(model):
        found.append(checked)
        if as_json:
            print(json.dumps({"model": model.name, **asdict(checked)}), flush=True)
    if not as_json:
        _print(model.name, found)
    return any(checked.works for checked in found)


def _print(name: str, found: Sequence[Checked]) -> None:
    """Print a table, and below it the settings, each line as a shell takes it."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(name, found))
    console.print()
    for checked in found:
        if checked.settings:
            console.print(f"  {checked.way:<{_NAME}}  {checked.settings}", markup=False)
    console.print()


def _table(name: str, found: Sequence[Checked]) -> Table:
    table = Table(title=name, title_justify="left", title_style="bold cyan", box=None)
    table.add_column("way", min_width=_NAME, no_wrap=True)
    table.add_column("answer", overflow="fold")
    for head in ("first content", "tokens/s", "usage"):
        table.add_column(head, no_wrap=True)
    for checked in found:
        table.add_row(
            checked.way,
            checked.answer,
            _number(checked.first_content, "{:.2f} s"),
            _number(checked.tokens_per_second, "{:.0f}"),
            "yes" if checked.usage else "no" if checked.works else "",
            style="" if checked.works else "dim",
        )
    return table


def _number(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)
