"""Chromium's own `EventSource`: it comes back by itself, and nothing is paid for twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

from tests.e2e.notes import Notes, pages
from tests.support.callers import KEYED, ticket
from tests.support.chromium import chromium
from tests.support.http_client import http_client
from tests.support.proxy import Proxy, proxy
from tests.support.service import running
from tests.support.upstream import HEAD, Exchange, Upstream, end, text, upstream

PAGE = Path(__file__).with_name("page_event_source.html")
CLOSED = 2  # EventSource.CLOSED: it does not try again
FIRST, SECOND = '{"items": [{"title": "Figs", "blurb": "Sw', 'eet."}]}'
VALUE = [{"title": "Figs", "blurb": "Sweet."}]


class Watched(NamedTuple):
    """go_on: lets the provider finish."""

    notes: Notes
    provider: Upstream
    between: Proxy
    go_on: asyncio.Event


@asynccontextmanager
async def watched(query: str, *, keyed: bool = False) -> AsyncIterator[Watched]:
    """A page that listens to `/ideas?…`, through a proxy that can be cut.

    keyed: the service has keys, and the page a ticket for one stream
    """

    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD + text(FIRST))
        await go_on.wait()
        await exchange.send(text(SECOND) + end())

    go_on = asyncio.Event()
    async with (
        pages(PAGE) as notes,
        upstream(script) as provider,
        running(
            openai_base_url=provider.base_url,
            model="m",
            cors_origins=(notes.url,),
            **(KEYED if keyed else {}),
        ) as service,
        proxy(service.url) as between,
    ):
        if keyed:
            async with http_client(timeout=60, base_url=service.url) as client:
                query += f"&ticket={await ticket(client, origin=notes.url, streams=1)}"
        url = f"{between.url}/ideas?topic=figs&count=1&{query}"
        async with chromium(f"{notes.url}/?url={quote(url)}"):
            yield Watched(notes, provider, between, go_on)


@pytest.mark.parametrize("keyed", [False, True], ids=["open", "with a ticket"])
async def test_a_connection_that_is_lost_comes_back_and_is_paid_once(keyed: bool) -> None:
    async with watched("resumable=true&view=delta", keyed=keyed) as (
        notes,
        provider,
        between,
        go_on,
    ):
        await notes.until("patch")
        between.cut()
        await notes.until("error", state=0)
        go_on.set()
        done = await notes.until("done")
        assert json.loads(done["data"]) == VALUE
        # The page does not close it: it asks again, and is told that there is nothing more.
        await notes.until("error", state=CLOSED)
        assert len(provider.exchanges) == 1
        starts = [note["id"] for note in notes.all if note["type"] == "start"]
        assert len(starts) == 2
        patches = [json.loads(note["data"]) for note in notes.all if note["type"] == "patch"]
        assert patches[0][0]["op"] == "replace"
        assert [op["op"] for patch in patches[1:] for op in patch] == ["append"]


async def test_a_snapshot_reader_comes_back_too() -> None:
    async with watched("resumable=true") as (notes, provider, between, go_on):
        await notes.until("message")
        between.cut()
        await notes.until("error", state=0)
        go_on.set()
        assert json.loads((await notes.until("done"))["data"]) == VALUE
        await notes.until("error", state=CLOSED)
        assert len(provider.exchanges) == 1


async def test_without_resumable_a_lost_connection_ends_it() -> None:
    async with watched("view=delta") as (notes, provider, between, _):
        await notes.until("patch")
        between.cut()
        await notes.until("error", state=CLOSED)
        await asyncio.wait_for(provider.exchanges[0].closed.wait(), 10)
        assert len(provider.exchanges) == 1
        assert all(note["type"] != "done" for note in notes.all)


async def test_after_done_no_second_generation_begins() -> None:
    async with watched("view=delta") as (notes, provider, _, go_on):
        await notes.until("patch")
        go_on.set()
        await notes.until("done")
        await notes.until("error", state=CLOSED)
        assert len(provider.exchanges) == 1
