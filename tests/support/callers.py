"""Two callers with keys, and what they send."""

from __future__ import annotations

from typing import Any

import httpx

from app.http.auth.keys import make_key

WEB, WEB_PAIR = make_key("web")
CRON, CRON_PAIR = make_key("cron")
KEYED: dict[str, Any] = {"api_keys": (WEB_PAIR, CRON_PAIR)}
"""The settings of a service that knows these callers."""


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def ticket(client: httpx.AsyncClient, key: str = WEB, **wanted: Any) -> str:
    """A ticket for this key's caller."""
    answer = await client.post("/tickets", json=wanted, headers=bearer(key))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["ticket"])


def code(answer: httpx.Response) -> tuple[int, str]:
    """The status, and the code of the problem if there is one."""
    problem = answer.headers.get("content-type") == "application/problem+json"
    return answer.status_code, answer.json()["code"] if problem else ""
