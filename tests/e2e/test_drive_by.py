"""A page that nobody has allowed, in Chromium: whatever it tries, nothing is begun."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from tests.e2e.notes import pages
from tests.support.chromium import chromium
from tests.support.http_client import http_client
from tests.support.service import running
from tests.support.upstream import HEAD, holding, upstream

PAGE = Path(__file__).with_name("page_drive_by.html")

NAME = "another.example"
HERE = (f"--host-resolver-rules=MAP {NAME} 127.0.0.1",)
"""The other site is on this machine, though its name doesn't say so."""


async def test_a_page_of_another_site_cannot_spend_even_unseen() -> None:
    async with (
        pages(PAGE) as notes,
        upstream(holding(HEAD)) as provider,
        running(openai_base_url=provider.base_url) as service,
        http_client(timeout=60) as client,
    ):
        site = notes.url.replace("127.0.0.1", NAME)
        url = f"{service.url}/ideas?topic=figs&count=1"
        async with chromium(f"{site}/?url={quote(url, safe='')}", *HERE):
            await notes.until("over")
        assert provider.exchanges == []
        told = (await client.get(f"{service.url}/metrics")).text
        refused = next(line for line in told.splitlines() if 'code="forbidden"' in line)
        assert float(refused.split()[1]) >= 8
        # A page that asks from the same place as people do is served.
        async with client.stream("GET", url, headers={"Sec-Fetch-Site": "none"}) as answer:
            assert answer.status_code == 200
        assert len(provider.exchanges) == 1
